"""Virtual instruments for the rehearsal of a recording: cameras, a MIDI keyboard and an EMG amplifier, in real time.

A simulated pianist plays. Cameras publish `<camera>/hands` and previews as `capture_node` would, the
keyboard sends MIDI bytes over TCP to `keyboard_node`, the amplifier is an LSL outlet. What truly
happened, and when, goes to a file.
"""

import argparse
import socket
import threading
import time
from pathlib import Path

import cv2
import mido
import numpy as np
import rclpy
from pianokpm.msg import HandLandmarks
from pianokpm_training.kinematic.performance import perform
from pianokpm_training.kinematic.pieces import random_exercise
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String

from pianokpm_ros import records
from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.emg.outlet import EmgOutlet
from pianokpm_ros.emg.synthesis import EmgSynthesizer
from pianokpm_ros.geometry.rig import load_rig
from pianokpm_ros.keyboard.key_samples import list_strokes
from pianokpm_ros.messages import to_message
from pianokpm_ros.nodes.base import IMAGES, STREAM
from pianokpm_ros.nodes.sensor_messages import make_compressed
from pianokpm_ros.recording.events import SessionEvent
from pianokpm_ros.records import EmgOrigin

SECOND = 1_000_000_000
RATE, FRAME_RATE, PREVIEW_STEP = 2000.0, 60, 6
REST, HOLD, PAUSE = 2.0, 1.5, 0.5
LEAD = REST + len(MUSCLES) * (HOLD + PAUSE)
MVC_VOLTS = np.array([300, 350, 900, 500, 450, 400]) * 1e-6


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rig', required=True)
    parser.add_argument('--midi', type=int, required=True, help='TCP port of keyboard_node')
    parser.add_argument('--truth', type=Path, required=True)
    parser.add_argument('--seconds', type=float, default=20.0)
    parser.add_argument('--seed', type=int, default=5)
    parser.add_argument(
        '--no-cameras', action='store_true', help='capture_node plays videos instead'
    )
    return parser.parse_args()


def make_emg(performance) -> np.ndarray:
    """(N, 6) volts: rest, maximum contractions, then the performance."""
    count = round((LEAD + performance.duration / SECOND) * RATE)
    envelope = np.full((count, len(MUSCLES)), 0.01)
    for m in range(len(MUSCLES)):
        first = round((REST + m * (HOLD + PAUSE)) * RATE)
        envelope[first : first + round(HOLD * RATE), m] = 1.0
    time_ = (np.arange(count) / RATE - LEAD) * SECOND
    playing = time_ >= 0
    for m in range(len(MUSCLES)):
        known = performance.envelope[1, :, m]
        envelope[playing, m] = np.interp(time_[playing], performance.envelope_stamp, known)
    raw = EmgSynthesizer(RATE, len(MUSCLES), 7).push(envelope) * MVC_VOLTS
    return (raw + np.random.default_rng(0).normal(0, 3e-6, raw.shape)).astype(np.float32)


def stream_emg(samples: np.ndarray, origin: int, stop: threading.Event) -> None:
    outlet = EmgOutlet(
        'rehearsal',
        MUSCLES,
        RATE,
        EmgOrigin.SIMULATED,
        'virtual',
        [Side.RIGHT] * 6,
        scope='machine',
    )
    offset = time.time_ns() * 1e-9 - outlet.clock
    start, sent = origin * 1e-9 - offset, 0
    while sent < len(samples) and not stop.is_set():
        due = min(int(max(outlet.clock - start, 0) * RATE), len(samples))
        outlet.push(samples[sent:due], start + np.arange(sent, due) / RATE)
        sent = due
        time.sleep(0.01)
    time.sleep(1.0)  # the last samples are on their way


def play_midi(performance, play: int, port: int, sent: list, stop: threading.Event) -> None:
    with socket.create_connection(('127.0.0.1', port)) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for stamp, key, down, velocity in list_strokes(performance.sensor_keys()):
            if stop.wait(max(0.0, (play + stamp - time.time_ns()) * 1e-9)):
                return
            kind = 'note_on' if down else 'note_off'
            sent.append((time.time_ns(), key, down))
            peer.sendall(bytes(mido.Message(kind, note=key, velocity=velocity).bytes()))


