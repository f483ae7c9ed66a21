"""The graph on live cameras: two streams on loopback, one of them cut off and brought back."""

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from pianokpm.msg import HandLandmarks, HandPose

from pianokpm_ros.anatomy import Status
from pianokpm_ros.graph import GraphOptions, describe_graph
from pianokpm_ros.processes import GraphProcesses
from test.capture.streams import MjpegServer

from .observer import Observer

RATE = 8
"""Slow, so that busy machines find the hands in every frame."""


@pytest.fixture
def servers(recording):
    made = {n: MjpegServer(RATE, pictures=recording.frames[n]) for n in recording.videos}
    yield made
    for server in made.values():
        server.cut()


def test_poses_come_from_live_cameras_one_of_which_is_cut_off_and_comes_back(recording, servers):
    options = GraphOptions(
        live=tuple(f'{n}={s.url}' for n, s in servers.items()), rig=str(recording.rig)
    )
    nodes = [n for n in describe_graph(options) if n.name != 'muscle_estimation_node']
    with Observer() as observer, GraphProcesses(nodes, lambda name, line: None):
        for topic, kind in (
            ('cam0/hands', HandLandmarks), ('cam1/hands', HandLandmarks),
            ('hands/right', HandPose), ('hands/left', HandPose), ('/diagnostics', DiagnosticArray),
        ):  # fmt: skip
            observer.listen(topic, kind)
        observer.wait(
            lambda m: any(p.status >= Status.DEGRADED and max(p.views) == 2
                          for side in ('left', 'right') for p in m[f'hands/{side}']),
            90.0, 'a pose of both views',
        )  # fmt: skip
        servers['cam1'].cut()
        health = observer.wait_for_health('capture_node', 'cam1 is ', 90.0)
        assert health.level == b'\x02'
        before = len(observer.messages['cam0/hands'])
        observer.wait(lambda m: len(m['cam0/hands']) > before + 3, 90.0, 'the other camera')
        seen = len(observer.messages['cam1/hands'])
        servers['cam1'] = MjpegServer(RATE, servers['cam1'].port, recording.frames['cam1'])
        observer.wait(lambda m: len(m['cam1/hands']) > seen + 3, 90.0, 'the camera to come back')
        stamps = [
            (m.header.stamp.sec, m.header.stamp.nanosec) for m in observer.messages['cam1/hands']
        ]
    assert stamps == sorted(set(stamps))
