"""Scores of estimated envelopes against reference ones, per muscle and take.

Letters: N samples, M muscles. `y` is the reference, `p` the estimate, both (N, M) at the same
rate; NaN samples of either are left out. VAF is not offered: uncentred, it flatters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal, stats

from pianokpm_ros.emg.onsets import OnsetMatch, OnsetSettings, find_envelope_onsets, match_onsets
from pianokpm_ros.emg.processing import as_columns
from pianokpm_ros.emg.transport import sinkhorn_divergence

FloatArray = NDArray[np.floating]

SILENT_RANGE = 0.02
"""A muscle whose P99 - P1 is below this part of MVC has no amplitude to normalise by."""

LEAST_COMMON = 10.0
"""Of less that both know, how alike two signals are is not told [s]: one stroke more or less would change it."""

COVERAGE_LEVELS = (0.5, 0.8, 0.95)
"""Parts of the errors that the intervals under test promise to hold."""

NORMAL_REACH = tuple(float(stats.norm.ppf(0.5 + level / 2)) for level in COVERAGE_LEVELS)
"""How far these intervals reach to either side where errors are normal [deviations]."""

ONE_SIGMA = float(2 * stats.norm.cdf(1.0) - 1)
"""Part of the errors within one deviation, 0.683: what makes a deviation true, whatever the tails are."""


def _pair(y: ArrayLike, p: ArrayLike) -> tuple[FloatArray, FloatArray]:
    y, p = as_columns(y), as_columns(p)
    if y.shape != p.shape:
        raise ValueError(
            f'asked to compare signals of one shape, found {y.shape} and {p.shape}; resample one of them'
        )
    return y, p


def _per_muscle(y: ArrayLike, p: ArrayLike, score) -> FloatArray:
    y, p = _pair(y, p)
    known = np.isfinite(y) & np.isfinite(p)
    return np.array(
        [score(y[k, m], p[k, m]) if k.sum() > 2 else np.nan for m, k in enumerate(known.T)]
    )


def rmse(y: ArrayLike, p: ArrayLike) -> FloatArray:
    """Root mean square error, (M,), in the unit of the signals."""
    return _per_muscle(y, p, lambda a, b: float(np.sqrt(np.mean((a - b) ** 2))))


def pooled_rmse(y: ArrayLike, p: ArrayLike) -> float:
    """Root of the mean over all samples and muscles, as the published work counts it."""
    y, p = _pair(y, p)
    square = (y - p) ** 2
    return float(np.sqrt(np.nanmean(square))) if np.isfinite(square).any() else float('nan')


def amplitude(y: ArrayLike) -> FloatArray:
    """P99 - P1 of each muscle, (M,)."""
    return _per_muscle(y, y, lambda a, _: float(np.percentile(a, 99) - np.percentile(a, 1)))


def nrmse(y: ArrayLike, p: ArrayLike) -> FloatArray:
    """RMSE over P99(y) - P1(y), (M,); NaN for muscles that hardly move (name them with `silent_muscles`)."""
    extent = amplitude(y)
    return rmse(y, p) / np.where(extent >= SILENT_RANGE, extent, np.nan)


def silent_muscles(y: ArrayLike, names: tuple[str, ...]) -> tuple[str, ...]:
    """Name the muscles that `nrmse` leaves out."""
    return tuple(
        n for n, extent in zip(names, amplitude(y), strict=True) if not extent >= SILENT_RANGE
    )


def _pearson(a: FloatArray, b: FloatArray) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / norm) if norm > 1e-12 * len(a) else float('nan')


def pearson(y: ArrayLike, p: ArrayLike) -> FloatArray:
    """Pearson correlation, (M,); NaN for a constant signal."""
    return _per_muscle(y, p, _pearson)


def r_squared(y: ArrayLike, p: ArrayLike) -> FloatArray:
    """1 - SSres / SStot, (M,); negative when worse than the mean."""

    def score(a: FloatArray, b: FloatArray) -> float:
        total = np.sum((a - a.mean()) ** 2)
        return float(1 - np.sum((a - b) ** 2) / total) if total > 0 else float('nan')

    return _per_muscle(y, p, score)


def lagged_pearson(
    y: ArrayLike, p: ArrayLike, rate: float, limit: float = 0.1
) -> tuple[FloatArray, FloatArray]:
    """Best Pearson correlation within +-`limit` [s], and its lag.

    Returns:
        r_max (M,), and lag (M,) [s], positive where the estimate is late.
    """
    y, p = _pair(y, p)
    reach = min(int(round(limit * rate)), len(y) - 3)
    lags = np.arange(-reach, reach + 1)
    r = np.stack(
        [
            pearson(y[max(0, -k) : len(y) - max(0, k)], p[max(0, k) : len(p) - max(0, -k)])
            for k in lags
        ]
    )
    filled = np.where(np.isfinite(r), r, -np.inf)
    best = np.argmax(filled, axis=0)
    r_max = np.take_along_axis(r, best[None], axis=0)[0]
    return r_max, np.where(np.isfinite(r_max), lags[best] / rate, np.nan)


def onset_scores(
    y: ArrayLike,
    p: ArrayLike,
    rate: float,
    tolerance: float = 0.05,
    settings: OnsetSettings | None = None,
) -> list[OnsetMatch]:
    """Match the onsets of each muscle's envelope where both are known; one `OnsetMatch` a muscle."""
    y, p = _pair(y, p)
    known = np.isfinite(y) & np.isfinite(p)
    y, p = np.where(known, y, np.nan), np.where(known, p, np.nan)
    return [
        match_onsets(
            find_envelope_onsets(a, rate, settings),
            find_envelope_onsets(b, rate, settings),
            tolerance,
        )
        for a, b in zip(y.T, p.T, strict=True)
    ]


