"""The node as a process between a real LSL outlet and a real subscriber."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from .conftest import STREAM

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2')
pianokpm_msgs = pytest.importorskip('pianokpm.msg', reason='needs the built messages')


@pytest.fixture
def listener():
    from rclpy.context import Context
    from rclpy.executors import SingleThreadedExecutor

    context = Context()
    rclpy.init(context=context)
    node = rclpy.create_node('listener', context=context)
    got = []
    node.create_subscription(pianokpm_msgs.EmgBlock, 'emg', got.append, 50)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def wait(done, timeout=60.0):
        end = time.monotonic() + timeout
        while not done(got):
            assert time.monotonic() < end, len(got)
            executor.spin_once(timeout_sec=0.1)
        return got

    yield wait
    node.destroy_node()
    context.shutdown()


@pytest.fixture
def start(root):
    running = []

    def go():
        assigned = ['-p', 'scope:=machine', '-p', f'stream:={STREAM}']
        process = subprocess.Popen(
            [sys.executable, '-m', 'pianokpm_ros.nodes.emg_sensor_node', '--ros-args', *assigned],
            cwd=root,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield go
    for process in running:
        process.kill()
        process.communicate()


def test_the_stream_becomes_a_topic_and_sigint_ends_it_cleanly(send, listener, start):
    send()
    node = start()
    blocks = listener(lambda got: sum(len(b.samples) for b in got) >= 2 * 2000)
    rows = np.concatenate([np.array(b.samples).reshape(-1, 2) for b in blocks]) * 1e6
    assert (np.diff(np.rint(rows[:, 0])) == 1).all()
    assert blocks[0].channel == ['ADM', 'APB'] and blocks[0].origin == 2
    assert [b.sequence for b in blocks] == list(
        range(blocks[0].sequence, blocks[0].sequence + len(blocks))
    )
    node.send_signal(signal.SIGINT)
    assert node.wait(60) == 0


def test_a_stream_that_can_not_be_used_ends_the_node_with_the_reason(send, start):
    send('--unit', 'counts')
    node = start()
    assert node.wait(60) == 2
    assert "unit 'counts'" in node.stderr.read()
