"""A thread that looks for hands and never answers is named on /diagnostics."""

import subprocess
import sys

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import Image

from pianokpm_ros.graph import NodeSpec
from pianokpm_ros.nodes.base import IMAGES
from pianokpm_ros.nodes.sensor_messages import make_image
from pianokpm_ros.records import Frame
from pianokpm_ros.shares import find_asset, find_share

from .observer import Observer

CAMERAS = ['front', 'top']
TAKE = find_asset('takes/demo')


def start(name, how, **parameters):
    params = str(find_share('config/pianokpm.yaml'))
    spec = NodeSpec(name, 'capture', {'cameras': CAMERAS} | parameters, params, how)
    words = ['-m', 'test.nodes.stuck_node', name, 'top', how, *spec.ros_arguments()]
    return subprocess.Popen([sys.executable, *words])


def test_workers_that_never_answer_are_named():
    videos = [str(TAKE / f'{camera}.mp4') for camera in CAMERAS]
    with Observer('stuck_observer') as observer:
        publishers = [
            observer.node.create_publisher(Image, f'/dead/{camera}/image_raw', IMAGES)
            for camera in CAMERAS
        ]

        def send():
            for camera, publisher in zip(CAMERAS, publishers, strict=True):
                frame = Frame(1, camera, 0, np.zeros((48, 64, 3), np.uint8))
                publisher.publish(make_image(frame, 'f'))

        observer.node.create_timer(0.1, send)
        observer.listen('/diagnostics', DiagnosticArray)
        nodes = [
            start('capture_node', 'stuck', videos=videos, at_end='loop'),
            start('hand_landmark_node', 'dead'),
        ]
        try:
            for node in ('stuck/capture_node', 'dead/hand_landmark_node'):
                said = observer.wait_for_health(node, 'hands in the pictures of top: it is stuck')
                assert said.level == DiagnosticStatus.ERROR
        finally:
            for process in nodes:
                process.kill()
                process.wait()
