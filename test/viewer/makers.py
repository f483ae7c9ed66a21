"""A made-up graph's messages as bytes: two hands of the shipped take that stand still, known envelopes, one key."""

from collections.abc import Iterator

import cv2
import numpy as np

from pianokpm_ros.anatomy import MUSCLES, Side, Status
from pianokpm_ros.recording.schemas import bag_types, load_store, serialize
from pianokpm_ros.records import (
    HandLandmarks,
    HandPose,
    Inputs,
    KeyMotion,
    MuscleActivity,
    Normalization,
)
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import load_take
from pianokpm_ros.viewer.cameras import PICTURE

ORIGIN = 1_700_000_000_000_000_000
FRAME = 20_000_000
DELAY = 30_000_000
SIZE = (64, 48)
KEY = 64
SIDES = (Side.LEFT, Side.RIGHT)


def load_hands() -> np.ndarray:
    """Return the (2, 21, 3) hands of the shipped take's first frame [m]."""
    return load_take(find_asset('takes/demo')).performance.landmarks[0]


def value_at(number: int, side: Side) -> np.ndarray:
    """Return the (20, 6) envelope of a frame: each muscle has a level of its own, which time raises a little."""
    level = 0.1 * np.arange(1, 7) * (1 if side == Side.RIGHT else 0.5)
    return level + 0.0001 * (20 * number + np.arange(20))[:, None]


def make_activity(number: int, side: Side, status: Status = Status.OK) -> MuscleActivity:
    """Make the estimate of a frame."""
    values = value_at(number, side)
    stamp = ORIGIN + number * FRAME
    known = values if status >= Status.DEGRADED else values * np.nan
    return MuscleActivity(
        stamp, 'rig', number, side, status, Inputs.POSE, MUSCLES, known[-1], known[-1] * 0 + 0.02,
        0.9, 0.033, 1000.0, stamp, known, known * 0 + 0.02, Normalization.MODEL, 'made@0',
    )  # fmt: skip


def make_pose(number: int, side: Side, points: np.ndarray, frame_id: str = 'rig') -> HandPose:
    """Make a pose."""
    unknown = np.full(21, np.nan)
    stamp, views = ORIGIN + number * FRAME, np.full(21, 2)
    covariance = np.full((21, 6), np.nan)
    return HandPose(
        stamp, frame_id, number, side, Status.OK, points, unknown, covariance, unknown, views
    )


def make_landmarks(number: int) -> HandLandmarks:
    """Make what one camera saw: a right hand, its little finger's tip unknown."""
    pixels = np.stack([np.linspace(5, 50, 21), np.linspace(4, 40, 21)], 1)[None]
    pixels[0, 20] = np.nan
    shape = (1, 21)
    return HandLandmarks(
        ORIGIN + number * FRAME, 'top', 'top_optical_frame', SIZE, number, np.array([2], np.uint8),
        np.ones(1), pixels, np.zeros((*shape, 3)), np.ones(shape),
    )  # fmt: skip


def make_picture(number: int) -> bytes:
    """Make a small picture message."""
    jpeg = cv2.imencode('.jpg', np.full((SIZE[1], SIZE[0], 3), 90, np.uint8))[1]
    types = bag_types()
    header = types.header(ORIGIN + number * FRAME, 'top_optical_frame')
    message = types.get(PICTURE)(header=header, format='jpeg', data=jpeg.reshape(-1))
    return bytes(load_store().serialize_cdr(message, PICTURE))


def make_frame(number: int, hands: np.ndarray) -> Iterator[tuple[str, str, bytes, int]]:
    """Yield (topic, datatype, CDR, arrival) of one frame of the graph."""
    came = ORIGIN + number * FRAME + DELAY
    key = np.array([KEY], np.uint8)
    down = np.array([1.0]) if number % 50 < 25 else np.array([0.0])
    keys = KeyMotion(ORIGIN + number * FRAME, number, np.zeros(1), key, down, down * np.nan, key)
    records = [('/keys', keys), ('/top/hands', make_landmarks(number))]
    for side, points in zip(SIDES, hands, strict=True):
        records.append((f'/hands/{side.label}', make_pose(number, side, points)))
        records.append((f'/muscle_activity/{side.label}', make_activity(number, side)))
    for topic, record in records:
        yield topic, f'pianokpm/msg/{type(record).__name__}', serialize(record), came
    if number % 5 == 0:
        yield '/top/image/compressed', PICTURE, make_picture(number), came
