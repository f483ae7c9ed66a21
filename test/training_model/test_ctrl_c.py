import os
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import os, sys, time
from pianokpm_training.workers import open_pool
if __name__ == '__main__':
    pool = open_pool(2, finish=sys.argv[1] == 'finish')
    jobs = [pool.submit(time.sleep, 0.2) for _ in range(2)]
    if sys.argv[2] == 'working':
        jobs[0].result()
        jobs = [pool.submit(time.sleep, 2.0) for _ in range(2)]
        time.sleep(0.2)
    try:
        print('there', flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        pool.shutdown(wait=True, cancel_futures=True)
        print('ended', [job.exception() is None for job in jobs if not job.cancelled()])
"""


@pytest.mark.parametrize('ending', ['finish', 'leave'])
@pytest.mark.parametrize('moment', ['starting', 'working'])
def test_ctrl_c_ends_workers_without_a_word(tmp_path, ending, moment):
    (tmp_path / 'script.py').write_text(SCRIPT)
    command = [sys.executable, tmp_path / 'script.py', ending, moment]
    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.STDOUT, 'text': True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:
        assert process.stdout.readline() == 'there\n'
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=60)[0]
    assert said.startswith('ended') and 'Traceback' not in said
    if moment == 'working':
        assert ('[True, True]' in said) == (ending == 'finish')
