"""Windows as the published network wants them: two views in 2D, 88 keys, one second of 1024 samples.

Views that a recording has are used; for others the triangulated pose, with all its noise, is projected into two
cameras of the studio, above and to the right. Left hands are mirrored to right ones, in recorded views the picture,
which the published network, for left hands only, did not need.
Letters: B windows, T samples (1024 a second), M muscles.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.evaluation.takes import Take
from pianokpm_training.model.flat import VIEWS, mirror_keys, place_in_picture
from pianokpm_training.studio.rigs import place_camera

from pianokpm_ros.anatomy import Side
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_CENTRES

Float32Array = NDArray[np.float32]

RATE, WINDOW, STEP = 1024, 1024, 768
"""Samples a second, of a window, and from window to window in training: an overlap of 256."""

SIZE = (640, 480)
FARTHEST = 1.0
"""A landmark farther from the middle [picture widths] is not seen: there the lens model goes astray."""

LEAST_DEVIATION = 1e-3
"""Smallest deviation of a place in the pictures, in picture widths."""

MIRROR = KEY_CENTRES[62 - FIRST_KEY]
"""A keyboard is symmetric about the middle of the D above middle C [m]."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Inputs and targets.

    Attributes:
        stamp: (B, T) int64 [ns].
        pose: (B, T, 84) places in the two images, widths from the middle; in half precision a sixth of a pixel.
        keys: (B, T, 88), -1 at rest to 1 at the bottom.
        target: (B, T, M) in MVC.
    """

    stamp: NDArray[np.int64]
    pose: NDArray[np.float16]
    keys: NDArray[np.float16]
    target: Float32Array


def cut_windows(take: Take, step: int = WINDOW) -> Windows:
    """Cut a take into whole windows."""
    begin, end = int(take.stamp[0]), int(take.stamp[-1])
    count = int((end - begin) * 1e-9 * RATE) + 1
    stamps = begin + np.rint(np.arange(count) * (1e9 / RATE)).astype(np.int64)
    starts = np.arange(0, count - WINDOW + 1, step)
    index = starts[:, None] + np.arange(WINDOW)
    pose, keys = project_views(take, stamps), _keys(take, stamps)
    target = np.stack([np.interp(stamps, take.stamp, c) for c in take.truth.T], axis=1)
    pose, keys = (v.astype(np.float16)[index] for v in (pose, keys))
    return Windows(stamps[index], pose, keys, target.astype(np.float32)[index])


def join_windows(parts: Sequence[Windows]) -> Windows:
    """Stack the windows of several takes."""
    names = ('stamp', 'pose', 'keys', 'target')
    return Windows(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))


@dataclass(frozen=True, eq=False)
class PoseScale:
    """Brings places in pictures to zero mean and unit deviation; a hand moves little in a picture.

    Attributes:
        mean: (84,).
        deviation: (84,), positive.
    """

    mean: Float32Array
    deviation: Float32Array

    def apply(self, pose: NDArray) -> NDArray[np.float16]:
        """Scale (B, T, 84) places, a window at a time: all of them in single precision would fill the memory."""
        scaled = np.empty(pose.shape, np.float16)
        for window, places in zip(scaled, pose, strict=True):
            window[:] = (places.astype(np.float32) - self.mean) / self.deviation
        return scaled


def fit_pose_scale(pose: NDArray) -> PoseScale:
    """Measure the (B, T, 84) places that are learned from."""
    flat = pose.reshape(-1, pose.shape[-1])[::8].astype(np.float32)
    return PoseScale(flat.mean(axis=0), np.maximum(flat.std(axis=0), LEAST_DEVIATION))


def project_views(take: Take, stamps: NDArray[np.int64]) -> NDArray:
    """Return the (T, 84) places of the landmarks in both images, linear between frames and over gaps."""
    columns = []
    for view in VIEWS:
        track = take.recording.views.get(view)
        # Where a recorded picture has its middle can't be told without its size.
        known = track is not None and min(track.size) > 0
        if known:
            time, middle = track.stamp, place_in_picture(track, take.side)
        else:
            time, middle = _look_projected(take, view)
        middle[~(np.abs(middle) < FARTHEST).all(axis=2)] = np.nan
        columns += [_fill(stamps, time, c) for c in middle.reshape(len(time), -1).T]
    return np.stack(columns, axis=1)


def _look_projected(take: Take, camera: str) -> tuple[NDArray[np.int64], NDArray]:
    """Return stamps (V,) [ns] of the poses and their places (V, 21, 2) in one of the studio's cameras.

    Places are in picture widths from its middle.
    """
    poses = take.poses
    points = poses.landmarks.copy()
    if take.side == Side.LEFT:
        points[..., 0] = 2 * MIRROR - points[..., 0]
    pixels = np.asarray(place_camera(camera, SIZE).project(points.reshape(-1, 3)))
    return poses.stamp, (pixels.reshape(-1, 21, 2) - np.array(SIZE) / 2) / SIZE[0]


def _fill(stamps: NDArray[np.int64], time: NDArray[np.int64], values: NDArray) -> NDArray:
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(len(stamps))
    return np.interp(stamps, time[known], values[known])


def _keys(take: Take, stamps: NDArray[np.int64]) -> NDArray:
    keys = take.key_lookup(stamps)
    position = mirror_keys(keys.position) if take.side == Side.LEFT else keys.position
    return 2.0 * position - 1.0
