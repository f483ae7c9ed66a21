"""One hand as all views saw it: which of them took it for its mirror image, and what the others make of it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import LANDMARK_COUNT, Side
from pianokpm_ros.geometry.hand_size import measure_extents
from pianokpm_ros.geometry.lone_view import Sight, anchor
from pianokpm_ros.geometry.mirrored import KEPT, are_mirrored, shows_mirrored
from pianokpm_ros.geometry.single_view import PlacedHand
from pianokpm_ros.geometry.triangulation import UPPER, Triangulation, triangulate

FloatArray = NDArray[np.floating]


class HandViews:
    """The views of one hand at one moment; a choice of them is triangulated once, whoever asks."""

    def __init__(self, side: Side, seen: Sequence[Sight], palm: float, noise: float) -> None:
        """Tell which views can be trusted.

        Args:
            side: of the hand.
            seen: by all views.
            palm: size of the hand as in `place_hand` [m].
            noise: 1 sigma of a landmark in one view, at the hand [m].
        """
        self.seen, self.palm = list(seen), palm
        self._noise = noise
        self._solved: dict[tuple[int, ...], Triangulation] = {}
        sound = self._find_sound(side)
        self.sound = [self.seen[i] for i in sound]
        """Those that did not take the hand for its mirror image."""
        self.mirrored = [s for i, s in enumerate(self.seen) if i not in sound]
        self._best = sound or list(range(len(self.seen)))

    def solve(self) -> Triangulation:
        """Triangulate the sound views; all of them where none is."""
        return self._solve(self._best)

    def solve_all(self) -> Triangulation:
        """Triangulate all views."""
        return self._solve(range(len(self.seen)))

    def measure_contradiction(self) -> float:
        """Return by how much the sound views contradict each other: a landmark's 1 sigma in parts of the hand's length.

        Two views show a quarter of the squared error, since only what lies across the epipolar lines can be seen.
        """
        return _measure_contradiction(self.solve(), self.sound or self.seen)

    def measure_contradiction_at(self, rows: Sequence[int]) -> float:
        """Return by how much all views contradict each other about some of the landmarks."""
        return _measure_contradiction(self.solve_all(), self.seen, rows)

    def anchor(self, sound: Sight) -> PlacedHand | None:
        """Place the hand of a sound view as far away as what a mirrored one sees right tells."""
        return anchor(sound, self.solve_all().points, KEPT, self.palm)

    def _find_sound(self, side: Side) -> list[int]:
        """Return the sound views; those that seem to be mirrored are asked twice."""
        if not self.seen:
            return []
        doubted = are_mirrored(np.stack([view.world[hand] for _, view, hand in self.seen]), side)
        sound = np.flatnonzero(~doubted).tolist()
        points = self._place(sound)
        if points is None:
            return sound
        return [i for i in range(len(self.seen)) if i in sound or not self._shows(i, points)]

    def _place(self, sound: list[int]) -> FloatArray | None:
        """Place the hand by the sound views where others are doubted; None = there is nothing to ask, or to go by."""
        if len(sound) in (0, len(self.seen)):
            return None
        if len(sound) > 1:
            return self._solve(sound).points
        placed = self.anchor(self.seen[sound[0]])
        return None if placed is None else placed.landmarks

    def _shows(self, index: int, points: FloatArray) -> bool:
        camera, view, hand = self.seen[index]
        return shows_mirrored(view.pixels[hand], camera.project(points))

    def _solve(self, which: Sequence[int]) -> Triangulation:
        key = tuple(which)
        if key not in self._solved:
            cameras = [self.seen[i][0] for i in key]
            pixels = np.stack([self.seen[i][1].pixels[self.seen[i][2]] for i in key])
            self._solved[key] = triangulate(cameras, pixels, self._noise)
        return self._solved[key]


def _measure_contradiction(
    result: Triangulation, used: Sequence[Sight], rows: Sequence[int] = range(LANDMARK_COUNT)
) -> float:
    shown = 1 - 1.5 / np.maximum(result.views, 2)
    length = np.median([measure_extents(view.pixels[hand]) for _, view, hand in used])
    error = (result.error / np.sqrt(shown))[list(rows)]
    return float(np.nanmedian(error) / max(length, 1.0))


def widen(covariance: FloatArray, deviation: float) -> FloatArray:
    """Return (N, 6) covariances [m^2] of places that are less sure by a deviation along each axis [m]."""
    return covariance + deviation**2 * np.array([float(i == j) for i, j in UPPER])
