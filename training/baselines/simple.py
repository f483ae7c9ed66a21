"""The simple baselines: mean, average around keystrokes, lagged ridge, nearest neighbour.

Takes to learn from are gone through twice, one at a time, and none is kept: first for what is known of them all
(`Survey`), then to learn. So a data set may be larger than the memory.
Letters: N samples, T ticks, F features, M muscles, G lags.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.evaluation.takes import Estimate, Take
from pianokpm_training.model.examples import fit_scaling
from pianokpm_training.sessions.ticks import find_targets
from scipy.spatial import cKDTree

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.muscle.batch import Stretch
from pianokpm_ros.muscle.features import Scaling
from pianokpm_ros.muscle.timebase import MILLISECOND, TICK

FloatArray = NDArray[np.floating]

LAGS = (0, 2, 5, 10, 20)
"""Ticks that the linear model sees."""

RIDGE = 1e-3
"""Weight of a linear model's penalty, as a part of the number of ticks."""

PART = 6000
"""Ticks that the linear model looks at in one go: a minute of them fills some 70 MB."""

STROKE_LAGS = np.arange(-30, 60, 2)
"""Ticks around each keystroke: from 0.3 s before to 0.6 s after it."""

STRIDE = TICK // MILLISECOND
"""Samples of an envelope from tick to tick."""

BESIDE = 1 + int(np.abs(STROKE_LAGS).max())
"""Ticks before and after a take whose strokes still show in it."""

NEIGHBOURS, COMPONENTS, KEPT = 25, 16, 20_000
"""Of the nearest-neighbour estimate: neighbours, principal components compared, ticks remembered (at least, evenly)."""


@dataclass(frozen=True, eq=False)
class Survey:
    """What a first look at all takes that are learned from tells.

    Attributes:
        lookahead: of estimates from features [s].
        mean: (M,) of each muscle; NaN = never recorded.
        recorded: (M,) muscles that some take has; moments at which one of them is unknown are not learned from.
        scaling: of the features.
        moments: ticks at which all of these muscles are known.
    """

    lookahead: float
    mean: FloatArray
    recorded: NDArray[np.bool_]
    scaling: Scaling
    moments: int


class Baseline:
    """An estimator that learns take by take; only when it has finished it estimates."""

    name = ''

    def __init__(self, survey: Survey) -> None:
        self._survey, self._recorded = survey, survey.recorded

    def learn(self, take: Take) -> None:
        """Learn from a take of those that were surveyed; in the same order."""

    def finish(self) -> None:
        """Conclude from all takes."""


class Mean(Baseline):
    """The mean of each muscle over the training recordings."""

    name = 'mean per muscle'

    def estimate(self, take: Take) -> Estimate:
        return Estimate(np.broadcast_to(self._survey.mean, take.truth.shape))


class StrokeAverage(Baseline):
    """The average course around a keystroke of this hand, overlaps taken apart, by count and strength; keys needed.

    It knows the notes in advance, and which hand plays them.
    """

    name = 'keystroke average'

    def __init__(self, survey: Survey) -> None:
        super().__init__(survey)
        self._sums = _Sums(2 * len(STROKE_LAGS) + 1, survey.recorded.sum())

    def learn(self, take: Take) -> None:
        """Add up what a take's strokes go with."""
        self._sums.add(self._inputs(take), take.truth[::STRIDE, self._recorded])

    def finish(self) -> None:
        """Solve for the courses."""
        self._weights = self._sums.solve()

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


class LaggedRidge(Baseline):
    """Linear regression on the model's own features at several lags."""

    name = 'lagged ridge'

    def __init__(self, survey: Survey) -> None:
        super().__init__(survey)
        size = len(LAGS) * len(survey.scaling.mean) + 1
        self._sums = _Sums(size, survey.recorded.sum())

    def learn(self, take: Take) -> None:
        """Add up what a take's features go with."""
        for stretch in take.stretches:
            target = _targets(take, stretch, self._survey.lookahead)[:, self._recorded]
            for rows, inputs in self._inputs(stretch):
                self._sums.add(inputs, target[rows])

    def finish(self) -> None:
        """Solve for the weights."""
        self._weights = self._sums.solve()

    def _inputs(self, stretch: Stretch) -> Iterator[tuple[slice, FloatArray]]:
        """Yield, part by part, rows and their (T, G F + 1) features at all lags, and one."""
        scaled = self._survey.scaling.apply(stretch.features).astype(np.float64)
        for first in range(0, len(scaled), PART):
            index = np.arange(first, min(first + PART, len(scaled)))
            lagged = [scaled[np.maximum(index - lag, 0)] for lag in LAGS]
            whole = np.concatenate([*lagged, np.ones((len(index), 1))], axis=1)
            yield slice(first, first + PART), whole

    def estimate(self, take: Take) -> Estimate:
        mean = np.full(take.truth.shape, np.nan)
        for stretch in take.stretches:
            course = np.full((len(stretch.stamp), len(MUSCLES)), np.nan)
            for rows, inputs in self._inputs(stretch):
                course[rows, self._recorded] = np.clip(inputs @ self._weights, 0.0, 1.0)
            take.spread(stretch, course, self._survey.lookahead, mean)
        return Estimate(mean)


