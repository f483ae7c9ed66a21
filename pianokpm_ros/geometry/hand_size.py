"""Notice a calibration whose lengths aren't metres: the hands in it have no hand's size."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import LANDMARKS

FloatArray = NDArray[np.floating]

ENDS = LANDMARKS.index('wrist'), LANDMARKS.index('index_mcp')
USUAL = (0.07, 0.12)
"""From the wrist to the knuckle of the index finger, adults and older children [m]."""

POSSIBLE = (0.045, 0.16)
"""Beyond this it is no person's hand: a small child's is 50 mm, and triangulated ones vary by 10 % [m]."""

ENOUGH = 20
"""Hands after which the median is believed."""

MEMORY = 300


def measure_extents(pixels: FloatArray) -> FloatArray:
    """Return (...) how long hands are in a picture [px] by those of their (..., 21, 2) landmarks that are seen."""
    pixels = np.asarray(pixels, np.float64)
    # fmax and fmin pass over NaN, and say nothing where there is nothing else.
    return (np.fmax.reduce(pixels, axis=-2) - np.fmin.reduce(pixels, axis=-2)).max(axis=-1)


class HandSize:
    """The size of the newest hands that several calibrated views agreed on."""

    def __init__(self) -> None:
        self._seen: deque[float] = deque(maxlen=MEMORY)

    def push(self, landmarks: FloatArray) -> None:
        """Take (21, 3) landmarks [m] into account."""
        length = float(np.linalg.norm(np.subtract(*landmarks[list(ENDS)])))
        if np.isfinite(length):
            self._seen.append(length)

    @property
    def median(self) -> float:
        """From the wrist to the knuckle of the index finger [m], NaN = too few were seen."""
        return float(np.median(self._seen)) if len(self._seen) >= ENOUGH else float('nan')

    @property
    def complaint(self) -> str:
        """Say what is wrong with the calibration; empty = nothing, or not known yet."""
        if not self.median == self.median or POSSIBLE[0] <= self.median <= POSSIBLE[1]:
            return ''
        return (
            f'the hands measure {self.median:.3g} m from wrist to index knuckle, expected {USUAL[0]:g} to '
            f'{USUAL[1]:g} m: the lengths of the calibration are not metres'
        )
