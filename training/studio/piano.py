"""The piano in the studio: 88 keys that go down, felt and case, as boxes.

White keys are 22.5 mm wide with 1 mm between them and 150 mm long, black ones 9.6 mm wide at the
top. Letters: B boxes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.kinematic.strokes import key_travel

from pianokpm_ros.keyboard.layout import (
    BLACK_FRONT,
    BLACK_HEIGHT,
    FIRST_KEY,
    KEY_CENTRES,
    KEY_COUNT,
    is_black,
)

FloatArray = NDArray[np.floating]

WHITE_HALF, BLACK_HALF = 0.01125, 0.0048
KEY_LENGTH = 0.150
IVORY, EBONY, FELT, CASE = (
    (0.80, 0.79, 0.75),
    (0.012, 0.012, 0.013),
    (0.16, 0.008, 0.02),
    (
        0.011,
        0.011,
        0.012,
    ),
)

CASE_BOXES = (
    ((-0.72, 0.150, -0.030), (0.72, 0.157, 0.004), FELT),
    ((-0.72, 0.157, -0.050), (0.72, 0.260, 0.020), CASE),
    ((-0.72, -0.034, -0.060), (0.72, -0.004, -0.012), CASE),
    ((-0.74, -0.034, -0.060), (-0.622, 0.150, 0.010), CASE),
    ((0.622, -0.034, -0.060), (0.74, 0.150, 0.010), CASE),
)
"""Lowest and highest corner [m] and linear RGB of what is not a key: a flat stage piano, open to the front view."""

TRAVEL = np.array([key_travel(FIRST_KEY + k) for k in range(KEY_COUNT)])


@dataclass(frozen=True, eq=False)
class Piano:
    """Boxes of a piano with all keys at rest; the first 88 are the keys.

    Attributes:
        low: (B, 3) lowest corners [m].
        high: (B, 3) highest corners [m].
        colour: (B, 3) linear RGB.
    """

    low: FloatArray
    high: FloatArray
    colour: FloatArray

    def press(self, position: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the boxes' lowest and highest corners with (88,) keys down by 0 to 1."""
        low, high = self.low.copy(), self.high.copy()
        low[:KEY_COUNT, 2] -= TRAVEL * position
        high[:KEY_COUNT, 2] -= TRAVEL * position
        return low, high


def build_piano() -> Piano:
    """Put the boxes together."""
    boxes = [_key_box(FIRST_KEY + k, x) for k, x in enumerate(KEY_CENTRES)]
    low, high, colour = zip(*boxes, *CASE_BOXES, strict=True)
    return Piano(np.array(low), np.array(high), np.array(colour))


def _key_box(key: int, x: float) -> tuple[tuple, tuple, tuple]:
    if is_black(key):
        low = (x - BLACK_HALF, BLACK_FRONT, -0.010)
        return low, (x + BLACK_HALF, KEY_LENGTH, BLACK_HEIGHT), EBONY
    return (x - WHITE_HALF, 0.0, -0.022), (x + WHITE_HALF, KEY_LENGTH, 0.0), IVORY
