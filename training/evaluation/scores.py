"""Score estimators on takes, and put the scores of all takes together: over a person's takes, then over persons.

Over takes it is the median, so that one odd take does not decide. What lies inside of intervals is counted, though:
there it is the mean, because the takes that miss are part of what an interval promises.

Letters: N samples, M muscles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pianokpm_training.baselines.sinkhorn import sinkhorn_divergence
from pianokpm_training.evaluation.takes import Estimate, Take

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.emg import metrics

FloatArray = NDArray[np.floating]

STEP = 5
"""Every so many samples of the 1 kHz envelopes one is scored: 200 Hz, far above what a 6 Hz envelope holds."""

RATE = 1000.0 / STEP
PER_MUSCLE = ('rmse', 'nrmse', 'r', 'r_max', 'lag', 'f1')
WHOLE = ('pooled_rmse', 'otd', 'said')
COVERED = tuple(f'in_{100 * level:.0f}' for level in metrics.COVERAGE_LEVELS)
OTD_POINTS = 512
"""Samples of a take in its transport distance, the same for all estimators; the published score uses 1024 a window."""

TOLERANCE = 0.05
"""Largest distance of matched onsets [s]."""

DRAWS = 2000
"""Of the bootstrap over persons."""


@dataclass(frozen=True, eq=False)
class TakeScore:
    """Scores of one take: by metric, (M,) or a number."""

    take: str
    subject: str
    values: dict[str, Any]


def score_estimate(take: Take, estimate: Estimate) -> TakeScore:
    """Score what was said of a take; samples that nothing was said of don't count, `said` tells how many."""
    y = take.span * take.truth[::STEP]
    p = take.span * estimate.mean[::STEP].astype(np.float64)
    r_max, lag = metrics.lagged_pearson(y, p, RATE)
    onsets = metrics.onset_scores(y, p, RATE, TOLERANCE)
    values: dict[str, Any] = {
        'rmse': metrics.rmse(y, p),
        'nrmse': metrics.nrmse(y, p),
        'r': metrics.pearson(y, p),
        'r_max': r_max,
        'lag': lag,
        'f1': np.array([o.f1 for o in onsets]),
        'pooled_rmse': metrics.pooled_rmse(y, p),
        'otd': _transport(y, p),
        'said': _said(y, p),
    }
    if estimate.deviation is not None:
        deviation = take.span * estimate.deviation[::STEP]
        covered = metrics.coverage(y, p, deviation, estimate.reach)
        values |= dict(zip(COVERED, covered, strict=True))
    return TakeScore(take.recording.info.name, take.subject, values)


def _said(y: FloatArray, p: FloatArray) -> float:
    """Part of the samples of which something is said of every muscle that this take has."""
    recorded = np.isfinite(y).any(axis=0)
    return (
        float(np.isfinite(p[:, recorded]).all(axis=1).mean()) if recorded.any() else float('nan')
    )


def _transport(y: FloatArray, p: FloatArray) -> float:
    known = np.flatnonzero(np.isfinite(y).all(axis=1) & np.isfinite(p).all(axis=1))
    if not len(known):
        return float('nan')
    chosen = known[np.linspace(0, len(known) - 1, min(OTD_POINTS, len(known))).round().astype(int)]
    clouds = (torch.from_numpy(v[chosen].astype(np.float32))[None] for v in (y, p))
    return float(sinkhorn_divergence(*clouds, iterations=5))


def summarise(scores: Sequence[TakeScore]) -> dict[str, Any]:
    """Put takes together: by metric `mean`, `low`, `high` (95 % bootstrap over two persons or more) and `by_muscle`.

    `rmse_over_takes` is the plain mean of all takes' pooled RMSE, as the published scores are made.
    """
    subjects = sorted({s.subject for s in scores})
    result: dict[str, Any] = {'takes': len(scores), 'persons': len(subjects)}
    errors = np.array([s.values['pooled_rmse'] for s in scores])
    result['rmse_over_takes'] = float(_mean(errors, 0))
    for metric in scores[0].values:
        rows = np.stack([_of_person(scores, s, metric) for s in subjects])
        result[metric] = {
            **_interval(_mean(rows, 1)),
            'by_muscle': _by_muscle(_mean(rows, 0)) if rows.shape[1] > 1 else None,
        }
    return result


def _of_person(scores: Sequence[TakeScore], subject: str, metric: str) -> FloatArray:
    """Median over one person's takes, of parts inside of intervals the mean; (M,) or (1,)."""
    rows = [np.atleast_1d(s.values[metric]) for s in scores if s.subject == subject]
    known = np.ma.masked_invalid(np.stack(rows))
    middle = known.mean(axis=0) if metric in COVERED else np.ma.median(known, axis=0)
    return np.ma.filled(middle.astype(float), np.nan)


def _mean(rows: FloatArray, axis: int) -> FloatArray:
    """Mean of what is known; a constant, for one, has no correlation with anything."""
    return np.ma.filled(np.ma.masked_invalid(rows).mean(axis=axis).astype(float), np.nan)


def _interval(values: FloatArray) -> dict[str, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return {'mean': float('nan'), 'low': float('nan'), 'high': float('nan')}
    if len(values) < 2:  # of one person nothing is known of how persons differ
        return {'mean': float(values[0]), 'low': float('nan'), 'high': float('nan')}
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (DRAWS, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return {'mean': float(values.mean()), 'low': float(low), 'high': float(high)}


def _by_muscle(values: FloatArray) -> dict[str, float]:
    return dict(zip(MUSCLES, (float(v) for v in values), strict=True))
