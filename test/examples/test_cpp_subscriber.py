"""The C++ example, built by colcon against the messages of this package, hears a Python publisher and its end.

Needs rclcpp, which ROS installations have and the wheels lack: it skips without.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from test.examples.colcon import build
from test.examples.lines import wait_for

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = 'pianokpm_cpp_subscriber'


@pytest.fixture(scope='module')
def program(tmp_path_factory):
    """Build the example."""
    folder = tmp_path_factory.mktemp('cpp')
    installed = build(ROOT / 'examples' / 'cpp_subscriber', folder)
    return installed / PACKAGE / 'lib' / PACKAGE / 'activity_subscriber'


def test_prints_activations_and_notices_that_the_publisher_is_gone(program, monkeypatch):
    monkeypatch.delenv('_ROS_WHEELS_BOOTSTRAP_COMPLETE', raising=False)
    pipe = {'stdout': subprocess.PIPE, 'stderr': subprocess.STDOUT, 'text': True}
    subscriber = subprocess.Popen([str(program)], **pipe)
    topic = 'muscle_activity/right'
    publisher = subprocess.Popen(
        [sys.executable, '-m', 'test.client.synthetic_publisher', topic], cwd=ROOT
    )
    try:
        line = wait_for(subscriber, '1DI', 90)
        assert line.startswith('estimated') and 'confidence' in line and 'nan' not in line
        publisher.kill()
        wait_for(subscriber, 'publisher gone', 30)
    finally:
        for process in (publisher, subscriber):
            process.kill()
            process.wait()
