"""Flesh around a hand's 21 landmarks: tapered capsules, to be joined smoothly.

Radii are those of an adult hand of 90 mm from wrist to middle knuckle and scale with that length.
Letters: C capsules.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import FINGER_CHAINS, LANDMARKS

FloatArray = NDArray[np.floating]

TYPICAL_PALM = 0.090
"""Wrist to middle knuckle of the hand that the radii belong to [m]."""

FOREARM = 0.50
"""How far the forearm goes back from the wrist [m]: out of the pictures."""

WRIST, THUMB_CMC, THUMB_MCP = (LANDMARKS.index(n) for n in ('wrist', 'thumb_cmc', 'thumb_mcp'))
KNUCKLES = tuple(LANDMARKS.index(f'{n}_mcp') for n in ('index', 'middle', 'ring', 'little'))
INDEX, MIDDLE, _, LITTLE = KNUCKLES

FINGER_RADII = (
    ((15.0, 12.5), (12.5, 10.5), (10.5, 7.5)),
    ((10.5, 9.2), (9.0, 8.0), (8.0, 6.2)),
    ((10.5, 9.4), (9.2, 8.1), (8.1, 6.3)),
    ((10.0, 8.9), (8.7, 7.7), (7.7, 6.0)),
    ((9.2, 7.9), (7.7, 6.8), (6.8, 5.4)),
)
"""Radius at both ends of each finger's three bones [mm]: half the breadth of adult fingers."""


class Part(IntEnum):
    """What a capsule belongs to; fingers' bones count from the palm outwards."""

    PALM = 0
    ARM = 1
    PROXIMAL = 2
    MIDDLE = 3
    DISTAL = 4


@dataclass(frozen=True, eq=False)
class Flesh:
    """A hand as capsules.

    Attributes:
        capsules: (C, 9): start xyz [m], end minus start xyz, 1 / squared length, start radius, end
            radius minus start radius.
        group: (C,) 0 for palm and arm, 1 to 5 for the fingers, ascending; groups are joined with
            one another less softly than within.
        part: (C,) `Part`.
        back: (3,) unit vector out of the back of the hand.
    """

    capsules: FloatArray
    group: NDArray[np.int64]
    part: NDArray[np.int64]
    back: FloatArray

    @property
    def ends(self) -> tuple[FloatArray, FloatArray]:
        """Starts and ends, both (C, 3) [m]."""
        return self.capsules[:, :3], self.capsules[:, :3] + self.capsules[:, 3:6]


class _Builder:
    def __init__(self, scale: float) -> None:
        self._scale = scale
        self.rows: list[list[float]] = []
        self.groups: list[int] = []
        self.parts: list[int] = []

    def add(
        self,
        start: FloatArray,
        end: FloatArray,
        radii: tuple[float, float],
        part: Part,
        group: int = 0,
    ) -> None:
        """Add a capsule with radii in millimetres of the typical hand."""
        way = end - start
        first, last = (1e-3 * self._scale * r for r in radii)
        self.rows.append([*start, *way, 1.0 / max(way @ way, 1e-12), first, last - first])
        self.groups.append(group)
        self.parts.append(part)


def _unit(vector: FloatArray) -> FloatArray:
    return vector / np.linalg.norm(vector)


def clothe(landmarks: FloatArray) -> Flesh:
    """Put flesh around (21, 3) landmarks [m], all known, of a hand with its back up."""
    marks = np.asarray(landmarks, np.float64)
    builder = _Builder(float(np.linalg.norm(marks[MIDDLE] - marks[WRIST])) / TYPICAL_PALM)
    across = _unit(marks[LITTLE] - marks[INDEX])
    back = _unit(np.cross(marks[MIDDLE] - marks[WRIST], across))
    back = back if back[2] > 0 else -back
    _add_palm(builder, marks, across, back)
    _add_arm(builder, marks, across, back)
    for finger, chain in enumerate(FINGER_CHAINS):
        for bone, radii in enumerate(FINGER_RADII[finger]):
            start, end = marks[chain[1 + bone]], marks[chain[2 + bone]]
            builder.add(start, end, radii, Part(Part.PROXIMAL + bone), finger + 1)
    return Flesh(
        np.array(builder.rows),
        np.array(builder.groups, np.int64),
        np.array(builder.parts, np.int64),
        back,
    )


def _add_palm(builder: _Builder, marks: FloatArray, across: FloatArray, back: FloatArray) -> None:
    wrist = marks[WRIST]
    for place, (knuckle, radius) in enumerate(
        zip(KNUCKLES, (12.5, 12.5, 12.0, 11.5), strict=True)
    ):
        start = wrist + 0.011 * (place - 1.5) * across - 0.002 * back
        builder.add(start, marks[knuckle] - 0.0015 * back, (13.5, radius), Part.PALM)
    for one, other in zip(KNUCKLES, KNUCKLES[1:], strict=False):
        a, b = marks[one] - 0.002 * back, marks[other] - 0.002 * back
        builder.add(a, b, (11.5, 11.5), Part.PALM)
    builder.add(wrist, marks[THUMB_CMC], (14.5, 16.5), Part.PALM)
    builder.add(marks[THUMB_CMC], marks[THUMB_MCP], (16.5, 13.5), Part.PALM)
    web = 0.004 * back
    start = 0.45 * marks[THUMB_CMC] + 0.55 * marks[INDEX] - web
    end = 0.7 * marks[THUMB_MCP] + 0.3 * marks[INDEX] - web
    builder.add(start, end, (10.5, 8.0), Part.PALM)


def _add_arm(builder: _Builder, marks: FloatArray, across: FloatArray, back: FloatArray) -> None:
    """Add a forearm that goes back from the wrist, closer to level than the hand."""
    wrist = marks[WRIST]
    way = _unit(_unit(wrist - marks[MIDDLE]) * (1.0, 1.0, 0.25))
    for sideways in (-1.0, 1.0):
        start = wrist + 0.010 * sideways * across - 0.002 * back
        end = wrist + FOREARM * way + 0.022 * sideways * across - 0.006 * back
        builder.add(start, end, (17.5, 33.0), Part.ARM)
