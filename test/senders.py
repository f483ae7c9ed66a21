"""Programs that send a stream to the code under test, started and ended by fixtures."""

import contextlib
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RUN = uuid.uuid4().hex[:8]


def name_stream(word: str) -> str:
    """Return a name that streams of other test runs on this machine or in its network don't have."""
    return f'{word}_{RUN}'


@contextlib.contextmanager
def start_lsl_senders(script: Path) -> Iterator[Callable[..., tuple[subprocess.Popen, str]]]:
    """Offer to start a script that sends on LSL: gives the process and its first line; all end with the context."""
    pytest.importorskip('pylsl', reason='pip install -r requirements/lsl.txt')
    with contextlib.ExitStack() as stack:

        def start(*arguments: object) -> tuple[subprocess.Popen, str]:
            module = '.'.join(script.relative_to(ROOT).with_suffix('').parts)
            command = [sys.executable, '-m', module, *map(str, arguments)]
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            stack.enter_context(process)
            stack.callback(process.kill)
            return process, process.stdout.readline()

        yield start
