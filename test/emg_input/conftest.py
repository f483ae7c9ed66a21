import time
from pathlib import Path

import pytest

from ..senders import name_stream, start_lsl_senders

SENDER = Path(__file__).with_name('sender.py')
STREAM = name_stream('amp')


@pytest.fixture
def send():
    """Return what starts a sender process; all are stopped at the end."""
    with start_lsl_senders(SENDER) as start:

        def begin(*arguments):
            process, said = start('--name', STREAM, *arguments)
            process.began = int(said)
            return process

        yield begin


@pytest.fixture
def poll():
    """Return what polls an amplifier until a condition holds, and gives the blocks."""

    def until(amplifier, done, timeout=60.0):
        blocks, end = [], time.monotonic() + timeout
        while not done(blocks):
            assert time.monotonic() < end, f'{amplifier.state}: {len(blocks)} blocks'
            blocks += amplifier.poll()
            time.sleep(0.01)
        return blocks

    return until