def coherence(y: ArrayLike, p: ArrayLike, rate: float, limit: float = 20.0) -> FloatArray:
    """Mean magnitude-squared coherence from above 0 to `limit` [Hz], (M,), over 2-s Hann windows."""

    def score(a: FloatArray, b: FloatArray) -> float:
        length = min(int(2 * rate), len(a) // 4)
        if length < 8 or np.ptp(a) == 0 or np.ptp(b) == 0:
            return float('nan')
        frequency, value = signal.coherence(a, b, rate, nperseg=length)
        return float(np.mean(value[(frequency > 0) & (frequency <= limit)]))

    return _per_muscle(y, p, score)


def coverage(
    y: ArrayLike, p: ArrayLike, deviation: ArrayLike, reach: Sequence[float] = NORMAL_REACH
) -> FloatArray:
    """Part of the samples within `reach` deviations, (len(reach), M); those of `COVERAGE_LEVELS` unless told."""
    y, p = _pair(y, p)
    z = np.abs(y - p) / as_columns(deviation)
    known = np.isfinite(z).sum(axis=0)
    inside = np.stack([(z <= limit).sum(axis=0) for limit in reach])  # NaN is inside of nothing
    return np.where(known > 0, inside / np.maximum(known, 1), np.nan)


def optimal_transport_distance(
    y: ArrayLike, p: ArrayLike, points: int = 1024, seed: int = 0
) -> float:
    """Sinkhorn divergence between the clouds of samples; ignores time order.

    Longer takes are thinned to `points` random samples, the same for both.
    """
    y, p = _pair(y, p)
    known = np.flatnonzero(np.isfinite(y).all(1) & np.isfinite(p).all(1))
    if not len(known):
        return float('nan')
    if len(known) > points:
        known = np.sort(np.random.default_rng(seed).choice(known, points, replace=False))
    return sinkhorn_divergence(y[known], p[known])


@dataclass(frozen=True, eq=False)
class TakeScores:
    """All scores of one take, arrays per muscle (M,) in the order of `muscle`."""

    muscle: tuple[str, ...]
    rmse: FloatArray
    nrmse: FloatArray
    r: FloatArray
    r_max: FloatArray
    lag: FloatArray
    r2: FloatArray
    f1_50: FloatArray
    f1_25: FloatArray
    onset_timing: FloatArray
    coherence: FloatArray
    coverage: FloatArray
    pooled_rmse: float
    otd: float
    silent: tuple[str, ...]


def score_take(
    y: ArrayLike,
    p: ArrayLike,
    rate: float,
    muscle: tuple[str, ...],
    deviation: ArrayLike | None = None,
) -> TakeScores:
    """Score one take; `deviation` (N, M) is the estimate's 1 sigma where it has one."""
    r_max, lag = lagged_pearson(y, p, rate)
    wide, narrow = onset_scores(y, p, rate, 0.05), onset_scores(y, p, rate, 0.025)
    covered = (
        np.full((len(COVERAGE_LEVELS), len(muscle)), np.nan)
        if deviation is None
        else coverage(y, p, deviation)
    )
    return TakeScores(
        tuple(muscle),
        rmse(y, p),
        nrmse(y, p),
        pearson(y, p),
        r_max,
        lag,
        r_squared(y, p),
        np.array([o.f1 for o in wide]),
        np.array([o.f1 for o in narrow]),
        np.array([o.timing for o in wide]),
        coherence(y, p, rate),
        covered,
        pooled_rmse(y, p),
        optimal_transport_distance(y, p),
        silent_muscles(y, muscle),
    )
