"""The recorder as a process, beside publishers that offer more and less than our own."""

import time

import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from pianokpm.msg import HandPose
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage

from pianokpm_ros.graph import NodeSpec
from pianokpm_ros.nodes.base import IMAGES, LATCHED
from pianokpm_ros.processes import GraphProcesses
from pianokpm_ros.recording.reader import read_raw
from pianokpm_ros.shares import find_share

from .observer import Observer

BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
OFFERS = {
    '/top/image/compressed': (CompressedImage, IMAGES),
    '/top/camera_info': (CameraInfo, QoSProfile(depth=10)),
    '/hands/left': (HandPose, BEST_EFFORT),
    '/hands/right': (HandPose, QoSProfile(depth=10)),
    '/playback/start': (Time, LATCHED),
}


@pytest.fixture
def observer():
    made = Observer('other_driver')
    made.listen('/diagnostics', DiagnosticArray)
    yield made
    made.close()


def test_every_publisher_is_heard_whatever_it_offers(observer, tmp_path):
    parameters = {
        'bag': str(tmp_path / 'bag'),
        'cameras': ['top'],
        'topics': ['top/image/compressed'],
    }
    params = str(find_share('config/pianokpm.yaml'))
    spec = NodeSpec('recorder_node', 'estimation', parameters, params, respawn=False)
    with GraphProcesses([spec], lambda *_: None):
        observer.wait_for_health('recorder_node', 'recording to')
        out = {
            topic: observer.node.create_publisher(kind, topic, quality)
            for topic, (kind, quality) in OFFERS.items()
        }
        out['/playback/start'].publish(Time(sec=7))
        end = time.monotonic() + 60.0
        heard: set[str] = set()
        while heard != set(OFFERS) and time.monotonic() < end:
            for topic, (kind, _) in OFFERS.items():
                if topic != '/playback/start':
                    out[topic].publish(kind())
            time.sleep(0.1)
            heard = {topic for topic, *_ in read_raw(tmp_path / 'bag')} & set(OFFERS)
    assert heard == set(OFFERS)


def test_a_recorder_that_hears_no_graph_says_so(observer, tmp_path):
    params = str(find_share('config/pianokpm.yaml'))
    parameters = {'bag': str(tmp_path / 'bag')}
    spec = NodeSpec('recorder_node', 'estimation', parameters, params, respawn=False)
    lines = []
    with GraphProcesses([spec], lambda _, line: lines.append(line)):
        observer.wait_for_health('recorder_node', 'nothing but diagnostics has come')
        out = observer.node.create_publisher(HandPose, '/hands/left', 10)
        observer.wait_for_subscribers(out)
        out.publish(HandPose())
        observer.wait(lambda m: m['/diagnostics'][-1].status[0].message.startswith('recording to'))
    assert sum('is a graph running, in the namespace / and' in line for line in lines) == 1


def test_a_recorder_in_a_namespace_leaves_other_graphs_out(observer, tmp_path):
    params = str(find_share('config/pianokpm.yaml'))
    parameters = {'bag': str(tmp_path / 'bag')}
    spec = NodeSpec('recorder_node', 'estimation', parameters, params, 'one', respawn=False)
    others = observer.node.create_publisher(HandPose, '/two/hands/left', 10)
    own = observer.node.create_publisher(HandPose, '/one/further/left', 10)
    with GraphProcesses([spec], lambda *_: None):
        # A look finds both or, had it come before either, the next one does.
        observer.wait_for_subscribers(own)
        observer.wait_for_health('one/recorder_node', 'recording to')
        before = len(observer.messages['/diagnostics'])
        observer.wait(lambda m: len(m['/diagnostics']) >= before + 2, 60.0, 'another look')
        assert not others.get_subscription_count()
        own.publish(HandPose())
        observer.wait(lambda m: heard_by_recorder(m, '/one/further/left'), 60.0, 'the own message')
    assert {topic for topic, *_ in read_raw(tmp_path / 'bag')} == {
        '/one/further/left',
        '/diagnostics',
    }


def heard_by_recorder(messages, topic):
    return any(v.key == topic for s in messages['/diagnostics'][-1].status for v in s.values)
