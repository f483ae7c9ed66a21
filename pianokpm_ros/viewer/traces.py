"""The last seconds of one hand's envelope, thinned to what a screen can show. Letters: N samples, M muscles."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Status
from pianokpm_ros.records import NANOSECONDS, MuscleActivity
from pianokpm_ros.tracks import sample_stamps

RATE = 100.0
"""Samples a second that are kept [Hz]: ten times the bandwidth of an envelope."""

SPAN = 12 * NANOSECONDS
"""How much of the past is kept [ns]."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Consecutive samples: (N,) stamps [ns], (N, M) values and deviations, NaN = unknown."""

    number: int
    stamp: NDArray[np.int64]
    value: NDArray[np.floating]
    deviation: NDArray[np.floating]


class Trace:
    """Pieces of an envelope, numbered, so that each browser can be sent those it has not seen."""

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque()
        self._number = 0

    def push(self, activity: MuscleActivity) -> None:
        """Take the samples of an estimate; those that can't be used become unknown."""
        stamps = sample_stamps(activity)
        stride = max(1, round(activity.sample_rate / RATE))
        step = activity.sample_rate * 1e-9
        kept = np.rint(stamps * step).astype(np.int64) % stride == 0
        if not kept.any():
            return
        usable = 1.0 if activity.status >= Status.DEGRADED else np.nan
        value, deviation = activity.envelope[kept], activity.envelope_deviation[kept]
        self._number += 1
        self._pieces.append(Piece(self._number, stamps[kept], value * usable, deviation * usable))
        while self._pieces[0].stamp[-1] < stamps[-1] - SPAN:
            self._pieces.popleft()

    @property
    def number(self) -> int:
        """Number of the newest piece, 0 = none yet."""
        return self._number

    def after(self, number: int) -> list[Piece]:
        """Return the pieces after one that was sent."""
        found: list[Piece] = []
        for piece in reversed(self._pieces):
            if piece.number <= number:
                break
            found.append(piece)
        return found[::-1]
