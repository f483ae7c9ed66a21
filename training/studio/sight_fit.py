"""Derive the noise model of landmarks from films with known hands, and check it against films held out.

The model (`simulation.sight`) has fingers that are seen to move less than they do. What is left of the error is white
jitter, a wandering error with one correlation time, a constant bias of a take, a part of the last two that all
landmarks share, fingers that are worse than others for a whole take, slips of the whole hand, and losses. Sizes are
those of a typical finger in a typical take: means of logarithms, so that a hidden finger doesn't set them.
Letters: F frames, L landmarks (21), K lags, C courses, G groups of landmarks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.damping import PLAIN, Gains, damp, measure_gains
from pianokpm_training.simulation.sight import GROUPS, SightModel, as_tuples, see, state_doubt
from pianokpm_training.studio.check import GROUPS as SHOWN
from pianokpm_training.studio.check import TakeScore

FloatArray = NDArray[np.floating]

LONGEST_LAG = 0.20
"""Up to which errors are correlated with themselves [s]."""

TIMES = np.geomspace(0.015, 0.3, 60)
"""Correlation times that are tried [s]."""

USUAL = 4.5
"""Errors of up to this many median absolute errors are usual: three sigma of a normal error."""

LEAST = 0.5
"""Hands known in a smaller part of a take are left out."""

SLIPPED = 4.0
"""A hand has slipped where its landmarks are this many times further off than usual (median)."""

SMALLEST = 1e-4
"""Errors below a tenth of a millimetre are taken as that."""

BURSTS = np.linspace(0.0, 1.2, 25)
"""How uneven errors may be, as the deviation of a logarithm."""

CHANCE = 0.3
"""What the logarithm of one group's error scatters from take to take by itself: it is measured on few numbers."""


@dataclass(frozen=True, eq=False)
class Course:
    """The error of one hand through a take: (F, L, 3) [m], NaN = unknown, at a rate [Hz]; the exact hand likewise."""

    error: FloatArray
    rate: float
    truth: FloatArray

    def without(self, frames: NDArray[np.bool_]) -> 'Course':
        """Return the course with some frames unknown."""
        return replace(self, error=np.where(frames[:, None, None], np.nan, self.error))


def list_courses(scores: Sequence[TakeScore]) -> list[Course]:
    """List the hands that are known most of the time."""
    courses = [
        Course(s.errors[:, h], s.rate, s.truth[:, h])
        for s in scores
        for h in range(s.errors.shape[1])
    ]
    return [c for c in courses if np.isfinite(c.error[..., 0]).mean() > LEAST]


def fit_sight(scores: Sequence[TakeScore], source: str) -> SightModel:
    """Fit a noise model."""
    courses = list_courses(scores)
    if not courses:
        raise ValueError('no hand is known for most of a take; nothing to fit a noise model to')
    slipped = [find_slips(c) for c in courses]
    steady = [c.without(bad) for c, bad in zip(courses, slipped, strict=True)]
    gains = [measure_gains(c.truth, c.truth + c.error) for c in steady]
    steady = [_undamp(c, g) for c, g in zip(steady, gains, strict=True)]
    time = _correlation_time(steady)
    parts = [split_error(c, time) for c in steady]
    bias = np.array([np.sqrt(np.nanmean(np.nanmean(c.error, axis=0) ** 2, -1)) for c in steady])
    white, slow, bias = (
        np.maximum(x, SMALLEST) for x in (*map(np.array, zip(*parts, strict=True)), bias)
    )
    lost = _stretches([~np.isfinite(s.errors[:, h, :, 0]).any(axis=1)
                       for s in scores for h in range(s.errors.shape[1])], scores[0].rate)  # fmt: skip
    if not lost[0]:
        # Nothing seen in so much time: half a loss is the usual guess (Jeffreys).
        lost = round(0.5 / sum(s.errors.shape[1] * len(s.errors) / s.rate for s in scores), 4), 0.1
    slips = _stretches(slipped, scores[0].rate)
    return SightModel(
        _typical(white), _typical(slow), round(time, 3), _typical(bias),
        round(_common(steady), 3), *lost, source, round(_spread(slow, bias), 3), *slips,
        round(_slip_factor(courses, slipped), 2), *_typical_gains(gains),
        _burst(steady), *_typical_doubt(scores),
    )  # fmt: skip


def _undamp(course: Course, gains: FloatArray) -> Course:
    """Take away what gains make of the error."""
    gains = np.where(np.isfinite(gains), gains, PLAIN)
    return replace(course, error=course.error - damp(course.truth, gains))


def _typical_gains(gains: Sequence[FloatArray]) -> tuple[Gains, Gains]:
    """Mean and deviation over hands; of fingers that are never seen to move, they move as they do."""
    found = np.array(gains)
    known = np.isfinite(found).any(axis=0)
    found = np.where(known, found, PLAIN)
    rows = (np.nanmean(found, axis=0), np.nanstd(found, axis=0))
    return tuple(as_tuples(np.round(row, 3).tolist()) for row in rows)