def see(camera, hands, stamp, number, rng):
    pixels = np.stack([camera.project(h) for h in hands])
    world = np.stack([camera.transform(h) - camera.transform(h).mean(0) for h in hands])
    return records.HandLandmarks(
        stamp, camera.name, camera.frame_id, camera.size, number, np.array([1, 2], np.uint8),
        np.full(2, 0.95, np.float32), (pixels + rng.normal(0, 0.4, pixels.shape)).astype(np.float32),
        world.astype(np.float32), np.full((2, 21), np.nan, np.float32), stamp,
    )  # fmt: skip


class Stage:
    """The ROS side: cameras and the session's events."""

    def __init__(self, rig, performance) -> None:
        self.node = rclpy.create_node('sources')
        self._rig, self._performance, self._rng = rig, performance, np.random.default_rng(1)
        self._hands, self._previews = {}, {}
        for camera in rig.cameras:
            self._hands[camera.name] = self.node.create_publisher(
                HandLandmarks, f'{camera.name}/hands', STREAM
            )
            self._previews[camera.name] = self.node.create_publisher(
                CompressedImage, f'{camera.name}/image/compressed', IMAGES
            )
        self._events = self.node.create_publisher(String, 'protocol/event', 10)
        picture = cv2.GaussianBlur(
            self._rng.integers(0, 256, (480, 640, 3)).astype(np.uint8), (9, 9), 2
        )
        self._jpeg = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]

    def tell(self, action: str, kind: str = '', **details) -> None:
        event = SessionEvent(time.time_ns(), action, kind, details)
        self._events.publish(String(data=event.to_json()))

    def film(self, play: int, counts: dict, previews: bool = True) -> None:
        stamps = np.arange(0, self._performance.duration, SECOND // FRAME_RATE)
        for number, stamp in enumerate(stamps.tolist()):
            at = play + stamp
            time.sleep(max(0.0, (at + 30_000_000 - time.time_ns()) * 1e-9))
            i = int(np.searchsorted(self._performance.stamp, stamp))
            for camera in self._rig.cameras:
                record = see(camera, self._performance.landmarks[i], at, number, self._rng)
                self._hands[camera.name].publish(to_message(record))
                counts[f'/{camera.name}/hands'] = number + 1
                if previews and number % PREVIEW_STEP == 0:
                    message = make_compressed(self._jpeg, at, camera.frame_id)
                    self._previews[camera.name].publish(message)


def main() -> None:
    a = parse()
    performance = perform(
        random_exercise(np.random.default_rng(a.seed), a.seconds), rate=240.0, seed=a.seed
    )
    samples = make_emg(performance)
    rclpy.init()
    stage = Stage(load_rig(a.rig), performance)
    time.sleep(1.5)  # everybody finds everybody
    origin, stop = time.time_ns() + 1_500_000_000, threading.Event()
    play = origin + round(LEAD * SECOND)
    sent, counts = [], {}
    workers = [
        threading.Thread(target=stream_emg, args=(samples, origin, stop)),
        threading.Thread(target=play_midi, args=(performance, play, a.midi, sent, stop)),
    ]
    for worker in workers:
        worker.start()
    try:
        stage.tell('session', subject='p01', side='right', simulated=True)
        for m, muscle in enumerate(MUSCLES):
            begin = origin * 1e-9 + REST + m * (HOLD + PAUSE)
            time.sleep(max(0.0, begin - time.time()))
            stage.tell('begin', 'mvc', muscle=muscle, side='right')
            time.sleep(max(0.0, begin + HOLD - time.time()))
            stage.tell('end', 'mvc')
        time.sleep(max(0.0, play * 1e-9 - time.time()))
        stage.tell('begin', 'task', task='exercise', trial=0)
        if a.no_cameras:
            time.sleep(max(0.0, (play + performance.duration) * 1e-9 - time.time()))
        else:
            stage.film(play, counts)
        stage.tell('end', 'task')
    finally:
        for worker in workers:
            worker.join(3.0)
        stop.set()
    stamps, keys, downs = (np.array(c) for c in zip(*sent, strict=True))
    np.savez(
        a.truth, origin=origin, play=play, emg=samples, midi_stamp=stamps, midi_key=keys, midi_down=downs,
        frames=np.array([counts.get(n, 0) for n in sorted(counts)]), topics=np.array(sorted(counts)),
    )  # fmt: skip
    rclpy.shutdown()


if __name__ == '__main__':
    main()
