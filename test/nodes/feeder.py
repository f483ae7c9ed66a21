"""Two cameras and two hands that are known exactly: publishes what the cameras would see, and faults."""

import threading
import time
from dataclasses import replace

import numpy as np
from pianokpm.msg import HandLandmarks

from pianokpm_ros.anatomy import Side
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.messages import to_message
from pianokpm_ros.nodes.base import STREAM
from pianokpm_ros.records import HandLandmarks as Hands

from ..geometry.conftest import look_at

RATE = 60


def make_rig():
    return Rig((look_at('top', (0.0, 0.05, 0.7)), look_at('side', (-0.6, 0.0, 0.35))))


def make_hands():
    """(2, 21, 3) [m]: fans of fingers of human size, left then right, 0.4 m apart."""
    fan = np.zeros((21, 3))
    for finger, angle in enumerate(np.deg2rad([50, 15, 0, -15, -30])):
        for joint in range(4):
            reach = (0.04, 0.06, 0.075, 0.085) if finger == 0 else (0.09, 0.13, 0.155, 0.175)
            fan[1 + 4 * finger + joint] = (
                -np.sin(angle) * reach[joint],
                np.cos(angle) * reach[joint],
                0.03 - 0.006 * joint,
            )
    return np.stack([fan * (-1, 1, 1) + (-0.2, 0, 0.02), fan + (0.2, 0, 0.02)])


def see(camera, hands, stamp, sequence):
    """Return what a camera sees, without noise."""
    pixels = np.stack([camera.project(h) for h in hands])
    world = np.stack([camera.transform(h) - camera.transform(h).mean(axis=0) for h in hands])
    return Hands(
        stamp, camera.name, camera.frame_id, camera.size, sequence,
        np.array([Side.LEFT, Side.RIGHT], np.uint8), np.full(2, 0.9, np.float32),
        pixels.astype(np.float32), world.astype(np.float32), np.full((2, 21), np.nan, np.float32),
    )  # fmt: skip


class Feeder:
    """Publish at 60 Hz in a thread until told otherwise; the attributes are the faults."""

    def __init__(self, node, namespace, clock=time.time_ns):
        self._clock = clock
        self.rig, self.hands = make_rig(), make_hands()
        self.cameras = set(self.rig.names)
        self.spoil = lambda record: record
        self.shift = 0
        self.stamps = set()
        self._sequence = 0
        self.publishers = {
            n: node.create_publisher(HandLandmarks, f'{namespace}/{n}/hands', STREAM)
            for n in self.rig.names
        }
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def wait_until_heard(self, observer):
        """Wait until somebody listens to each camera."""
        for publisher in self.publishers.values():
            observer.wait_for_subscribers(publisher)

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def step(self):
        """Publish one frame of each camera that is there; returns its stamp."""
        stamp = self._clock() + self.shift
        self.stamps.add(stamp)  # first: what is made of it may be heard at once
        for camera in self.rig.cameras:
            if camera.name in self.cameras:
                record = see(camera, self.hands, stamp, self._sequence)
                record = replace(self.spoil(record), publish_stamp=stamp)
                self.publishers[camera.name].publish(to_message(record))
        self._sequence += 1
        return stamp

    def _run(self):
        while not self._stopping.wait(1 / RATE):
            self.step()
