"""The simple baselines: mean, average around keystrokes, lagged ridge, nearest neighbour.

Letters: N samples, T ticks, F features, M muscles, G lags.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.evaluation.takes import Estimate, Take
from pianokpm_training.model.examples import fit_scaling
from pianokpm_training.sessions.ticks import find_targets
from scipy.spatial import cKDTree

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.muscle.batch import Stretch
from pianokpm_ros.muscle.timebase import MILLISECOND, TICK

FloatArray = NDArray[np.floating]

LAGS = (0, 2, 5, 10, 20)
"""Ticks that the linear model sees."""

RIDGE = 1e-3
"""Weight of a linear model's penalty, as a part of the number of ticks."""

STROKE_LAGS = np.arange(-30, 60, 2)
"""Ticks around each keystroke: from 0.3 s before to 0.6 s after it."""

STRIDE = TICK // MILLISECOND
"""Samples of an envelope from tick to tick."""

BESIDE = 1 + int(np.abs(STROKE_LAGS).max())
"""Ticks before and after a take whose strokes still show in it."""

NEIGHBOURS, COMPONENTS, KEPT = 25, 16, 20_000
"""Of the nearest-neighbour estimate: neighbours, principal components compared, ticks remembered."""


class Mean:
    """The mean of each muscle over the training recordings."""

    name = 'mean per muscle'

    def __init__(self, takes: Sequence[Take], lookahead: float) -> None:
        truth = np.concatenate([t.truth for t in takes])
        known = np.isfinite(truth)
        with np.errstate(invalid='ignore'):  # of muscles that were not recorded nothing is known
            self._mean = np.where(known, truth, 0.0).sum(axis=0) / known.sum(axis=0)

    def estimate(self, take: Take) -> Estimate:
        return Estimate(np.broadcast_to(self._mean, take.truth.shape))


class StrokeAverage:
    """The average course around a keystroke of this hand, overlaps taken apart, by count and strength; keys needed.

    It knows the notes in advance, and which hand plays them.
    """

    name = 'keystroke average'

    def __init__(self, takes: Sequence[Take], lookahead: float) -> None:
        self._recorded = find_recorded(takes)
        size = 2 * len(STROKE_LAGS) + 1
        square, product = np.zeros((size, size)), np.zeros((size, self._recorded.sum()))
        for take in takes:
            inputs, target = self._inputs(take), take.truth[::STRIDE, self._recorded]
            known = np.isfinite(target).all(axis=1)
            square += inputs[known].T @ inputs[known]
            product += inputs[known].T @ target[known]
        self._weights = solve_ridge(square, product)

    def _inputs(self, take: Take) -> FloatArray:
        """Return the (T, 2 G + 1) counts and strengths of this hand's strokes at each lag, and one."""
        count = len(take.stamp[::STRIDE])
        strokes = np.zeros((count + 2 * BESIDE, 2))
        stamp, velocity = take.strokes
        index = (stamp - take.stamp[0]) // TICK + BESIDE
        near = (index >= 0) & (index < len(strokes))
        np.add.at(strokes, (index[near], 0), 1.0)
        np.add.at(strokes, (index[near], 1), velocity[near] / 127)
        # Courses are linear between lags two ticks apart.
        hats = np.stack([np.convolve(c, (0.5, 1.0, 0.5), 'same') for c in strokes.T], axis=1)
        shifted = [_shift(hats, int(lag))[BESIDE : BESIDE + count] for lag in STROKE_LAGS]
        return np.concatenate([*shifted, np.ones((count, 1))], axis=1)

    def estimate(self, take: Take) -> Estimate:
        course = np.clip(self._inputs(take) @ self._weights, 0.0, 1.0)
        coarse = take.stamp[::STRIDE]
        mean = np.full(take.truth.shape, np.nan)
        mean[:, self._recorded] = np.stack(
            [np.interp(take.stamp, coarse, c) for c in course.T], axis=1
        )
        return Estimate(mean)


