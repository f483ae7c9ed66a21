"""Scores on persons held out, beside a constant and a linear model.

Letters: T ticks, F features, L look-aheads, M muscles.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.model.dataset import Example

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.emg import metrics
from pianokpm_ros.muscle.features import KEYS_FLAG, Scaling

FloatArray = NDArray[np.floating]

LAGS = (0, 2, 5, 10, 20)
"""Ticks that the linear model sees."""

RIDGE = 1e-3
"""Weight of its penalty, as a part of the number of ticks."""

SHORTEST = 500
"""Examples of fewer ticks are not scored: a correlation over less than five seconds means little."""

Predictor = Callable[[Example], tuple[FloatArray, FloatArray | None]]
"""From an example to (T, M) means and, where it has them, deviations."""


class LaggedRidge:
    """Linear regression on features of several lags, for one look-ahead."""

    def __init__(self, examples: Sequence[Example], scaling: Scaling, head: int) -> None:
        self._scaling = scaling
        size = len(LAGS) * len(scaling.mean) + 1
        square, product = np.zeros((size, size)), np.zeros((size, len(MUSCLES)))
        for example in examples:
            known = np.isfinite(example.target[:, head]).all(axis=1)
            inputs = self._inputs(example)[known]
            square += inputs.T @ inputs
            product += inputs.T @ example.target[known, head]
        penalty = RIDGE * square[-1, -1] * np.eye(size)
        penalty[-1, -1] = 0.0
        self._weights = np.linalg.solve(square + penalty, product)

    def _inputs(self, example: Example) -> FloatArray:
        scaled = self._scaling.apply(example.features).astype(np.float64)
        index = np.arange(len(scaled))
        lagged = [scaled[np.maximum(index - lag, 0)] for lag in LAGS]
        return np.concatenate([*lagged, np.ones((len(scaled), 1))], axis=1)

    def __call__(self, example: Example) -> tuple[FloatArray, None]:
        return np.clip(self._inputs(example) @ self._weights, 0.0, 1.0), None


@dataclass(frozen=True, eq=False)
class Scores:
    """Medians over examples; arrays per muscle (M,), coverage (3, M)."""

    r: FloatArray
    rmse: FloatArray
    nrmse: FloatArray
    coverage: FloatArray
    count: int

    def describe(self) -> dict:
        """Return plain numbers, rounded, by muscle."""

        def words(values: FloatArray) -> dict[str, float | None]:
            return {
                m: None if np.isnan(v) else round(float(v), 4)
                for m, v in zip(MUSCLES, values, strict=True)
            }

        levels = zip(metrics.COVERAGE_LEVELS, self.coverage, strict=True)
        covered = {f'{level:g}': words(values) for level, values in levels}
        result = {n: words(getattr(self, n)) for n in ('r', 'rmse', 'nrmse')}
        if np.isfinite(self.coverage).any():
            result['coverage'] = covered
        return result | {'examples': self.count}


def score(examples: Sequence[Example], predictor: Predictor, head: int) -> Scores:
    """Score a predictor on every long enough example, and take medians."""
    rows = [_score_one(e, predictor, head) for e in examples if len(e.target) >= SHORTEST]
    if not rows:
        unknown = np.full(len(MUSCLES), np.nan)
        return Scores(unknown, unknown, unknown, np.full((3, len(MUSCLES)), np.nan), 0)
    with np.errstate(invalid='ignore'):
        return Scores(*(_median([row[i] for row in rows]) for i in range(4)), len(rows))


def _median(values: list[FloatArray]) -> FloatArray:
    stacked = np.ma.masked_invalid(np.stack(values))
    return np.ma.median(stacked, axis=0).filled(np.nan)


def _score_one(example: Example, predictor: Predictor, head: int) -> tuple[FloatArray, ...]:
    mean, deviation = predictor(example)
    target = example.target[:, head].astype(np.float64)
    covered = np.full((len(metrics.COVERAGE_LEVELS), len(MUSCLES)), np.nan)
    if deviation is not None:
        covered = metrics.coverage(target, mean, deviation)
    return (
        metrics.pearson(target, mean),
        metrics.rmse(target, mean),
        metrics.nrmse(target, mean),
        covered,
    )


def with_keys(example: Example) -> bool:
    """Tell whether the keys are known through most of an example."""
    return bool(np.mean(example.features[:, KEYS_FLAG]) > 0.5)
