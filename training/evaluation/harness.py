"""Train the baselines, score everything on every test role, without keys and with them.

One split a run: the baselines learn from its role `train`, as the model did.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pianokpm_training.baselines.published import Published
from pianokpm_training.baselines.simple import BASELINES, StrokeAverage, learn_baselines
from pianokpm_training.datasets.collection import DataSet, Entry
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.evaluation.estimators import OURS, Ceiling, open_bundle
from pianokpm_training.evaluation.flat_model import FlatEstimator, FlatModel
from pianokpm_training.evaluation.scores import TakeScore, score_estimate, summarise
from pianokpm_training.evaluation.takes import Estimator, Takes
from pianokpm_training.model.loading import pick

Stage = Callable[[str, int, int, str], None]


@dataclass(frozen=True, eq=False)
class Plan:
    """What is compared.

    Attributes:
        data: recordings and splits.
        models: bundle folders; they need hands in space.
        split: of the data set.
        roles: that are tested on.
        keys: what is heard of the keys, some of `takes.KEYS`.
        lookaheads: of the models [s]; the first one is the baselines' too.
        most: recordings of each role at most, evenly picked; 0 = all.
        learn: recordings that the baselines learn from at most; 0 = all.
        published: the rebuilt network, or None to leave it out.
        baselines: whether the simple ones are scored.
        hands: how hands are seen, one of `takes.HANDS`.
        flat: our model in 2D, for data without hands in space.
    """

    data: DataSet
    models: Sequence[Path]
    split: str = 'held_out'
    roles: tuple[str, ...] = ()
    keys: tuple[str, ...] = ('none', 'recorded')
    lookaheads: tuple[float, ...] = (0.067, 0.033, 0.0)
    most: int = 0
    learn: int = 0
    published: Published | None = None
    baselines: bool = True
    hands: str = 'recorded'
    flat: FlatModel | None = None

    def check(self) -> None:
        """Refuse, before any work, roles that are not there, and models without these look-aheads."""
        for role in self.test_roles():
            self.data.role(self.split, role)
        for folder in self.models:
            for lookahead in self.lookaheads:
                open_bundle(folder, lookahead)

    def test_roles(self) -> tuple[str, ...]:
        """Roles that are tested on: those asked for, or all that begin with `test`."""
        self.data.refuse_seen(self.split)
        known = self.data.splits.get(self.split, {})
        roles = self.roles or tuple(r for r in known if r.startswith('test') and known[r])
        if not roles:
            raise DataError(
                f'{self.data.folder} has no role to test on in the split {self.split}; it has the splits '
                f'{", ".join(sorted(self.data.splits)) or "none"} (--split, --roles)'
            )
        return roles


def name_models(folders: Sequence[Path]) -> list[str]:
    """Name models in tables: a single one is `ours`, several are also told apart by their folders."""
    if len(folders) == 1:
        return [OURS]
    names = [f.name for f in folders]
    return [
        f'{OURS}, {name if names.count(name) == 1 else folder}'
        for name, folder in zip(names, folders, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class Row:
    """Scores of one estimator on one role."""

    role: str
    keys: str
    lookahead: float | None
    name: str
    takes: list[TakeScore]

    def describe(self) -> dict[str, Any]:
        """Return the summary as plain values."""
        place = {'role': self.role, 'keys': self.keys, 'lookahead': self.lookahead}
        return place | {'name': self.name, **summarise(self.takes)}


def evaluate(plan: Plan, stage: Stage = lambda *_: None) -> list[Row]:
    """Score everything."""
    rows = []
    roles = {r: pick(plan.data.role(plan.split, r), plan.most) for r in plan.test_roles()}
    for keys in plan.keys:
        estimators = list(_prepare(plan, keys, stage))
        count = _Count(
            f'score, keys {keys}', len(estimators) * sum(map(len, roles.values())), stage
        )
        for role, entries in roles.items():
            takes = Takes(plan.data, entries, keys, plan.hands)
            scores = _score_takes(takes, [e for e, _ in estimators], count)
            rows += [
                Row(role, keys, lookahead, estimator.name, found)
                for (estimator, lookahead), found in zip(estimators, scores, strict=True)
                if found
            ]
    return rows


def _score_takes(
    takes: Takes, estimators: Sequence[Estimator], report: Callable[[str], None]
) -> list[list[TakeScore]]:
    """Score estimators on takes, one take after the other; none of one that can't estimate all of them."""
    scores: list[list[TakeScore]] = [[] for _ in estimators]
    total = 0
    for take in takes:
        total += 1
        for estimator, found in zip(estimators, scores, strict=True):
            if not isinstance(estimator, Ceiling) or take.recording.excitation is not None:
                found.append(score_estimate(take, estimator.estimate(take)))
            report(f'{estimator.name}, {take.recording.info.name}')
    return [found if len(found) == total else [] for found in scores]


class _Count:
    """Tell how much is done."""

    def __init__(self, name: str, total: int, stage: Stage) -> None:
        self._name, self._total, self._stage = name, total, stage
        self._done = 0

    def __call__(self, word: str) -> None:
        self._done += 1
        self._stage(self._name, self._done, self._total, word)


def _prepare(plan: Plan, keys: str, stage: Stage) -> Iterator[tuple[Estimator, float | None]]:
    yield Ceiling(), None
    for folder, name in zip(plan.models, name_models(plan.models), strict=True):
        for lookahead in plan.lookaheads:
            yield open_bundle(folder, lookahead, name), lookahead
    if plan.flat is not None:
        for lookahead in plan.lookaheads:
            yield FlatEstimator(plan.flat, lookahead), lookahead
    if plan.published is not None:
        yield plan.published, None
    if not plan.baselines:
        return
    entries: list[Entry] = pick(plan.data.role(plan.split, 'train'), plan.learn)
    takes = Takes(plan.data, entries, keys, plan.hands)
    kinds = [k for k in BASELINES if keys != 'none' or k is not StrokeAverage]
    count = _Count(f'baselines, keys {keys}', 2 * len(entries), stage)
    for baseline in learn_baselines(takes, plan.lookaheads[0], kinds, count):
        yield baseline, plan.lookaheads[0]
