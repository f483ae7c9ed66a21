"""A hand that one view alone sees well: its distance from what several views know of it, or knew a moment ago.

A single view tells the distance of a hand by its size, to 12 %. Most of that is its own kind of error, which stays:
while several views see the hand they tell by how much this view is off. And a hand does not go far in a moment.
Where the keyboard's place is known, hands that play are placed by that instead, more surely (`geometry.playing_hand`).

Letters: K landmarks.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import PALM, Side
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.hand_template import PALM_SIZE
from pianokpm_ros.geometry.single_view import (
    DISTANCE_PART,
    PlacedHand,
    place_hand,
    spread_covariance,
)
from pianokpm_ros.records import NANOSECONDS, HandLandmarks

FloatArray = NDArray[np.floating]

PALM_ROWS = np.array(PALM)

RATIO_DEVIATION = 0.06
"""1 sigma of a view's distances, once put right by what several views said, in parts of it: between 0.2 s and 2 s
later 4 to 7 % were found on rendered takes."""

DRIFT = 0.055
"""How far a hand goes along the line of sight of a camera at its side in a second, 1 sigma [m]; it grows with the
root of the time (1.3, 3.3, 5 and 9 % of 0.75 m were found after 0.07, 0.2, 0.5 and 2 s)."""

ANCHOR_DEVIATION = 0.02
"""1 sigma of the distance that a few landmarks tell which two views see, in parts of it."""

FORGOTTEN = 60 * NANOSECONDS
"""After this a view's own error is not known any more: a hand with rings or another person's may be seen."""

SIZES, APART = 5, NANOSECONDS // 5
"""A view's own error is taken from so many hands, apart by this [ns]: it varies by 3 % from one to the next."""

Sight = tuple[Camera, HandLandmarks, int]
"""A camera, what it saw, and the index of the hand in it."""


@dataclass
class _Seen:
    """A hand that several views saw, as one camera saw it."""

    stamp: int
    sight: Sight
    points: FloatArray
    size: float | None = None

    def measure(self) -> float:
        """Return the size of a hand that this camera would have seen there [m], as in `place_hand`; NaN = unknown."""
        if self.size is None:
            placed, camera = _place(self.sight, PALM_SIZE), self.sight[0]
            self.size = (
                PALM_SIZE * _distance(camera, self.points) / _distance(camera, placed.landmarks)
                if placed
                else float('nan')
            )
        return self.size


@dataclass
class _Known:
    """The newest hand of one side that several views saw, and some whole ones before.

    What a picture cuts off is made up, so such a hand does not tell how far this view is off with others.
    """

    newest: _Seen
    some: deque[_Seen]

    def push(self, seen: _Seen) -> None:
        """Take one more."""
        self.newest = seen
        apart = not self.some or abs(seen.stamp - self.some[-1].stamp) >= APART
        if apart and _is_whole(seen.sight):
            self.some.append(seen)

    def measure(self) -> float:
        """Return the median of the sizes [m]; NaN = unknown."""
        sizes = [s.measure() for s in self.some]
        known = [s for s in sizes if not math.isnan(s)]
        return float(np.median(known)) if known else float('nan')


class LoneView:
    """Places hands that one view sees alone."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: dict[tuple[Side, str], _Known] = {}

    def remember(
        self, stamp: int, side: Side, sights: Sequence[Sight], points: FloatArray
    ) -> None:
        """Take a hand into account, (21, 3) [m], that several views agreed on at `stamp` [ns]."""
        if not np.isfinite(points).all():
            return
        for sight in sights:
            seen, key = _Seen(stamp, sight, points), (side, sight[0].name)
            known = self._known.setdefault(key, _Known(seen, deque(maxlen=SIZES)))
            known.push(seen)

    def place(self, stamp: int, side: Side, sight: Sight, palm: float) -> PlacedHand | None:
        """Place the hand of a view; `palm` is the size of the hand [m] as in `place_hand`."""
        placed, camera = _place(sight, palm), sight[0]
        if placed is None:
            return None
        known = self._known.get((side, camera.name))
        if known is None or not 0 <= stamp - known.newest.stamp <= FORGOTTEN:
            return placed
        found = _distance(camera, placed.landmarks)
        (near, sure), (before, going) = (
            _by_size(found, known, sight, palm),
            _from_before(camera, known.newest, stamp),
        )
        weights = sure**-2, going**-2
        distance = np.exp(np.average(np.log((near, before)), weights=weights))
        return move_along_sight(camera, placed, float(distance), sum(weights) ** -0.5)


def _by_size(found: float, known: _Known, sight: Sight, palm: float) -> tuple[float, float]:
    """Return how far away a hand is by its size [m], and 1 sigma in parts of it."""
    size = known.measure() if _is_whole(sight) else float('nan')
    return (found, DISTANCE_PART) if math.isnan(size) else (found * size / palm, RATIO_DEVIATION)


def _from_before(camera: Camera, newest: _Seen, stamp: int) -> tuple[float, float]:
    """Return how far away it was when several views saw it [m], and how far it may have gone since in parts of it."""
    before = _distance(camera, newest.points)
    drift = DRIFT * np.sqrt((stamp - newest.stamp) / NANOSECONDS) / before
    return before, float(np.hypot(drift, ANCHOR_DEVIATION))


def anchor(
    sight: Sight, points: FloatArray, kept: Sequence[int], palm: float
) -> PlacedHand | None:
    """Place the hand of a view where a few landmarks are that several views agree on.

    Args:
        sight: the view that sees all of the hand.
        points: (21, 3) triangulated [m].
        kept: K of these that can be trusted.
        palm: as in `place_hand` [m].
    """
    placed, rows = _place(sight, palm), list(kept)
    if placed is None or not np.isfinite(points[rows]).all():
        return placed
    camera = sight[0]
    wanted, found = (camera.transform(p[rows])[:, 2] for p in (points, placed.landmarks))
    distance = _distance(camera, placed.landmarks) * float(np.median(wanted / found))
    return move_along_sight(camera, placed, distance, ANCHOR_DEVIATION)


def move_along_sight(
    camera: Camera, placed: PlacedHand, distance: float, part: float
) -> PlacedHand:
    """Return a hand of the same picture at another distance [m], known to a part of it."""
    if not distance > 0:
        return placed
    local = camera.transform(placed.landmarks) * (distance / _distance(camera, placed.landmarks))
    landmarks = (local - camera.translation) @ camera.rotation
    covariance = spread_covariance(camera, local.mean(axis=0), min(part, DISTANCE_PART))
    return replace(placed, landmarks=landmarks, covariance=covariance)


def _place(sight: Sight, palm: float) -> PlacedHand | None:
    camera, view, hand = sight
    return place_hand(camera, view.pixels[hand], view.world[hand], palm)


def _is_whole(sight: Sight) -> bool:
    _, view, hand = sight
    pixels = view.pixels[hand]
    return bool(((pixels >= 0) & (pixels < view.size)).all())


def _distance(camera: Camera, points: FloatArray) -> float:
    """Return how far the palm of (21, 3) landmarks [m] is from the camera [m]."""
    return float(np.linalg.norm(camera.transform(points[PALM_ROWS]).mean(axis=0)))
