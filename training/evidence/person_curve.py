"""How much of a person's own data makes the model theirs: errors before and after, on takes kept apart.

Letters: T ticks, M muscles, D draws, U persons.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.collection import DataSet, Entry
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.sessions.personal import PARTS, make_stretches

from pianokpm_ros.emg import metrics
from pianokpm_ros.muscle.bundle import ModelBundle
from pianokpm_ros.muscle.person import PersonMap
from pianokpm_ros.muscle.person_fit import SHORTEST, Stretch, fit_person

FloatArray = NDArray[np.floating]
Fit = Callable[[Sequence[Stretch]], PersonMap]

FRACTIONS = (0.005, 0.01, 0.05, 0.1)
WAYS = ('spread', 'one piece')
"""Seconds from every task, as a calibration would ask for, or as few and as long pieces as there are."""

LOUD = 0.95
"""Point of the distribution that a scale alone compares."""


@dataclass(frozen=True, eq=False)
class Take:
    """One recording's stretches with its task."""

    task: str
    stretches: tuple[Stretch, ...]

    def __len__(self) -> int:
        return sum(len(s) for s in self.stretches)


@dataclass(frozen=True, eq=False)
class PersonTakes:
    """Takes of one person to learn from, and others to test on."""

    name: str
    learn: tuple[Take, ...]
    test: tuple[Take, ...]

    @property
    def ticks(self) -> int:
        """All there is of the person."""
        return sum(len(t) for t in (*self.learn, *self.test))

    def part(self, fraction: float) -> int:
        """Ticks that a part of it is, and at least what a fit needs."""
        return max(round(fraction * self.ticks), SHORTEST)


@dataclass(frozen=True)
class Score:
    """Of one person: medians over takes, means over muscles.

    Attributes:
        rmse: in the unit of the envelope.
        nrmse: as a part of the muscle's range.
        r: correlation.
        inside: part of the samples within one deviation.
        worst: largest RMSE of a muscle less that without a map, where there is one to compare with.
    """

    rmse: float
    nrmse: float
    r: float
    inside: float
    worst: float = 0.0


def load_people(data: DataSet, bundle: ModelBundle, split: str, role: str) -> list[PersonTakes]:
    """Let the model see all takes of a role; each person's last trial is for the test."""
    people: dict[str, list[tuple[Entry, Take]]] = {}
    for entry in data.role(split, role):
        stretches = tuple(make_stretches(data.load(entry, PARTS), bundle))
        if not stretches:
            continue  # without poses or EMG there is nothing to learn or to test
        people.setdefault(entry.subject, []).append((entry, Take(entry.task, stretches)))
    return [_part(name, takes) for name, takes in sorted(people.items())]


def _part(name: str, takes: Sequence[tuple[Entry, Take]]) -> PersonTakes:
    last = max(e.trial for e, _ in takes)
    learn = tuple(t for e, t in takes if e.trial < last)
    return PersonTakes(name, learn, tuple(t for e, t in takes if e.trial == last))


def score(takes: Sequence[Take], own: PersonMap | None = None) -> tuple[Score, FloatArray]:
    """Score the model, or what a map makes of it; also returns the (M,) RMSE of each muscle."""
    rows = [_score_take(take, own) for take in takes]
    with np.errstate(invalid='ignore'):
        middle = np.nanmedian(np.stack(rows), axis=0)
    return Score(*(float(np.nanmean(v)) for v in middle)), middle[0]


def _score_take(take: Take, own: PersonMap | None) -> FloatArray:
    parts = []
    for s in take.stretches:
        mean, deviation = s.mean, s.deviation
        if own is not None:
            mean, deviation = (
                v[:, 0] for v in own.apply(s.features, mean[:, None], deviation[:, None])
            )
        parts.append((s.target, mean, deviation))
    target, mean, deviation = (np.concatenate(p) for p in zip(*parts, strict=True))
    known = np.isfinite(target)
    inside = np.where(known, np.abs(target - mean) < deviation, np.nan)
    return np.stack(
        [
            metrics.rmse(target, mean),
            metrics.nrmse(target, mean),
            metrics.pearson(target, mean),
            np.nanmean(inside, axis=0),
        ]
    )