class LaggedRidge:
    """Linear regression on the model's own features at several lags."""

    name = 'lagged ridge'

    def __init__(self, takes: Sequence[Take], lookahead: float) -> None:
        self._lookahead = lookahead
        stretches = [(t, s) for t in takes for s in t.stretches]
        self._scaling = fit_scaling(s.features for _, s in stretches)
        self._recorded = find_recorded(takes)
        size = len(LAGS) * len(self._scaling.mean) + 1
        square, product = np.zeros((size, size)), np.zeros((size, self._recorded.sum()))
        for take, stretch in stretches:
            target = _targets(take, stretch, lookahead)[:, self._recorded]
            known = np.isfinite(target).all(axis=1)
            inputs = self._inputs(stretch)[known]
            square += inputs.T @ inputs
            product += inputs.T @ target[known]
        self._weights = solve_ridge(square, product)

    def _inputs(self, stretch: Stretch) -> FloatArray:
        scaled = self._scaling.apply(stretch.features).astype(np.float64)
        index = np.arange(len(scaled))
        lagged = [scaled[np.maximum(index - lag, 0)] for lag in LAGS]
        return np.concatenate([*lagged, np.ones((len(scaled), 1))], axis=1)

    def estimate(self, take: Take) -> Estimate:
        mean = np.full(take.truth.shape, np.nan)
        for stretch in take.stretches:
            course = np.full((len(stretch.stamp), len(MUSCLES)), np.nan)
            course[:, self._recorded] = np.clip(self._inputs(stretch) @ self._weights, 0.0, 1.0)
            take.spread(stretch, course, self._lookahead, mean)
        return Estimate(mean)


class Neighbours:
    """The mean of the training moments whose features, now and 0.1 s ago, are nearest."""

    name = 'nearest neighbours'

    def __init__(self, takes: Sequence[Take], lookahead: float) -> None:
        self._lookahead = lookahead
        stretches = [(t, s) for t in takes for s in t.stretches]
        self._scaling = fit_scaling(s.features for _, s in stretches)
        targets = np.concatenate([_targets(t, s, lookahead) for t, s in stretches])
        inputs = np.concatenate([self._pairs(s) for _, s in stretches])
        recorded = find_recorded(takes)
        known = np.flatnonzero(np.isfinite(targets[:, recorded]).all(axis=1))
        kept = known[:: max(1, len(known) // KEPT)]
        self._basis = _principal(inputs[kept])
        self._tree, self._targets = cKDTree(inputs[kept] @ self._basis), targets[kept]

    def _pairs(self, stretch: Stretch) -> FloatArray:
        scaled = self._scaling.apply(stretch.features)
        before = scaled[np.maximum(np.arange(len(scaled)) - 10, 0)]
        return np.concatenate([scaled, before], axis=1)

    def estimate(self, take: Take) -> Estimate:
        mean = np.full(take.truth.shape, np.nan)
        for stretch in take.stretches:
            _, index = self._tree.query(self._pairs(stretch) @ self._basis, NEIGHBOURS)
            take.spread(stretch, self._targets[index].mean(axis=1), self._lookahead, mean)
        return Estimate(mean)


BASELINES = (Mean, StrokeAverage, LaggedRidge, Neighbours)


def find_recorded(takes: Sequence[Take]) -> NDArray[np.bool_]:
    """Tell which muscles some take has, (M,); moments at which one of them is unknown are not learned from."""
    known = [np.isfinite(t.truth) for t in takes]
    recorded = np.any([k.any(axis=0) for k in known], axis=0)
    if not recorded.any() or not any(k[:, recorded].all(axis=1).any() for k in known):
        raise DataError(
            'asked to learn baselines from recordings in which the EMG of all muscles is never there at one time'
        )
    return recorded


def solve_ridge(square: FloatArray, product: FloatArray) -> FloatArray:
    """Solve for weights from sums of squares and products; the last input is the constant, which is free."""
    penalty = RIDGE * square[-1, -1] * np.eye(len(square))
    penalty[-1, -1] = 0.0
    return np.linalg.solve(square + penalty, product)


def _targets(take: Take, stretch: Stretch, lookahead: float) -> FloatArray:
    return find_targets(take.recording.envelope, stretch.stamp, (lookahead,))[:, 0]


def _shift(values: FloatArray, lag: int) -> FloatArray:
    """Delay (T, C) values by some ticks, zeros before."""
    result = np.zeros_like(values)
    if lag >= 0:
        result[lag:] = values[: len(values) - lag]
    else:
        result[:lag] = values[-lag:]
    return result


def _principal(inputs: FloatArray) -> FloatArray:
    """Directions of largest variance, (F, COMPONENTS), scaled as they are."""
    values, vectors = np.linalg.eigh(np.cov(inputs.T))
    return vectors[:, np.argsort(values)[::-1][:COMPONENTS]]
