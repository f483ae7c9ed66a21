"""The last seconds of some signals, thinned to what a screen can show. Letters: N samples, M muscles."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Status
from pianokpm_ros.records import NANOSECONDS, MuscleActivity
from pianokpm_ros.tracks import sample_stamps

FloatArray = NDArray[np.floating]

RATE = 100.0
"""Samples a second that are kept [Hz]: ten times the bandwidth of an envelope."""

SPAN = 12 * NANOSECONDS
"""How much of the past a browser is sent [ns]."""

KEPT = 32 * NANOSECONDS
"""How much of it is kept to compare by [ns]."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Consecutive samples.

    Attributes:
        number: counts up.
        stamp: (N,) [ns].
        value: (N, M), NaN = unknown.
        deviation: (N, M) 1 sigma, NaN = unknown; None = of signals that have none.
    """

    number: int
    stamp: NDArray[np.int64]
    value: FloatArray
    deviation: FloatArray | None = None


class Trace:
    """Pieces of signals, numbered, so that each browser can be sent those it has not seen."""

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque()
        self._number = 0

    def push(self, activity: MuscleActivity) -> None:
        """Take the samples of an estimate; those that can't be used become unknown."""
        stamps = sample_stamps(activity)
        stride = max(1, round(activity.sample_rate / RATE))
        step = activity.sample_rate * 1e-9
        kept = np.rint(stamps * step).astype(np.int64) % stride == 0
        usable = 1.0 if activity.status >= Status.DEGRADED else np.nan
        value, deviation = activity.envelope[kept], activity.envelope_deviation[kept]
        self.add(stamps[kept], value * usable, deviation * usable)

    def add(
        self,
        stamp: NDArray[np.int64],
        value: FloatArray,
        deviation: FloatArray | None = None,
    ) -> None:
        """Take samples as in a `Piece`, thinned already."""
        if not len(stamp):
            return
        self._number += 1
        self._pieces.append(Piece(self._number, stamp, value, deviation))
        while self._pieces[0].stamp[-1] < stamp[-1] - KEPT:
            self._pieces.popleft()

    @property
    def number(self) -> int:
        """Number of the newest piece, 0 = none yet."""
        return self._number

    def after(self, number: int) -> list[Piece]:
        """Return the pieces after one that was sent, of those not older than `SPAN`."""
        found: list[Piece] = []
        for piece in reversed(self._pieces):
            if piece.number <= number or piece.stamp[-1] < self._pieces[-1].stamp[-1] - SPAN:
                break
            found.append(piece)
        return found[::-1]

    def since(self, stamp: int) -> tuple[NDArray[np.int64], FloatArray]:
        """Return the (N,) stamps and (N, M) values of the pieces that end at or after a stamp [ns]."""
        found = [p for p in self._pieces if p.stamp[-1] >= stamp]
        if not found:
            return np.zeros(0, np.int64), np.zeros((0, 0))
        return np.concatenate([p.stamp for p in found]), np.concatenate([p.value for p in found])