def _burst(courses: Sequence[Course]) -> float:
    """How uneven the steps of errors from frame to frame are: their median against their root mean square.

    That ratio of steps in three directions, drawn with each of `BURSTS`, tells.
    """
    found = []
    for course in courses:
        steps = np.linalg.norm(np.diff(course.error, axis=0), axis=2)
        found.append(
            np.nanmean(np.nanmedian(steps, axis=0) / np.sqrt(np.nanmean(steps**2, axis=0)))
        )
    random = np.random.default_rng(0)
    even, level = (
        np.linalg.norm(random.normal(size=(100_000, 3)), axis=1),
        random.normal(size=100_000),
    )
    drawn = [even * np.exp(b * level) for b in BURSTS]
    ratios = [np.median(x) / np.sqrt(np.mean(x**2)) for x in drawn]
    return round(float(np.interp(-np.mean(found), -np.array(ratios), BURSTS)), 2)


def _typical_doubt(scores: Sequence[TakeScore]) -> tuple[float, float]:
    """What is usually stated of a landmark [m], and how much the logarithm of that varies between hands."""
    stated = np.concatenate([np.nanmedian(s.stated, axis=(0, 2)) for s in scores])
    logs = np.log(stated[np.isfinite(stated)])
    return round(float(np.exp(logs.mean())), 5), round(float(logs.std()), 3)


def _typical(values: FloatArray) -> tuple[float, ...]:
    """Means of logarithms over courses, of (C, L) values."""
    return tuple(np.round(np.exp(np.log(values).mean(axis=0)), 5).tolist())


def _spread(slow: FloatArray, bias: FloatArray) -> float:
    """Deviation of the logarithms of a group's total slow error between courses, of (C, L) values."""
    total = np.sqrt(slow**2 + bias**2)
    levels = np.array([np.log(total[:, list(g)]).mean(axis=1) for g in GROUPS])
    if levels.shape[1] < 2:
        return 0.0
    own = levels.std(axis=1, ddof=1).mean()
    return float(np.sqrt(max(own**2 - CHANCE**2, 0.0)))


def find_slips(course: Course) -> NDArray[np.bool_]:
    """Tell frames in which most landmarks are much further off than usual, (F,)."""
    around = np.linalg.norm(course.error - np.nanmedian(course.error, axis=0), axis=2)
    usual = np.maximum(np.nanmedian(around, axis=0), SMALLEST)
    with np.errstate(invalid='ignore'):
        return np.nanmedian(np.nan_to_num(around / usual, nan=0.0), axis=1) > SLIPPED


def _slip_factor(courses: Sequence[Course], slipped: Sequence[NDArray[np.bool_]]) -> float:
    """Root mean square error about the middle in slips against that outside."""
    inside, outside = [], []
    for c, bad in zip(courses, slipped, strict=True):
        square = ((c.error - np.nanmedian(c.error, axis=0)) ** 2).sum(axis=2)
        inside.append(square[bad].ravel())
        outside.append(square[~bad].ravel())
    if not sum(map(len, inside)):
        return 1.0
    return float(np.sqrt(np.nanmean(np.concatenate(inside)) / np.nanmean(np.concatenate(outside))))


def autocovariance(course: Course, lags: Sequence[int]) -> FloatArray:
    """Covariance of errors about their mean with themselves some frames later, (K, L) [m^2], mean over axes.

    Errors far from a landmark's usual ones count as the furthest usual ones: slips are told of elsewhere.
    """
    rest = course.error - np.nanmedian(course.error, axis=0)
    far = USUAL * np.nanmedian(np.abs(rest), axis=0)
    rest = np.clip(rest, -far, far)
    rest = rest - np.nanmean(rest, axis=0)
    return np.array(
        [np.nanmean(rest[: len(rest) - k] * rest[k:], axis=(0, 2)) for k in map(int, lags)]
    )


def _correlation_time(courses: Sequence[Course]) -> float:
    """Find the correlation time that fits the normalised covariances of all landmarks best [s].

    The mean of a short take follows the wander: what is left of its covariance at lag k is
    s^2 (rho(k) - 4 T/D) for takes of duration D well above T: 4 T is the integral of rho over all lags.
    """
    best = (np.inf, float(TIMES[0]))
    for time in TIMES:
        left = 0.0
        for c in courses:
            lags = np.arange(int(LONGEST_LAG * c.rate) + 1)
            found = autocovariance(c, lags)
            shape, slow = _slow_part(found, lags, time, c)
            left += float((((found[1:] - shape[:, None] * slow) / found[0]) ** 2).sum())
        best = min(best, (left, float(time)))
    return best[1]


def _slow_part(
    found: FloatArray, lags: NDArray[np.int64], time: float, course: Course
) -> tuple[FloatArray, FloatArray]:
    x = lags[1:] / (course.rate * time)
    shape = (1 + x) * np.exp(-x) - 4 * time * course.rate / len(course.error)
    return shape, np.maximum(shape @ found[1:] / (shape @ shape), 0.0)


