"""The mean hand: how long its bones are, for views that can't measure them.

Proportions are those of triangulated hands, which agree among real people and simulated ones to a few per cent
(`charuco_4cam`, `hands_stereo`, takes of three persons), the size is that of the mean adult.

Letters: J joints, E edges.
"""

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import BONES, LANDMARK_COUNT

FloatArray = NDArray[np.floating]

PALM_SIZE = 0.0865
"""Mean of the distances from the wrist to the knuckles of the four fingers [m]: a hand, from the wrist to the tip of
the middle finger, is 2.16 of them, and measures 187 mm, the mean of men and women in ANSUR II."""

INDEX_PALM = 1.07
"""From the wrist to the knuckle of the index finger, in palms."""

PROPORTIONS = np.array(
    [
        *(0.46, 0.42, 0.34, 0.27),
        *(1.07, 0.52, 0.29, 0.22),
        *(1.02, 0.57, 0.35, 0.23),
        *(0.98, 0.52, 0.32, 0.23),
        *(0.92, 0.43, 0.25, 0.20),
    ]
)
"""Of the bones, in the order of `anatomy.BONES`, in palms."""

PALM_EDGES = ((5, 9), (9, 13), (13, 17), (5, 17), (1, 5))
PALM_EDGE_PROPORTIONS = np.array([0.23, 0.21, 0.21, 0.60, 0.75])
"""Distances across the palm, which is nearly stiff, in palms."""

EDGES = np.array([*BONES, *PALM_EDGES])
EDGE_PROPORTIONS = np.concatenate([PROPORTIONS, PALM_EDGE_PROPORTIONS])
SPREAD = np.where(np.arange(len(EDGES)) < len(BONES), 0.06, 0.10)
"""1 sigma of an edge among hands of one size, in parts of it."""


def lengthen(world: FloatArray, palm: float = PALM_SIZE) -> FloatArray:
    """Give a hand the bones of the mean hand: (J, 3) [m] from (J, 3), the directions kept, the wrist at the origin."""
    placed = np.zeros((LANDMARK_COUNT, 3))
    for (start, end), proportion in zip(BONES, PROPORTIONS, strict=True):
        way = world[end] - world[start]
        placed[end] = placed[start] + way * (proportion * palm / np.linalg.norm(way))
    return placed
