"""The launch files under the real launch, where a ROS 2 installation has it: the wheels have none."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray

from pianokpm_ros.shares import find_share

from ..capture.conftest import write_video
from ..nodes.observer import Observer

pytest.importorskip('launch_ros', reason='launch is not installed')

RUN = Path(__file__).with_name('launch_file.py')


class Launched:
    """A launch file that runs; a context that ends it, and all that it started."""

    def __init__(self, name, **values):
        words = [f'{k}:={v}' for k, v in values.items()]
        self.process = subprocess.Popen(
            [sys.executable, str(RUN), str(find_share(f'launch/{name}.launch.py')), *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self.lines, self._coming = [], queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self._coming.put(line.rstrip())
        self._coming.put(None)

    def read_until(self, words, timeout=60.0):
        """Return the line with some words; fails where none comes, None as words waits for the end."""
        while True:
            line = self._coming.get(timeout=timeout)
            if line is None:
                assert words is None, self.lines
                return None
            self.lines.append(line)
            if words and words in line:
                return line

    def interrupt(self):
        """Press Ctrl-C: the terminal tells launch and the nodes, then launch tells the nodes."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.read_until(None)
        return self.process.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)


@pytest.fixture
def video(tmp_path):
    return write_video(tmp_path / 'top.mp4', 10)


def find_pid(line):
    return int(re.search(r'pid \[(\d+)', line)[1])


def test_a_node_that_is_done_is_not_started_again_and_one_that_died_is(video):
    chosen = {'videos': f'top={video}', 'at_end': 'exit', 'namespace': 'launched'}
    with Launched('bringup', **chosen) as launched:
        other = find_pid(launched.read_until('[triangulation_node-2]: process started'))
        launched.read_until('[capture_node-1]: process has finished cleanly')
        # It dies later than capture was done: when it is back, capture would be too.
        os.kill(other, signal.SIGKILL)
        launched.read_until('[triangulation_node-2]: process started')
        assert sum('[capture_node-1]: process started' in x for x in launched.lines) == 1


def test_ctrl_c_ends_all_and_nothing_dies(video):
    chosen = {'videos': f'top={video}', 'namespace': 'launched', 'sigterm_timeout': 60}
    with Launched('bringup', **chosen) as launched, Observer('launch_observer') as observer:
        observer.listen('/diagnostics', DiagnosticArray)
        for node in ('capture_node', 'triangulation_node', 'muscle_estimation_node'):
            observer.wait_for_health(f'launched/{node}', '')
        assert launched.interrupt() == 0
    pids = [find_pid(x) for x in launched.lines if 'process started' in x]
    assert len(pids) == 3 and not any(Path(f'/proc/{pid}').exists() for pid in pids)
    assert not [x for x in launched.lines if 'has died' in x or 'Traceback' in x]


def test_what_can_not_be_started_is_refused_with_the_reason():
    with Launched('bringup', videos='top', namespace='launched') as launched:
        launched.read_until("videos: found 'top'; write name=path")
        launched.read_until(None)
        assert launched.process.wait(10) == 1
    with Launched('bringup', videos=f'top={RUN}', namespace='launched') as launched:
        launched.read_until('capture_node refuses to start')
        launched.read_until(None)
        assert launched.process.wait(10) == 1