def split_error(course: Course, time: float) -> tuple[FloatArray, FloatArray]:
    """Part the error about its mean into jitter and wander, one sigma per axis, (L,) each [m]."""
    lags = np.arange(int(LONGEST_LAG * course.rate) + 1)
    found = autocovariance(course, lags)
    _, slow = _slow_part(found, lags, time, course)
    white = found[0] - slow * (1 - 4 * time * course.rate / len(course.error))
    return np.sqrt(np.maximum(white, 0.0)), np.sqrt(slow)


def _common(courses: Sequence[Course]) -> float:
    """Mean correlation between the slow errors of two landmarks, from one frame to the next: jitter drops out."""
    parts = []
    for c in courses:
        rest = c.error - np.nanmean(c.error, axis=0)
        now, later = rest[:-1], rest[1:]
        cross = np.nanmean(now[:, :, None] * later[:, None, :], axis=(0, 3))
        size = np.sqrt(np.maximum(np.diag(cross), 1e-12))
        parts.append((cross / size / size[:, None])[~np.eye(len(cross), dtype=bool)].mean())
    return float(np.clip(np.mean(parts), 0.0, 1.0))


def _stretches(chosen: Sequence[NDArray[np.bool_]], rate: float) -> tuple[float, float]:
    """How often stretches begin [1/s], and how long they last in the mean [s]."""
    times = sum(int((np.diff(c.astype(int), prepend=0) == 1).sum()) for c in chosen)
    frames, whole = sum(int(c.sum()) for c in chosen), sum(map(len, chosen))
    return round(times * rate / whole, 4), round(frames / rate / times, 3) if times else 0.1


@dataclass(frozen=True, eq=False)
class SightFigures:
    """What is compared between real and modelled errors: by landmark group and in all.

    Attributes:
        size: median distance of a group from the truth [m], by group.
        tail: 90th percentile of it.
        step: median change of the error from frame to frame [m].
        kept: correlation of the error about its mean after 0.1 s.
        lost: part of the hand-frames.
    """

    size: dict[str, float]
    tail: dict[str, float]
    step: float
    kept: float
    lost: float


def measure_errors(scores: Sequence[TakeScore]) -> SightFigures:
    """Measure the errors of takes, real or modelled."""
    distances = np.concatenate([s.distances for s in scores])
    size, tail = {}, {}
    for name, marks in (('all', range(distances.shape[1])), *SHOWN.items()):
        size[name], tail[name] = np.nanpercentile(distances[:, list(marks)], (50, 90)).tolist()
    courses = list_courses(scores)
    steps = [np.linalg.norm(np.diff(c.error, axis=0), axis=2).ravel() for c in courses]
    lag = round(0.1 * courses[0].rate)
    covariance = np.mean([autocovariance(c, (0, lag)).mean(axis=1) for c in courses], axis=0)
    lost = 1 - np.mean([s.usable for s in scores])
    return SightFigures(
        size, tail, float(np.nanmedian(np.concatenate(steps))),
        float(covariance[1] / covariance[0]), float(lost),
    )  # fmt: skip


def imitate(scores: Sequence[TakeScore], model: SightModel, seed: int = 0) -> list[TakeScore]:
    """Disturb the exact hands of takes as the model says, for comparison with what was really seen."""
    random = np.random.default_rng(seed)
    made = []
    for s in scores:
        hands = [see(s.truth[:, h], s.rate, model, random) for h in range(s.truth.shape[1])]
        seen = np.stack(hands, axis=1)
        doubt = np.stack([state_doubt(h, model, random) for h in hands], axis=1)
        made.append(TakeScore({}, s.truth, seen - s.truth, doubt, s.rate, s.name))
    return made


def compare_sight(scores: Sequence[TakeScore], models: dict[str, SightModel]) -> list[str]:
    """Return a table: real errors of takes beside those of models, each drawn 20 times."""
    columns = {'MediaPipe': measure_errors(scores)}
    for name, model in models.items():
        drawn = [t for seed in range(20) for t in imitate(scores, model, seed)]
        columns[name] = measure_errors(drawn)
    rows = [(f'{g}: {w} error, mm', lambda f, g=g, n=n: 1e3 * getattr(f, n)[g])
            for g in ('all', *SHOWN) for w, n in (('median', 'size'), ('p90', 'tail'))]  # fmt: skip
    rows += [
        ('change from frame to frame, median mm', lambda f: 1e3 * f.step),
        ('correlation after 0.1 s', lambda f: f.kept),
        ('hand-frames lost, %', lambda f: 100 * f.lost),
    ]
    lines = [f'{"":40}' + ''.join(f'{n:>14}' for n in columns)]
    lines += [f'{w:40}' + ''.join(f'{get(f):14.2f}' for f in columns.values()) for w, get in rows]
    return lines
