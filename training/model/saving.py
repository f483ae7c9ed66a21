"""Write what torch holds, whole or not at all."""

import io
from pathlib import Path
from typing import Any

import torch

from pianokpm_ros.outputs import whole_file


def save_tensors(path: Path, state: dict[str, Any]) -> None:
    """Write by way of memory: of a full disk torch itself would tell in words that nobody understands."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with whole_file(path) as part:
        part.write_bytes(buffer.getbuffer())
