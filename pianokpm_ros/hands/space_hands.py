"""Hands in space from what several calibrated views saw: who is who, and which views contradict the others.

Letters: V views.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import LANDMARK_COUNT, PALM, Side
from pianokpm_ros.geometry.association import NO_HAND, SIDES, Choice, associate, size_costs
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.hand_size import ENDS
from pianokpm_ros.geometry.triangulation import solve_equally, triangulate
from pianokpm_ros.records import HandLandmarks

FloatArray = NDArray[np.floating]

PALM_ROWS = np.array(PALM)

AGREEMENT = 0.35
"""A view whose landmarks are further from the others' than this part of the hand's length shows something else."""

SURE = 0.1
"""While all views are nearer than this to the linear solution, a robust one would hardly differ."""


@dataclass(frozen=True, eq=False)
class SpaceHand:
    """A hand in space.

    Attributes:
        points: (21, 3) [m], rig frame.
        index: that it has in each view, -1 = none.
    """

    points: FloatArray
    index: dict[str, int]

    @property
    def middle(self) -> FloatArray:
        """Of the palm, (3,) [m]."""
        return self.points[PALM_ROWS].mean(axis=0)


def decide(
    cameras: dict[str, Camera], records: dict[str, HandLandmarks], last: dict[Side, FloatArray]
) -> tuple[dict[str, Choice], dict[Side, SpaceHand]]:
    """Try all ways to call the hands, and place them.

    Args:
        cameras: calibrated, by name.
        records: what each saw.
        last: (3,) middle of each side's palm a moment ago [m], rig frame, where it was known.

    Returns:
        The index of the left and the right hand in each view, and the hands that two views or more agree on.
    """
    views = [records[n] for n in cameras]
    choices = dict(zip(cameras, associate(list(cameras.values()), views, last), strict=True))
    hands = {}
    for column, side in enumerate(SIDES):
        hand = _place(cameras, records, {n: c[column] for n, c in choices.items()})
        if hand is not None:
            hands[side] = hand
    return choices, hands


def place_surely(
    cameras: dict[str, Camera], records: dict[str, HandLandmarks], choices: dict[str, Choice]
) -> dict[Side, SpaceHand] | None:
    """Put all hands into space at once; None unless every view that sees one agrees, and their sizes are a person's.

    A view that is off by some distance from all others keeps at least half of it from a solution that takes all alike.
    """
    pixels = np.full((len(cameras), len(SIDES), LANDMARK_COUNT, 2), np.nan)
    for v, name in enumerate(cameras):
        for column, index in enumerate(choices[name]):
            if index >= 0:
                pixels[v, column] = records[name].pixels[index]
    used, flat = list(cameras.values()), (len(cameras), -1, 2)
    points = solve_equally(used, pixels.reshape(flat))
    expected = np.stack([c.project(points) for c in used]).reshape(pixels.shape)
    seen = np.isfinite(pixels[:, :, 0, 0])
    off = np.linalg.norm(pixels[seen] - expected[seen], axis=-1)
    length = np.ptp(expected[seen], axis=1).max(axis=1)
    if not (np.median(off, axis=1) <= AGREEMENT / 2 * length).all():  # NaN: only one view sees it
        return None
    places = points.reshape(len(SIDES), LANDMARK_COUNT, 3)
    length = np.linalg.norm(places[:, ENDS[0]] - places[:, ENDS[1]], axis=1)
    if (size_costs(length, np.nan) > NO_HAND / 2).any():
        return None
    return {
        side: SpaceHand(places[k], {n: c[k] for n, c in choices.items()})
        for k, side in enumerate(SIDES)
        if seen[:, k].any()
    }


def index_of(sides: Sequence[int], side: Side) -> int:
    """Return the index of a side among those of a view's hands, -1 = not there."""
    return sides.index(side) if side in sides else -1


def stay(hands: dict[Side, SpaceHand], last: dict[Side, FloatArray]) -> bool:
    """Tell whether each hand is nearer to where it was than to where the other one was; `last` as in `decide`."""
    if not hands or any(s not in last for s in hands):
        return False
    for side, hand in hands.items():
        distance = {s: float(np.linalg.norm(hand.middle - p)) for s, p in last.items()}
        if min(distance, key=lambda s: distance[s]) != side:
            return False
    return True


def _place(
    cameras: dict[str, Camera], records: dict[str, HandLandmarks], index: dict[str, int]
) -> SpaceHand | None:
    """Put a hand into space; of three and more views those that contradict the others don't count."""
    index = dict(index)
    while True:
        seen = [n for n, i in index.items() if i >= 0]
        if len(seen) < 2:
            return None
        pixels = np.stack([records[n].pixels[index[n]] for n in seen])
        used = [cameras[n] for n in seen]
        points = solve_equally(used, pixels)
        off = _distances(used, pixels, points)
        if max(off) > SURE:  # some view is off: those that agree must not be drawn to it
            points = triangulate(used, pixels).points
            off = _distances(used, pixels, points)
        if not np.isfinite(points).all():
            return None
        worst = int(np.argmax(off))
        if off[worst] <= AGREEMENT:
            return SpaceHand(points, index)
        if len(seen) == 2:
            return None
        index[seen[worst]] = -1


def _distances(cameras: Sequence[Camera], pixels: FloatArray, points: FloatArray) -> list[float]:
    return [_distance(p, c.project(points)) for c, p in zip(cameras, pixels, strict=True)]


def _distance(pixels: FloatArray, expected: FloatArray) -> float:
    """Return the median distance of landmarks in parts of the hand's length in the picture."""
    length = np.ptp(expected, axis=0).max()
    distance = np.median(np.linalg.norm(pixels - expected, axis=1))
    return float(np.nan_to_num(distance / max(length, 1e-9), nan=np.inf))


def agrees(pixels: FloatArray, expected: FloatArray) -> bool:
    """Tell whether the (21, 2) landmarks of a view [px] show the hand that the others expect there."""
    return _distance(pixels, expected) <= AGREEMENT
