"""Wait for what a process prints."""

import subprocess
import time


def wait_for(process: subprocess.Popen, word: str, seconds: float) -> str:
    """Return the first line that has a word; fails where it does not come in time, or the process ends."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        line = process.stdout.readline()
        if word in line:
            return line
        assert line, f'ended with {process.poll()}'
    raise AssertionError(f'{word} never came')
