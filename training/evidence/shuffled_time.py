"""Does an estimate from poses know when the muscles act? Compare it with itself, shifted in time.

The criterion that a success is judged by stands in docs/real_pairs.md, stated before the first run.
Letters: T ticks of `RATE`, F features, C channels, S sessions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import DataError, Recording, SignalTrack

FloatArray = NDArray[np.floating]

RATE = 100
LAGS = (-20, -10, 0, 10, 20)
"""Ticks by which poses are looked at before and after a moment: 0, 100 and 200 ms."""

BLOCK = 10 * RATE
"""Blocks of the cross-validation [ticks]."""

PENALTIES = tuple(10.0 ** np.arange(-3, 4))
"""Of the ridge, as parts of the number of ticks, for features of unit variance."""

LEAST_SHIFT = 5 * RATE
"""Estimates are shifted by this many ticks at least, either way round."""

SHIFTS = 1999
LEVEL = 0.01
FLOOR = 1e-3
"""Added before the logarithm, as part of the envelope's scale."""


@dataclass(frozen=True, eq=False)
class Session:
    """Poses and muscles of a session on one grid.

    Attributes:
        name: of the recording.
        features: (T, F).
        target: (T, C) logarithms of envelopes.
        channel: C names.
    """

    name: str
    features: FloatArray
    target: FloatArray
    channel: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the comparison found.

    Attributes:
        r: (S, C) correlations of estimate and target.
        shuffled: (shifts, S, C), the same of shifted estimates.
    """

    r: FloatArray
    shuffled: FloatArray

    @property
    def statistic(self) -> float:
        """Mean of all correlations."""
        return float(self.r.mean())

    @property
    def null(self) -> FloatArray:
        """The statistic of each shift, (shifts,)."""
        return self.shuffled.mean(axis=(1, 2))

    @property
    def p(self) -> float:
        """Chance of a statistic this large where time does not matter."""
        return _chance(self.statistic, self.null)

    @property
    def channel_p(self) -> FloatArray:
        """The same of each session and channel alone, (S, C)."""
        return (1 + (self.shuffled >= self.r).sum(axis=0)) / (1 + len(self.shuffled))

    @property
    def success(self) -> bool:
        """Whether the criterion is met."""
        return self.p < LEVEL


def _chance(value: float, null: FloatArray) -> float:
    return float((1 + (null >= value).sum()) / (1 + len(null)))


def make_session(recording: Recording) -> Session:
    """Bring angles and envelope of a recording onto the grid."""
    if recording.angles is None or recording.envelope is None:
        raise DataError(f'{recording.info.name} lacks angles or an envelope; import pairs')
    first = max(recording.angles.stamp[0], recording.envelope.stamp[0])
    last = min(recording.angles.stamp[-1], recording.envelope.stamp[-1])
    ticks = np.arange(first, last, round(1e9 / RATE), dtype=np.int64)
    curl = _at(recording.angles, ticks)
    poses = np.concatenate([curl, np.gradient(curl, axis=0) * RATE], axis=1)
    target = np.log(np.maximum(_at(recording.envelope, ticks), 0.0) + FLOOR)
    return Session(recording.info.name, lagged(poses), target, recording.envelope.channel)


def _at(track: SignalTrack, ticks: NDArray[np.int64]) -> FloatArray:
    columns = []
    for column in track.samples.T:
        known = np.isfinite(column)
        columns.append(np.interp(ticks, track.stamp[known], column[known]))
    return np.stack(columns, axis=1)


def lagged(poses: FloatArray) -> FloatArray:
    """Put (T, F) poses of all `LAGS` side by side; held beyond the ends."""
    index = np.arange(len(poses))
    return np.concatenate([poses[np.clip(index + lag, 0, len(poses) - 1)] for lag in LAGS], axis=1)


class Ridge:
    """Linear map of standardised features; the penalty is chosen in blocks of time."""

    def __init__(self, features: FloatArray, target: FloatArray) -> None:
        blocks = np.arange(len(features)) // BLOCK
        errors = [
            sum(self._error(features, target, blocks == b, penalty) for b in np.unique(blocks))
            for penalty in PENALTIES
        ]
        self.penalty = PENALTIES[int(np.argmin(errors))]
        self._fit(features, target, self.penalty)

    def _error(
        self, features: FloatArray, target: FloatArray, out: NDArray[np.bool_], penalty: float
    ) -> float:
        self._fit(features[~out], target[~out], penalty)
        return float(((self(features[out]) - target[out]) ** 2).sum())

    def _fit(self, features: FloatArray, target: FloatArray, penalty: float) -> None:
        self._mean, self._scale = features.mean(axis=0), features.std(axis=0) + 1e-9
        inputs = (features - self._mean) / self._scale
        square = inputs.T @ inputs + penalty * len(inputs) * np.eye(inputs.shape[1])
        self._offset = target.mean(axis=0)
        self._weights = np.linalg.solve(square, inputs.T @ (target - self._offset))

    def __call__(self, features: FloatArray) -> FloatArray:
        """Estimate (T, C) from (T, F)."""
        return (features - self._mean) / self._scale @ self._weights + self._offset


def compare(sessions: Sequence[Session], seed: int = 1) -> Outcome:
    """Train on all sessions but one, test on that one, for each; then shuffle time."""
    if len(sessions) < 2:
        raise DataError('asked to compare sessions, found fewer than two')
    short = [s.name for s in sessions if len(s.target) <= 2 * LEAST_SHIFT]
    if short:
        raise DataError(
            f'poses and muscles of {", ".join(short)} have less than {2 * LEAST_SHIFT / RATE:g} s in common: too '
            'little to shift; leave them out'
        )
    estimates = []
    for i, _ in enumerate(sessions):
        others = [s for j, s in enumerate(sessions) if j != i]
        ridge = Ridge(
            *(np.concatenate([getattr(s, n) for s in others]) for n in ('features', 'target'))
        )
        estimates.append(ridge(sessions[i].features))
    random = np.random.default_rng(seed)
    tables = [shift_table(e, s.target) for e, s in zip(estimates, sessions, strict=True)]
    real = np.stack([t[0] for t in tables])
    shuffled = np.stack(
        [t[random.integers(LEAST_SHIFT, len(t) - LEAST_SHIFT, SHIFTS)] for t in tables], axis=1
    )
    return Outcome(real, shuffled)


def shift_table(estimate: FloatArray, target: FloatArray) -> FloatArray:
    """Correlate (T, C) signals at every circular shift of the estimate, (T shifts, C)."""
    a, b = ((x - x.mean(axis=0)) / x.std(axis=0) for x in (estimate, target))
    spectrum = np.conj(np.fft.rfft(a, axis=0)) * np.fft.rfft(b, axis=0)
    return np.fft.irfft(spectrum, len(a), axis=0) / len(a)
