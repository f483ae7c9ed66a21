"""The virtual cameras of the studio: webcams around a keyboard, exactly calibrated."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.records import KEYBOARD_FRAME, NANOSECONDS
from pianokpm_ros.takes import Performance

VIEWS = {
    'top': ((0.0, -0.02, 0.62), (0.0, 0.02, 0.0), 0.81),
    'front': ((0.0, 0.50, 0.44), (0.0, 0.05, 0.0), 0.90),
    'left': ((-0.50, 0.02, 0.42), (-0.02, 0.0, 0.02), 0.81),
    'right': ((0.50, 0.02, 0.42), (0.02, 0.0, 0.02), 0.81),
}
"""Place and target [m] and focal length [widths] of each view; 0.81 is a webcam of 63 degrees."""

DISTORTION = (-0.08, 0.02, 3e-4, -2e-4, 0.0)
"""A webcam's mild barrel distortion: k1 k2 p1 p2 k3."""


class StudioError(PianokpmError, ValueError):
    """A take can't be made as asked."""


def place_camera(name: str, size: tuple[int, int]) -> Camera:
    """Return one of the studio's cameras; the picture's top is up, or away from the player seen from above."""
    if name not in VIEWS:
        raise StudioError(f'asked for the view {name!r}; there are {", ".join(VIEWS)}')
    return look_at(name, *VIEWS[name], size)


def look_at(
    name: str,
    place: tuple[float, float, float],
    target: tuple[float, float, float],
    focal: float,
    size: tuple[int, int],
) -> Camera:
    """Return a camera at a place that looks at a target [m], with a focal length in widths of its picture."""
    forward = np.subtract(target, place)
    forward /= np.linalg.norm(forward)
    up = (0.0, 0.0, 1.0) if abs(forward[2]) < 0.95 else (0.0, 1.0, 0.0)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    pixels = focal * size[0]
    matrix = np.array([
        [pixels, 0, (size[0] - 1) / 2], [0, pixels, (size[1] - 1) / 2], [0, 0, 1]
    ])  # fmt: skip
    translation = -rotation @ np.array(place)
    return Camera(name, size, matrix, np.array(DISTORTION), rotation, translation)


def build_rig(views: Sequence[str] = tuple(VIEWS), size: tuple[int, int] = (640, 480)) -> Rig:
    """Return a rig of some of the studio's cameras, in the frame of the keyboard."""
    return Rig(tuple(place_camera(name, size) for name in views), KEYBOARD_FRAME)


def cut(performance: Performance, duration: float, start: float = 0.0) -> Performance:
    """Return a part of a performance, its times counted from its first frame.

    Args:
        performance: whole.
        duration: of what is kept [s], at least one frame.
        start: where it begins [s].
    """
    first, end = round(start * NANOSECONDS), round((start + duration) * NANOSECONDS)
    if duration <= 0 or not 0 <= first <= performance.duration:
        raise StudioError(
            f'asked for {duration:g} s from {start:g} s of a performance of '
            f'{performance.duration / NANOSECONDS:g} s; the duration must be positive and the start inside'
        )
    first = int(performance.stamp[np.searchsorted(performance.stamp, first)])
    poses = _between(performance.stamp, first, end)
    keys = np.concatenate([
        _held(performance, first), np.flatnonzero(_between(performance.key_stamp, first, end))
    ])  # fmt: skip
    samples = _between(performance.envelope_stamp, first, end)
    return replace(
        performance,
        stamp=performance.stamp[poses] - first,
        landmarks=performance.landmarks[poses],
        key_stamp=np.maximum(performance.key_stamp[keys] - first, 0),
        key=performance.key[keys],
        key_position=performance.key_position[keys],
        key_velocity=performance.key_velocity[keys],
        envelope_stamp=performance.envelope_stamp[samples] - first,
        envelope=performance.envelope[:, samples],
    )


def _between(stamp: NDArray[np.int64], first: int, end: int) -> NDArray[np.bool_]:
    return (stamp >= first) & (stamp < end)


def _held(performance: Performance, moment: int) -> NDArray[np.intp]:
    """Return the last sample of each key that is down at a moment and was there before."""
    before = np.flatnonzero(performance.key_stamp < moment)[::-1]
    _, newest = np.unique(performance.key[before], return_index=True)
    chosen = np.sort(before[newest])
    return chosen[performance.key_position[chosen] > 0]
