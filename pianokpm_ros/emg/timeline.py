"""When the samples of a stream were taken: jitter of the time stamps is smoothed, gaps are found.

A straight line from sample number to time is fitted over the last half minute. It follows the
device's true rate, which is never the nominal one, and the offset between clocks; single time
stamps only pull at it. What does not fit the line is held back for a moment: if
the next chunks fit again it was late, if not it is a gap, or a clock that stepped back.
Letter: N samples.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.records import NANOSECONDS

FIT_STEP = NANOSECONDS // 10
"""Time between two fits, and between the points they rest on [ns]."""

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation, for Gaussian noise."""


@dataclass(frozen=True)
class TimelineSettings:
    """How a timeline is kept.

    Attributes:
        window: points of the fit are at most this old [ns].
        free_slope: the nominal rate is taken for granted until the points span this time [ns].
        tolerance: largest relative difference between true and nominal rate.
        first_limit: what counts as a gap before the jitter of the stamps is known [ns].
        jitter_factor: what is off by this many standard deviations of the jitter may be a gap,
        least_samples: if these are at least so many samples.
        hold: time of samples after which it is one [ns].
        patience: a shift smaller than that is a gap too once it shows in so many chunks in a row.
    """

    window: int = 30 * NANOSECONDS
    free_slope: int = 5 * NANOSECONDS
    tolerance: float = 2e-3
    first_limit: int = NANOSECONDS // 20
    jitter_factor: float = 6.0
    least_samples: float = 2.5
    hold: int = 3 * NANOSECONDS // 10
    patience: int = 20


@dataclass(frozen=True)
class Piece:
    """The next samples of the stream, without a gap among them.

    Attributes:
        count: number of samples.
        stamp: time of the first [ns].
        lost: samples missing before it; 0 after a restart.
    """

    count: int
    stamp: int
    lost: int = 0


class SampleTimeline:
    """Turn the time stamps of chunks into pieces with smooth times.

    Attributes:
        limit: what is off by more may be a gap [ns].
        restarts: how often the clock stepped back.
        late_gaps: gaps too small to be seen at once.
    """

    def __init__(self, rate: float, settings: TimelineSettings | None = None) -> None:
        """Set up for a nominal sampling rate [Hz]."""
        self._period = NANOSECONDS / rate
        self._settings = settings or TimelineSettings()
        self._index = 0
        self._held: list[NDArray[np.int64]] = []
        self.restarts, self.late_gaps = -1, 0
        self._restart(0)

    def _restart(self, time: int) -> None:
        self._origin, self._zero = time, self._index
        self._points: deque[tuple[int, float]] = deque()
        self._residuals: deque[float] = deque(maxlen=100)
        self._line = (0.0, self._period)
        self._next_fit = float('-inf')
        self.limit = float(self._settings.first_limit)
        self.restarts += 1

    @property
    def rate(self) -> float:
        """True rate as fitted [Hz]."""
        return NANOSECONDS / self._line[1]

    def push(self, times: NDArray[np.int64]) -> list[Piece]:
        """Take the (N,) stamps [ns] of the next chunk, as received; returns what is sure by now."""
        times = np.asarray(times, np.int64)
        if not len(times):
            return []
        late = np.abs(np.diff(times) - self._period) > self.limit
        runs = np.split(times, np.flatnonzero(late) + 1)
        return [piece for run in runs for piece in self._take(run)]

    def flush(self) -> list[Piece]:
        """Decide on all that is held back; the stream ends here or is interrupted."""
        pieces = []
        while self._held:
            pieces += self._decide()
        return pieces

    def _residual(self, run: NDArray[np.int64], index: int) -> float:
        line = self._at(index) + self._line[1] * np.arange(len(run))
        return float(np.median((run - self._origin) - line))

    def _at(self, index: int) -> float:
        return self._line[0] + self._line[1] * (index - self._zero)

    def _take(self, run: NDArray[np.int64]) -> list[Piece]:
        if self.restarts == 0 and not self._points:
            self._origin = int(run[0])
            return [self._place(run)]
        waiting = sum(map(len, self._held))
        residual = self._residual(run, self._index + waiting)
        if not self._held and self._shifted(residual):
            self.late_gaps += 1
            self._residuals.clear()
            return [self._place(run, self._skip(residual))]
        if abs(residual) <= self.limit:
            runs, self._held = [*self._held, run], []
            return [self._place(r) for r in runs]
        self._held.append(run)
        long_enough = (waiting + len(run)) * self._period >= self._settings.hold
        return self._decide() if long_enough else []

    def _decide(self) -> list[Piece]:
        """Place the first run held back, and those after it that fit then."""
        runs, self._held = self._held, []
        index, residuals = self._index, []
        for run in runs:
            residuals.append(self._residual(run, index))
            index += len(run)
        near = [r for r in residuals if abs(r - residuals[0]) <= self.limit]
        lost = 0
        if min(residuals) > self.limit:
            lost = self._skip(float(np.median(near)))
        elif max(residuals) < -self.limit:
            self._restart(int(runs[0][0]))
        pieces = [self._place(runs[0], lost)]
        return pieces + [piece for run in runs[1:] for piece in self._take(run)]

    def _skip(self, residual: float) -> int:
        # At least one sample, or the shift would be neither marked nor gone.
        lost = max(1, round(residual / self._period))
        self._index += lost
        return lost

    def _place(self, run: NDArray[np.int64], lost: int = 0) -> Piece:
        residual, middle = self._residual(run, self._index), len(run) // 2
        if abs(residual) <= self.limit:
            self._residuals.append(residual)
            self._add(self._index + middle, float(run[middle] - self._origin))
        stamp = self._origin + round(self._at(self._index))
        self._index += len(run)
        return Piece(len(run), stamp, lost)

    def _shifted(self, residual: float) -> bool:
        newest = [*self._residuals, residual][-self._settings.patience :]
        full = len(newest) == self._settings.patience
        return full and min(newest) > 0 and float(np.median(newest)) > 1.5 * self._period

    def _add(self, index: int, time: float) -> None:
        # By sample number: by time, late chunks would be chosen more often than others.
        if index < self._next_fit:
            return
        self._next_fit = index + FIT_STEP / self._period
        self._points.append((index, time))
        while time - self._points[0][1] > self._settings.window:
            self._points.popleft()
        self._fit()

    def _fit(self) -> None:
        points = np.array(self._points)
        index, time = points[:, 0] - self._zero, points[:, 1]
        slope = self._period
        if time[-1] - time[0] >= self._settings.free_slope:
            x = index - index.mean()
            free = float(x @ (time - time.mean()) / (x @ x))
            margin = self._settings.tolerance * self._period
            slope = min(max(free, self._period - margin), self._period + margin)
        self._line = (float(time.mean() - slope * index.mean()), slope)
        if len(self._residuals) >= 10:
            s = self._settings
            jitter = MAD_TO_SIGMA * float(np.median(np.abs(self._residuals)))
            self.limit = max(s.jitter_factor * jitter, s.least_samples * self._period)
