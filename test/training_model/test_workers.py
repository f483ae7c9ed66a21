"""Workers must not outlive the command that they work for."""

import subprocess
import sys
import time

from ..children import runs

CODE = """
import os, time
from pianokpm_training.workers import open_pool

if __name__ == '__main__':
    with open_pool(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 600).result()
"""


def test_a_worker_ends_when_its_command_is_killed(tmp_path):
    script = tmp_path / 'command.py'
    script.write_text(CODE)
    command = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    worker = int(command.stdout.readline())
    assert runs(worker)
    command.kill()
    command.communicate()
    end = time.monotonic() + 60
    while runs(worker) and time.monotonic() < end:
        time.sleep(0.02)
    assert not runs(worker)
