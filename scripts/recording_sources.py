"""Virtual instruments at full rate: four cameras, a MIDI keyboard and an EMG amplifier, in real time.

A simulated pianist plays. Cameras publish `<camera>/hands` and previews as `capture_node` would, the
keyboard sends MIDI to `keyboard_node` (virtual port, or TCP), the amplifier is an LSL outlet. What truly
happened, and when, goes to a file.
"""

import argparse
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import mido
import numpy as np
import rclpy
from pianokpm.msg import HandLandmarks
from pianokpm_training.kinematic.performance import perform
from pianokpm_training.kinematic.pieces import random_exercise
from sensor_msgs.msg import CompressedImage
from virtual_amplifier import SECOND, VirtualAmplifier

from pianokpm_ros import records
from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.geometry.rig import load_rig
from pianokpm_ros.keyboard.key_samples import list_strokes
from pianokpm_ros.keyboard.midi_port import TCP, load_rtmidi
from pianokpm_ros.messages import to_message
from pianokpm_ros.nodes.base import IMAGES, STREAM
from pianokpm_ros.nodes.sensor_messages import make_compressed
from pianokpm_ros.priority import ask_for_real_time
from pianokpm_ros.shares import find_asset

FRAME_RATE, PREVIEW_STEP = 60, 6


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rig', required=True)
    parser.add_argument('--midi', required=True, help='as the port of keyboard_node')
    parser.add_argument('--truth', type=Path, required=True)
    parser.add_argument('--seconds', type=float, default=20.0)
    parser.add_argument('--seed', type=int, default=5)
    return parser.parse_args()


def open_keyboard(name: str) -> Callable[[mido.Message], None]:
    """Return what sends messages: over TCP, or through a virtual port of that name."""
    if not name.startswith(TCP):
        return load_rtmidi().open_output(name, virtual=True).send
    host, _, port = name.removeprefix(TCP).rpartition(':')
    peer = socket.create_connection((host, int(port)))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return lambda message: peer.sendall(bytes(message.bytes()))


def play_midi(performance, play: int, send: Callable, sent: list, stop: threading.Event) -> None:
    ask_for_real_time()  # or the truth would be no better than this thread's waking
    for stamp, key, down, velocity in list_strokes(performance.sensor_keys()):
        if stop.wait(max(0.0, (play + stamp - time.time_ns()) * 1e-9)):
            return
        message = mido.Message('note_on' if down else 'note_off', note=key, velocity=velocity)
        before = time.time_ns()
        send(message)
        sent.append((before, time.time_ns(), key, down))


def see(camera, hands, stamp, number, rng):
    pixels = np.stack([camera.project(h) for h in hands])
    world = np.stack([camera.transform(h) - camera.transform(h).mean(0) for h in hands])
    return records.HandLandmarks(
        stamp, camera.name, camera.frame_id, camera.size, number, np.array([1, 2], np.uint8),
        np.full(2, 0.95, np.float32), (pixels + rng.normal(0, 0.4, pixels.shape)).astype(np.float32),
        world.astype(np.float32), np.full((2, 21), np.nan, np.float32), stamp,
    )  # fmt: skip


def read_picture() -> np.ndarray:
    """Return a picture as previews have it: hands over a piano, from the take that ships."""
    video = VideoFile('top', find_asset('takes/demo') / 'top.mp4')
    video.open()
    frame = video.read()
    video.close()
    return frame.image


class Stage:
    """The cameras."""

    def __init__(self, rig, performance) -> None:
        self.node = rclpy.create_node('sources')
        self._rig, self._performance, self._rng = rig, performance, np.random.default_rng(1)
        self._hands, self._previews, self.previews = {}, {}, 0
        for camera in rig.cameras:
            self._hands[camera.name] = self.node.create_publisher(
                HandLandmarks, f'{camera.name}/hands', STREAM
            )
            self._previews[camera.name] = self.node.create_publisher(
                CompressedImage, f'{camera.name}/image/compressed', IMAGES
            )
        picture = read_picture()
        self._jpeg = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]

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
                    self.previews += 1


def main() -> None:
    a = parse()
    performance = perform(
        random_exercise(np.random.default_rng(a.seed), a.seconds), rate=240.0, seed=a.seed
    )
    send = open_keyboard(a.midi)
    rclpy.init()
    stage = Stage(load_rig(a.rig), performance)
    time.sleep(1.5)  # everybody finds everybody
    play, stop = time.time_ns() + 1_500_000_000, threading.Event()
    sent, counts = [], {}
    amplifier = VirtualAmplifier(performance, play - SECOND, play)
    keyboard = threading.Thread(target=play_midi, args=(performance, play, send, sent, stop))
    amplifier.start()
    keyboard.start()
    try:
        stage.film(play, counts)
    finally:
        keyboard.join(3.0)
        stop.set()
    rows = np.array(sent, np.int64).reshape(-1, 4)
    np.savez(
        a.truth, origin=amplifier.origin, play=play, emg=amplifier.stop(), midi_stamp=rows[:, 0],
        midi_after=rows[:, 1], midi_key=rows[:, 2], midi_down=rows[:, 3],
        frames=np.array([counts.get(n, 0) for n in sorted(counts)]), topics=np.array(sorted(counts)),
        previews=stage.previews,
    )  # fmt: skip
    rclpy.shutdown()


if __name__ == '__main__':
    main()
