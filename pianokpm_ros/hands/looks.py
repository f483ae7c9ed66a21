"""Look at a hand several times, each time from a little elsewhere, and take the mean.

What the landmark network says depends on the crop by some pixels, much like noise: turned, mirrored and scaled crops
err differently. What it makes up of fingers that it doesn't see it makes up in all of them.

Letters: H hands.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pianokpm_ros.anatomy import Side
from pianokpm_ros.geometry.mirrored import are_mirrored, measure_handedness
from pianokpm_ros.hands.engine import FoundHand
from pianokpm_ros.hands.region import Region

TURN = math.radians(15)
"""A hand so far from upright is nothing unusual for the network [rad]."""

OTHERS = (
    (TURN, 1.0, False),
    (-TURN, 1.0, False),
    (TURN / 2, 0.9, True),
    (-TURN / 2, 1.1, True),
    (-TURN / 2, 0.9, False),
    (TURN / 2, 1.1, False),
    (TURN, 1.0, True),
    (-TURN, 1.0, True),
)
"""Turn [rad], scale, and whether mirrored, of the looks after the first one; `choice.MAX_LOOKS` counts them."""

SAME_PLACE = 0.2
"""A look that puts the landmarks further off than this part of the region (median) saw something else."""


def vary_region(region: Region, count: int) -> list[Region]:
    """Return `count` regions around one."""
    return [
        replace(
            region,
            size=region.size * scale,
            angle=region.angle + turn,
            flipped=region.flipped != flipped,
        )
        for turn, scale, flipped in OTHERS[:count]
    ]


def average_looks(first: FoundHand, others: Sequence[FoundHand], side: Side) -> FoundHand:
    """Return the mean of what several looks made of a hand.

    Args:
        first: the look whose region and presence stay.
        others: those that found a hand too.
        side: of the hand; UNKNOWN = as the first look's shape has it. Looks that took it for its mirror image
            don't count, unless all did.
    """
    shapes = np.stack([h.world for h in (first, *others)])
    if side is Side.UNKNOWN:
        side = Side.RIGHT if measure_handedness(shapes[:1])[0] > 0 else Side.LEFT
    near = [True, *(_is_near(first, h) for h in others)]
    sound = near & ~are_mirrored(shapes, side)
    chosen = [
        h for h, c in zip((first, *others), sound if sound.any() else near, strict=True) if c
    ]
    return replace(
        first,
        pixels=np.mean([h.pixels for h in chosen], axis=0),
        world=np.mean([h.world for h in chosen], axis=0),
        right=float(np.mean([h.right for h in chosen])),
    )


def _is_near(first: FoundHand, other: FoundHand) -> bool:
    off = np.median(np.linalg.norm(other.pixels - first.pixels, axis=1))
    return bool(off < SAME_PLACE * first.region.size)
