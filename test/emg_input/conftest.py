import contextlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

SENDER = Path(__file__).with_name('sender.py')


@pytest.fixture
def send():
    """Return what starts a sender process; all are stopped at the end."""
    pytest.importorskip('pylsl', reason='pip install -r requirements/lsl.txt')
    with contextlib.ExitStack() as stack:

        def start(*arguments):
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, str(SENDER), *map(str, arguments)],
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            process.began = int(process.stdout.readline())
            return process

        yield start


@pytest.fixture
def poll():
    """Return what polls an amplifier until a condition holds, and gives the blocks."""

    def until(amplifier, done, timeout=15.0):
        blocks, end = [], time.monotonic() + timeout
        while not done(blocks):
            assert time.monotonic() < end, f'{amplifier.state}: {len(blocks)} blocks'
            blocks += amplifier.poll()
            time.sleep(0.01)
        return blocks

    return until
