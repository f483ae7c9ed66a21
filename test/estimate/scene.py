"""A made-up scene: two cameras, a moving pair of hands, what the cameras would see of them, and small videos."""

from pathlib import Path

import numpy as np

from pianokpm_ros.anatomy import LANDMARK_COUNT, Side
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.records import HandLandmarks, KeyMotion
from pianokpm_ros.view.video_writer import VideoWriter

from ..geometry.conftest import look_at

PERIOD = 20_000_000
START = 5_000_000_000


def make_rig(size=(640, 480)):
    return Rig(
        (
            look_at('top', (0.0, 0.05, 0.7), size=size),
            look_at('left', (-0.6, 0.0, 0.35), size=size),
        )
    )


def make_hand(side, time=0.0):
    """Return (21, 3) [m]: a fan of fingers of an adult's size whose index finger moves up and down."""
    fan = np.zeros((LANDMARK_COUNT, 3))
    for finger, angle in enumerate(np.deg2rad([50, 15, 0, -15, -30])):
        for joint in range(4):
            reach = (0.04, 0.06, 0.075, 0.085) if finger == 0 else (0.09, 0.13, 0.155, 0.175)
            fan[1 + 4 * finger + joint] = (
                -np.sin(angle) * reach[joint],
                np.cos(angle) * reach[joint],
                0.03 - 0.006 * joint,
            )
    fan[6:9, 2] += 0.01 * np.sin(2 * np.pi * 2 * time)
    return fan * (-1, 1, 1) + (-0.15, 0, 0) if side == Side.LEFT else fan + (0.15, 0, 0)


def see(camera, hands, sides, stamp, sequence=0):
    """Return what a camera sees of (H, 21, 3) hands [m]."""
    count = len(hands)
    pixels = np.stack([camera.project(h) for h in hands]) if count else np.zeros((0, 21, 2))
    world = [camera.transform(h) - camera.transform(h).mean(0) for h in hands]
    return HandLandmarks(
        stamp,
        camera.name,
        camera.frame_id,
        camera.size,
        sequence,
        np.array(sides, np.uint8),
        np.full(count, 0.95, np.float32),
        pixels.astype(np.float32),
        np.array(world, np.float32).reshape(count, 21, 3),
        np.full((count, 21), np.nan, np.float32),
    )


def film(rig, count, period=PERIOD, start=START):
    """Return what all cameras see of both hands in successive sets of frames."""
    sets = []
    for i in range(count):
        stamp = start + i * period
        hands = [make_hand(s, i * period * 1e-9) for s in (Side.LEFT, Side.RIGHT)]
        sets.append({c.name: see(c, hands, (1, 2), stamp, i) for c in rig.cameras})
    return sets


def press(count, start=START, key=64):
    """Return records of a key that goes down and up twice a second, every 10 ms."""
    return [
        KeyMotion(
            start + 10_000_000 * i,
            i,
            np.zeros(1, np.float32),
            np.array([key], np.uint8),
            np.array([float(i // 25 % 2)], np.float32),
            np.array([np.nan], np.float32),
            np.zeros(1, np.uint8),
            source='file:test.mid',
        )
        for i in range(count)
    ]


def save_video(path: Path, count=5, size=(64, 48), period=40_000_000):
    """Write a video of grey pictures, each a little brighter."""
    with VideoWriter(path, size, 1e9 / period) as writer:
        for i in range(count):
            writer.write(np.full((size[1], size[0], 3), 40 + i, np.uint8), i * period)
    return path
