"""Wait for what a process prints."""

import subprocess
import threading


def wait_for(process: subprocess.Popen, word: str, seconds: float) -> str:
    """Return the first line that has a word; fails where the process ends before, as it is made to in the end [s]."""
    limit = threading.Timer(seconds, process.kill)
    limit.start()
    try:
        for line in iter(process.stdout.readline, ''):
            if word in line:
                return line
    finally:
        limit.cancel()
    raise AssertionError(f'{word} never came; ended with {process.wait()}')
