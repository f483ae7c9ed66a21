"""Keep the chatter of native libraries off the terminal, which writes past Python straight to standard error."""

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CHATTER = re.compile(
    rb'^(WARNING: All log messages before absl::InitializeLog'
    rb'|INFO: Created TensorFlow Lite'
    rb'|[IW]\d{4} \d\d:\d\d:)'
    rb'|^[IW]0000 '
)
"""Information and warnings of absl and TensorFlow Lite; their errors (`E`, `F`) and all else pass."""


@contextmanager
def quiet_native_log() -> Iterator[None]:
    """Drop chatter from standard error inside the block; everything else passes line by line."""
    sys.stderr.flush()
    kept = os.dup(2)
    read, write = os.pipe()
    os.dup2(write, 2)
    os.close(write)
    reader = threading.Thread(target=_filter, args=(read, kept), daemon=True, name='native log')
    reader.start()
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)  # closes the last writing end: the reader comes to the end
        reader.join(timeout=1.0)
        os.close(kept)


def _filter(read: int, kept: int) -> None:
    with os.fdopen(read, 'rb') as lines:
        for line in lines:
            if not CHATTER.match(line):
                os.write(kept, line)
