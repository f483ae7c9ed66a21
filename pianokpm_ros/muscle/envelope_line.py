"""Turn the network's knots into the continuous 1 kHz envelope, block by block.

At tick k the network says what the muscles do at the knot k + `TICK` - look-ahead, and never takes
it back. So every sample up to stamp - look-ahead lies between two knots that are final, and blocks
join without a seam.
Letters: T ticks, N samples, M muscles.
"""

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.muscle.timebase import MILLISECOND, TICK

FloatArray = NDArray[np.floating]


def floor_sample(stamp: int) -> int:
    """Return the last whole millisecond up to `stamp` [ns]: samples lie there."""
    return stamp // MILLISECOND * MILLISECOND


def interpolate_knots(
    samples: NDArray[np.int64], knots: NDArray[np.int64], values: FloatArray
) -> FloatArray:
    """Interpolate (T, M) values at (T,) knots linearly at (N,) samples; held before the first and after the last."""
    after = np.clip(np.searchsorted(knots, samples), 1, max(len(knots) - 1, 1))
    if len(knots) == 1:
        return np.broadcast_to(values, (len(samples), values.shape[1]))
    span = knots[after] - knots[after - 1]
    weight = np.clip((samples - knots[after - 1]) / span, 0.0, 1.0)[:, None]
    return (1.0 - weight) * values[after - 1] + weight * values[after]


class EnvelopeLine:
    """The envelope of one hand as it grows; values are mean and deviation side by side, (2 M)."""

    def __init__(self, width: int, lookahead: int) -> None:
        self._width, self._lookahead = width, lookahead
        self.restart()

    def restart(self) -> None:
        """Begin anew: the next block starts with its newest sample."""
        self._knots = np.zeros(0, np.int64)
        self._values = np.zeros((0, self._width))
        self.next: int | None = None
        self.newest = np.full(self._width, np.nan)

    def add(self, ticks: NDArray[np.int64], values: FloatArray) -> None:
        """Append what the network said at (T,) ticks, (T, 2 M)."""
        self._knots = np.concatenate([self._knots, ticks + (TICK - self._lookahead)])
        self._values = np.concatenate([self._values, values])

    def take(self, stamp: int) -> tuple[int, FloatArray]:
        """Return the stamp of the first new sample and the (N, 2 M) samples up to `stamp` - look-ahead [ns]."""
        until = floor_sample(stamp - self._lookahead)
        first = until if self.next is None else self.next
        samples = np.arange(first, until + 1, MILLISECOND, dtype=np.int64)
        if not len(samples):
            return first, np.zeros((0, self._width))
        block = interpolate_knots(samples, self._knots, self._values)
        self.next, self.newest = until + MILLISECOND, block[-1]
        keep = max(int(np.searchsorted(self._knots, self.next, side='right')) - 1, 0)
        self._knots, self._values = self._knots[keep:], self._values[keep:]
        return first, block
