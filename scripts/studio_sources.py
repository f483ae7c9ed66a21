"""The session around a take that is played: a virtual amplifier, and the events a guided recording would write.

Prints `ready` when the maximum contractions are over, `playing STAMP` when the capture begins, and at the end
`done`; what was sent, and when, goes to a file, and the numbers of the landmarks that were heard.
"""

import argparse
import contextlib
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from pianokpm.msg import HandLandmarks
from rclpy.executors import ExternalShutdownException
from rclpy.qos import QoSProfile
from slow_take import slow_performance
from std_msgs.msg import String
from virtual_amplifier import HOLD, LEAD, SECOND, VirtualAmplifier, contraction

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.nodes.base import LATCHED
from pianokpm_ros.recording.events import SessionEvent
from pianokpm_ros.takes import load_take

AFTER = 1.0
WITNESS = QoSProfile(depth=1000)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--take', type=Path, required=True)
    parser.add_argument('--slow', type=float, required=True, help='times slower')
    parser.add_argument('--cameras', nargs='+', required=True, help='to listen to')
    parser.add_argument('--truth', type=Path, required=True, help='file for what was sent')
    return parser.parse_args()


def sleep_until(stamp: float) -> None:
    time.sleep(max(0.0, stamp * 1e-9 - time.time()))


class Session:
    """Tells events, hears when the capture begins, and is a witness of all landmarks."""

    def __init__(self, cameras: list[str]) -> None:
        self._node = rclpy.create_node('studio_session')
        self._events = self._node.create_publisher(String, 'protocol/event', 10)
        self._start, self._started = 0, threading.Event()
        self.heard: dict[str, list[int]] = {c: [] for c in cameras}
        self._node.create_subscription(Time, 'playback/start', self._hear, LATCHED)
        for camera, numbers in self.heard.items():
            take = partial(self._witness, numbers)
            self._node.create_subscription(HandLandmarks, f'{camera}/hands', take, WITNESS)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            rclpy.spin(self._node)

    def close(self) -> None:
        rclpy.shutdown()
        self._thread.join()

    def _hear(self, message: Time) -> None:
        self._start = message.sec * SECOND + message.nanosec
        self._started.set()

    def _witness(self, numbers: list[int], message: HandLandmarks) -> None:
        numbers.append(message.sequence)

    def tell(self, action: str, kind: str = '', stamp: int = 0, **details: object) -> None:
        event = SessionEvent(stamp or time.time_ns(), action, kind, details)
        self._events.publish(String(data=event.to_json()))

    def wait_for_start(self) -> int:
        self._started.wait()
        return self._start


def contract(session: Session, origin: int) -> None:
    """Mark the maximum contractions while they are sent."""
    for m, muscle in enumerate(MUSCLES):
        begin = origin + contraction(m) * SECOND
        sleep_until(begin)
        session.tell('begin', 'mvc', muscle=muscle, side='right')
        sleep_until(begin + HOLD * SECOND)
        session.tell('end', 'mvc')
    sleep_until(origin + LEAD * SECOND)


def main() -> None:
    a = parse()
    performance = slow_performance(load_take(a.take).performance, a.slow)
    rclpy.init()
    session = Session(a.cameras)
    time.sleep(1.5)  # everybody finds everybody
    amplifier = VirtualAmplifier(performance, time.time_ns() + SECOND)
    amplifier.start()
    session.tell('session', subject='p01', side='right', simulated=True)
    contract(session, amplifier.origin)
    print('ready', flush=True)
    amplifier.play = play = session.wait_for_start()
    print('playing', play, flush=True)
    session.tell('begin', 'task', play, task=performance.name, trial=0)
    sleep_until(play + performance.duration)
    session.tell('end', 'task')
    sleep_until(play + performance.duration + AFTER * SECOND)
    heard = {f'heard_{camera}': np.array(n) for camera, n in session.heard.items()}
    np.savez(a.truth, origin=amplifier.origin, play=play, emg=amplifier.stop(), **heard)
    print('done', flush=True)
    session.close()


if __name__ == '__main__':
    main()
