"""Workers must not outlive the command that they work for."""

import subprocess
import sys
import time
from pathlib import Path

CODE = """
import os, time
from pianokpm_training.workers import open_pool

if __name__ == '__main__':
    with open_pool(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 600).result()
"""


def runs(process):
    """Tell whether a process is there and no zombie, which nobody buries in a small container."""
    try:
        return Path(f'/proc/{process}/stat').read_text().rsplit(')', 1)[1].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def test_a_worker_ends_when_its_command_is_killed(tmp_path):
    script = tmp_path / 'command.py'
    script.write_text(CODE)
    command = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    worker = int(command.stdout.readline())
    assert runs(worker)
    command.kill()
    command.communicate()
    end = time.monotonic() + 30
    while runs(worker) and time.monotonic() < end:
        time.sleep(0.02)
    assert not runs(worker)