class Neighbours(Baseline):
    """The mean of the training moments whose features, now and 0.1 s ago, are nearest.

    Of the moments every so manieth is remembered, so that there are `KEPT` of them, or up to twice as many.
    """

    name = 'nearest neighbours'

    def __init__(self, survey: Survey) -> None:
        super().__init__(survey)
        self._every, self._passed = max(1, survey.moments // KEPT), 0
        self._kept: list[tuple[FloatArray, FloatArray]] = []

    def learn(self, take: Take) -> None:
        """Remember some of a take's moments."""
        for stretch in take.stretches:
            targets = _targets(take, stretch, self._survey.lookahead)
            known = np.flatnonzero(np.isfinite(targets[:, self._recorded]).all(axis=1))
            kept = known[-self._passed % self._every :: self._every]
            self._passed += len(known)
            self._kept.append((self._pairs(stretch, kept), targets[kept]))

    def finish(self) -> None:
        """Find the directions that count, and make all that is remembered searchable along them."""
        inputs, targets = (np.concatenate(part) for part in zip(*self._kept, strict=True))
        self._kept.clear()
        self._basis = _principal(inputs)
        self._tree, self._targets = cKDTree(inputs @ self._basis), targets

    def _pairs(self, stretch: Stretch, rows: NDArray[np.int64]) -> FloatArray:
        """Return the (rows, 2 F) features of some ticks and of 0.1 s before."""
        scaled = self._survey.scaling.apply(stretch.features)
        return np.concatenate([scaled[rows], scaled[np.maximum(rows - 10, 0)]], axis=1)

    def estimate(self, take: Take) -> Estimate:
        mean = np.full(take.truth.shape, np.nan)
        count = min(NEIGHBOURS, len(self._targets))
        for stretch in take.stretches:
            pairs = self._pairs(stretch, np.arange(len(stretch.stamp)))
            _, index = self._tree.query(pairs @ self._basis, np.arange(1, count + 1))
            take.spread(stretch, self._targets[index].mean(axis=1), self._survey.lookahead, mean)
        return Estimate(mean)


BASELINES: tuple[type[Baseline], ...] = (Mean, StrokeAverage, LaggedRidge, Neighbours)


def learn_baselines(
    takes: Iterable[Take],
    lookahead: float,
    kinds: Sequence[type[Baseline]] = BASELINES,
    report: Callable[[str], None] = lambda _: None,
) -> list[Baseline]:
    """Learn baselines from takes.

    Args:
        takes: gone through twice.
        lookahead: of those that estimate from features [s].
        kinds: of baselines.
        report: called for each take each time, with what is done with it.
    """
    made = [kind(survey) for survey in [look_over(takes, lookahead, report)] for kind in kinds]
    for take in takes:
        for baseline in made:
            baseline.learn(take)
        report('learn')
    for baseline in made:
        baseline.finish()
    return made


def look_over(
    takes: Iterable[Take], lookahead: float, report: Callable[[str], None] = lambda _: None
) -> Survey:
    """Go through takes once for what is known of them all.

    Raises:
        DataError: where nothing can be learned.
    """
    seen = _Seen(lookahead)
    scaling = fit_scaling(seen.features(takes, report))
    recorded = seen.samples.any_known()
    if not recorded.any() or not seen.samples.count(recorded):
        raise DataError(
            'asked to learn baselines from recordings in which the EMG of all muscles is never there at one time'
        )
    moments = seen.ticks.count(recorded)
    if not moments:
        raise DataError(
            'asked to learn baselines from recordings whose hands and EMG are never there at one time; align their '
            'stamps'
        )
    return Survey(lookahead, seen.mean(), recorded, scaling, moments)


class _Seen:
    """What is counted while takes pass."""

    def __init__(self, lookahead: float) -> None:
        self._lookahead, self._total = lookahead, np.zeros((2, len(MUSCLES)))
        self.samples, self.ticks = _Together(), _Together()

    def features(
        self, takes: Iterable[Take], report: Callable[[str], None]
    ) -> Iterator[FloatArray]:
        """Yield the features of each stretch, and count on the way."""
        for take in takes:
            known = np.isfinite(take.truth)
            self._total += np.where(known, take.truth, 0.0).sum(axis=0), known.sum(axis=0)
            self.samples.add(known)
            for stretch in take.stretches:
                self.ticks.add(np.isfinite(_targets(take, stretch, self._lookahead)))
                yield stretch.features
            report('look over')

    def mean(self) -> FloatArray:
        """Return the (M,) means; of muscles that were not recorded nothing is known."""
        with np.errstate(invalid='ignore'):
            return self._total[0] / self._total[1]


class _Together:
    """Count at how many moments which muscles are known together."""

    BITS = 1 << np.arange(len(MUSCLES))

    def __init__(self) -> None:
        self._counts = np.zeros(1 << len(MUSCLES), np.int64)

    def add(self, known: NDArray[np.bool_]) -> None:
        """Count (N, M) moments."""
        self._counts += np.bincount(known @ self.BITS, minlength=len(self._counts))

    def any_known(self) -> NDArray[np.bool_]:
        """Tell which muscles are known at some moment, (M,)."""
        met = np.flatnonzero(self._counts)
        return (met[:, None] & self.BITS).any(axis=0)

    def count(self, muscles: NDArray[np.bool_]) -> int:
        """Count the moments at which all of some (M,) muscles are known."""
        asked = muscles @ self.BITS
        return int(self._counts[(np.arange(len(self._counts)) & asked) == asked].sum())


class _Sums:
    """Sums of squares and products of inputs and targets: all that linear weights need, however much was seen."""

    def __init__(self, inputs: int, targets: int) -> None:
        self._square, self._product = np.zeros((inputs, inputs)), np.zeros((inputs, targets))

    def add(self, inputs: FloatArray, target: FloatArray) -> None:
        """Add (T, ...) moments at which all targets are known."""
        known = np.isfinite(target).all(axis=1)
        self._square += inputs[known].T @ inputs[known]
        self._product += inputs[known].T @ target[known]

    def solve(self) -> FloatArray:
        """Solve for weights."""
        return solve_ridge(self._square, self._product)


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
