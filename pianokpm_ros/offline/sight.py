"""Count in how many of the frames in which a hand is in sight a view finds it.

A hand counts as in sight of a view when it is known in space and all its landmarks project into
the picture. Where every view loses it for a short time it is taken to move on evenly, so that a
miss of all views at once is counted too. Landmarks that are hidden behind something count as in
sight: nothing here can tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import PALM, Side, Status
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.offline.pipeline import Moment
from pianokpm_ros.records import HandLandmarks

FloatArray = NDArray[np.floating]

BRIDGE = 500_000_000
"""A hand that all views lose is taken to be still there when it is back after at most this time [ns]."""

SAME_PLACE = 0.5
"""A detection is the hand when its palm is nearer to the expected one than this part of the hand's size."""


@dataclass
class SightCount:
    """Frames of one view and one hand.

    Attributes:
        in_sight: frames in which all landmarks of the hand project into the picture.
        found: those of them in which the view found the hand at its place.
    """

    in_sight: int = 0
    found: int = 0

    @property
    def share(self) -> float:
        """The part found, NaN where the hand never was in sight."""
        return self.found / self.in_sight if self.in_sight else float('nan')


class SightCounter:
    """Follow both hands through all views."""

    def __init__(self, cameras: Sequence[Camera]) -> None:
        """Count for these cameras; poses must be in the frame of their extrinsics."""
        self._cameras = {c.name: c for c in cameras}
        self.counts = {(c.name, side): SightCount() for c in cameras for side in SIDES}
        self.frames = {c.name: 0 for c in cameras}
        self.hands = {c.name: [0, 0, 0] for c in cameras}
        self._last: dict[Side, tuple[int, FloatArray]] = {}
        self._lost: dict[Side, list[Moment]] = {side: [] for side in SIDES}

    def add(self, moment: Moment) -> None:
        """Take a moment; hands that are lost are decided on when they are back."""
        for name, view in moment.frames.views.items():
            self.frames[name] += 1
            self.hands[name][min(view.count, 2)] += 1
        for side in SIDES:
            self._follow(side, moment)

    def _follow(self, side: Side, moment: Moment) -> None:
        pose, stamp = moment.poses[side], moment.frames.stamp
        usable = pose.status >= Status.DEGRADED and np.isfinite(pose.landmarks).all()
        if not usable:
            if side in self._last and stamp - self._last[side][0] <= BRIDGE:
                self._lost[side].append(moment)
            return
        landmarks = np.asarray(pose.landmarks, np.float64)
        if self._lost[side] and stamp - self._last[side][0] <= BRIDGE:
            self._bridge(side, stamp, landmarks)
        self._lost[side] = []
        self._last[side] = (stamp, landmarks)
        self._count(side, moment, landmarks)

    def _bridge(self, side: Side, stamp: int, landmarks: FloatArray) -> None:
        first, before = self._last[side]
        for moment in self._lost[side]:
            part = (moment.frames.stamp - first) / (stamp - first)
            self._count(side, moment, (1 - part) * before + part * landmarks)

    def _count(self, side: Side, moment: Moment, landmarks: FloatArray) -> None:
        for name, view in moment.frames.views.items():
            pixels = self._cameras[name].project(landmarks)
            if not is_inside(pixels, view.size):
                continue
            count = self.counts[name, side]
            count.in_sight += 1
            count.found += is_found(view, pixels)


def is_inside(pixels: FloatArray, size: tuple[int, int]) -> bool:
    """Tell whether all (21, 2) pixels lie in a picture of (width, height)."""
    limits = np.array(size) - 0.5
    return bool(np.isfinite(pixels).all() and (pixels >= -0.5).all() and (pixels < limits).all())


def is_found(view: HandLandmarks, pixels: FloatArray) -> bool:
    """Tell whether one of a view's hands lies where (21, 2) pixels say, whatever side it is called."""
    if not view.count:
        return False
    palms = np.asarray(view.pixels, np.float64)[:, list(PALM)].mean(axis=1)
    distance = np.linalg.norm(palms - pixels[list(PALM)].mean(axis=0), axis=1)
    return bool(np.nanmin(distance, initial=np.inf) <= SAME_PLACE * np.ptp(pixels, axis=0).max())
