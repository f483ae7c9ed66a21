"""Bring the views of one moment to exactly the same time, by each view's own motion.

Unsynchronised cameras see a moment up to half a period apart: a fingertip at 1 m/s moves 8 mm in
half a frame at 60 Hz. All views are brought to the oldest stamp of their set, between the frame
before and the newest one: interpolated, never extrapolated.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import PALM
from pianokpm_ros.geometry.hand_size import measure_extents
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.records import HandLandmarks

FloatArray = NDArray[np.floating]

MAX_STEP = 250_000_000
"""Frames further apart than this [ns] tell nothing of what was in between."""

SAME_HAND = 0.5
"""A palm that moved more than this part of its hand's size between frames is not followed."""


class ViewAligner:
    """Remembers the newest record of each camera."""

    def __init__(self) -> None:
        self._before: dict[str, HandLandmarks] = {}

    def align(self, frames: FrameSet) -> FrameSet:
        """Return the set with all views at its oldest stamp, which becomes its own.

        A set that can't be aligned, such as the first after a silence, is returned as it is.
        """
        stamps = [v.stamp for v in frames.views.values()]
        views = {n: self._move(v, min(stamps)) for n, v in frames.views.items()}
        self._before.update(frames.views)
        left_behind = any(v.count and v.stamp > min(stamps) for v in views.values())
        if max(stamps) == min(stamps) or left_behind:
            return frames
        return FrameSet(min(stamps), views, 0)

    def _move(self, view: HandLandmarks, stamp: int) -> HandLandmarks:
        before = self._before.get(view.camera)
        if before is None or view.stamp == stamp or not view.count or not before.count:
            return view
        step = view.stamp - before.stamp
        if step > MAX_STEP or stamp < before.stamp:
            return view
        partners = match_hands(before, view)
        if (partners < 0).any():
            return view
        part = (view.stamp - stamp) / step
        pixels = view.pixels + part * (before.pixels[partners] - view.pixels)
        return replace(view, stamp=stamp, pixels=pixels.astype(np.float32))


def match_hands(before: HandLandmarks, view: HandLandmarks) -> NDArray[np.int64]:
    """Return for each of the H hands of a view its index in the frame before, (H,), -1 = not there."""
    then, now = (r.pixels[:, list(PALM)].mean(axis=1) for r in (before, view))
    size = measure_extents(view.pixels)
    distance = np.linalg.norm(now[:, None] - then[None], axis=-1)
    nearest = distance.argmin(axis=1)
    close = distance[np.arange(len(now)), nearest] < SAME_HAND * size
    doubled = np.array([(nearest == n).sum() > 1 for n in nearest], bool)
    return np.where(close & ~doubled, nearest, -1)