def draw_piece(
    takes: Sequence[Take], ticks: int, way: str, random: np.random.Generator
) -> list[Stretch]:
    """Draw some of a person's time: a piece of every task, or whole pieces."""
    longest = [max(t.stretches, key=len) for t in takes]
    order = random.permutation(len(takes))
    if way == 'spread':
        firsts = {takes[i].task: i for i in order[::-1]}
        chosen, share = list(firsts.values()), -(-ticks // len(firsts))
    else:
        chosen, share = list(order), ticks
    pieces, left = [], ticks
    for i in chosen:
        size = min(share, left, len(longest[i]))
        if size <= 0:
            break
        begin = int(random.integers(len(longest[i]) - size + 1))
        pieces.append(longest[i].part(slice(begin, begin + size)))
        left -= size
    return pieces


def fit_all(pieces: Sequence[Stretch]) -> PersonMap:
    """Fit as `pianokpm personalise` does."""
    return fit_person(pieces).map


def fit_scale(pieces: Sequence[Stretch]) -> PersonMap:
    """Compare only how loud each muscle gets: no clock has to be shared for that."""
    target, mean = (np.concatenate([getattr(p, n) for p in pieces]) for n in ('target', 'mean'))
    ratio = np.nanquantile(target, LOUD, axis=0) / np.maximum(
        np.quantile(mean, LOUD, axis=0), 1e-3
    )
    return PersonMap.scale(np.clip(ratio, 0.1, 10.0))


def run_draws(
    person: PersonTakes, fraction: float, way: str, draws: int, seed: int, fit: Fit = fit_all
) -> list[Score]:
    """Fit to several draws of a part of a person's data and test each, (D,)."""
    ticks = person.part(fraction)
    available = sum(max(len(s) for s in t.stretches) for t in person.learn)
    if ticks > available:
        raise DataError(
            f'asked for {100 * fraction:g} % of {person.name}: {ticks / 100:.0f} s, of which only '
            f'{available / 100:.0f} s are kept for learning'
        )
    _, before = score(person.test)
    found = []
    for draw in range(draws):
        random = np.random.default_rng([seed, draw, ticks])
        own = fit(draw_piece(person.learn, ticks, way, random))
        one, muscles = score(person.test, own)
        worst = float(np.nanmax(muscles - before))
        found.append(Score(one.rmse, one.nrmse, one.r, one.inside, worst))
    return found


@dataclass(frozen=True, eq=False)
class Row:
    """One line of the table: scores of all persons and draws.

    Attributes:
        way: how the data were drawn, or `none`.
        fraction: of a person's data.
        seconds: that were drawn, mean over persons.
        scores: D scores of each of U persons.
    """

    way: str
    fraction: float
    seconds: float
    scores: Mapping[str, Sequence[Score]]

    def mean(self, name: str) -> float:
        """Mean over persons and draws."""
        return float(self.values(name).mean())

    def values(self, name: str) -> FloatArray:
        """(U, D)."""
        return np.array([[getattr(s, name) for s in own] for own in self.scores.values()])

    def interval(self, name: str, seed: int = 1) -> tuple[float, float]:
        """Bootstrap interval of the mean over persons, 95 %."""
        own = self.values(name).mean(axis=1)
        random = np.random.default_rng(seed)
        means = own[random.integers(len(own), size=(2000, len(own)))].mean(axis=1)
        return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def make_rows(people: Sequence[PersonTakes], draws: int, seed: int = 1) -> list[Row]:
    """Compute the whole table."""
    rows = [Row('none', 0.0, 0.0, {p.name: [score(p.test)[0]] for p in people})]
    plan = [(way, f, fit_all) for way in WAYS for f in FRACTIONS]
    plan.append(('scale alone', FRACTIONS[1], fit_scale))
    for way, fraction, fit in plan:
        drawn = way if way in WAYS else WAYS[0]
        scores = {p.name: run_draws(p, fraction, drawn, draws, seed, fit) for p in people}
        seconds = float(np.mean([p.part(fraction) / 100 for p in people]))
        rows.append(Row(way, fraction, seconds, scores))
    return rows
