"""Which recordings a run learns from, stops by and makes its deviation true on, and how they come to be seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from pianokpm_training.datasets.collection import DataSet, Entry
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.model.dataset import Example
from pianokpm_training.model.examples import prepare
from pianokpm_training.model.settings import SettingsError, TrainSettings

from pianokpm_ros.anatomy import MUSCLES

VALIDATED = 5
"""Every so many takes one is validated on where a data set names none."""

NEEDED_FOR = {
    'train': 'there is nothing to learn from; on two views in 2D, as the PianoKPM release has, `pianokpm evaluate` '
    'trains a model in 2D',
    'validation': 'training is stopped by it, and without --others the deviation is made true on it',
    'others': 'the deviation is made true on them; leave --others out, or name a set with EMG',
}

Stage = Callable[[str, int, int, str], None]
"""Called with the stage's name, how much of it is done, how much there is, and a word about it."""


@dataclass(frozen=True, eq=False)
class Examples:
    """What a run learns from, stops by, and makes its deviation true on.

    Attributes:
        train: learned from.
        validation: stopped by.
        others: of other persons, that the deviation is made true on; empty = that is `validation`.
        learned: recordings that the examples of `train` are of: those without poses or envelopes give none.
        normalization: what 1.0 stands for in them, as in `RecordingInfo`.
    """

    train: list[Example] = field(default_factory=list)
    validation: list[Example] = field(default_factory=list)
    others: list[Example] = field(default_factory=list)
    learned: list[Entry] = field(default_factory=list)
    normalization: set[str] = field(default_factory=set)


@dataclass(frozen=True, eq=False)
class Job:
    """Some recordings of a data set, for one of the parts of `Examples`."""

    part: str
    source: DataSet
    entries: list[Entry]
    variants: int = 0


def list_jobs(
    sources: Sequence[DataSet],
    settings: TrainSettings,
    others: DataSet | None = None,
    more: Sequence[DataSet] = (),
) -> list[Job]:
    """Say which recordings are for what; see `train`."""
    most, split, variants = settings.recordings, settings.split, settings.variants
    jobs = []
    for source in sources:
        known, asked = deal(source, split)
        jobs.append(Job('train', source, pick(known, most), variants))
        jobs.append(Job('validation', source, pick(asked, most)))
    _refuse_kept(jobs, sources, split)
    for source in more:
        refuse_tested(source, sources, split)
        jobs.append(Job('train', source, pick(list(source.entries.values()), most), variants))
    if others:
        jobs.append(Job('others', others, pick(list(others.entries.values()), most)))
        _refuse_known(jobs, sources, split)
    return jobs


def deal(data: DataSet, split: str) -> tuple[list[Entry], list[Entry]]:
    """Return what is learned from and what it is stopped and calibrated by; never what a split tests with.

    A data set without recordings to validate on gives every fifth take of those to learn from, both hands of it.
    """
    data.refuse_seen(split)
    known = data.role(split, 'train')
    if data.splits[split].get('validation'):
        return known, data.role(split, 'validation')
    takes = list(dict.fromkeys(map(_take, known)))
    if len(takes) < 2:
        return known, known
    kept = set(takes[VALIDATED - 1 :: VALIDATED] or takes[-1:])
    return [e for e in known if _take(e) not in kept], [e for e in known if _take(e) in kept]


def _take(entry: Entry) -> tuple[str, str, int]:
    return entry.subject, entry.task, entry.trial


def _refuse_kept(jobs: Sequence[Job], sources: Sequence[DataSet], split: str) -> None:
    """Refuse to learn from one data set, or to be stopped by, what another one keeps to test on."""
    kept = _list_kept(sources, split)
    for job in jobs:
        same = [e.name for e in job.entries if e.sha256 in kept]
        if same:
            raise SettingsError(
                f'asked to learn from {job.source.folder}, of whose recordings another data set keeps {len(same)} to '
                f'test on ({same[0]}, ...); leave one of the two out, or give these the same role'
            )


def _list_kept(sources: Sequence[DataSet], split: str) -> set[str]:
    """Return the SHA-256 of all recordings that some data set tests with."""
    roles = ((s, r) for s in sources for r in s.splits[split] if r.startswith('test'))
    return {e.sha256 for source, role in roles for e in source.role(split, role)}


def _refuse_known(jobs: Sequence[Job], sources: Sequence[DataSet], split: str) -> None:
    """Refuse to make the deviation true on what is learned from, or kept to test on."""
    known = {e.sha256 for job in jobs if job.part == 'train' for e in job.entries}
    known |= _list_kept(sources, split)
    for job in jobs:
        same = [e.name for e in job.entries if job.part == 'others' and e.sha256 in known]
        if same:
            raise SettingsError(
                f'asked to make the deviation true on {job.source.folder}, of whose recordings {len(same)} are '
                f'learned from or kept to test on ({same[0]}, ...); name a data set of other persons'
            )


def refuse_tested(more: DataSet, sources: Sequence[DataSet], split: str) -> None:
    """Refuse to learn what is kept to test on: tasks of the test roles alone, and recordings of any."""
    for source in sources:
        entries: dict[bool, list[Entry]] = {True: [], False: []}
        for role in source.splits[split]:
            entries[role.startswith('test')] += source.role(split, role)
        tested, others = ({e.task for e in entries[part]} for part in (True, False))
        both = (tested - others) & {e.task for e in more.entries.values()}
        if both:
            raise SettingsError(
                f'asked to learn from all of {more.folder}, which holds {", ".join(sorted(both))}; {source.folder} '
                'keeps these tasks to test on; leave them out (pianokpm simulate --tasks)'
            )
        held = {e.sha256 for e in more.entries.values()}
        same = [e.name for e in entries[True] if e.sha256 in held]
        if same:
            raise SettingsError(
                f'asked to learn from all of {more.folder}, which holds {len(same)} recordings that {source.folder} '
                f'keeps to test on ({same[0]}, ...); name another data set'
            )


def load_examples(
    jobs: Sequence[Job], settings: TrainSettings, stage: Stage, workers: int
) -> Examples:
    """See the recordings of all jobs; those not learned from only as they were recorded."""
    total, done = sum(len(job.entries) for job in jobs), 0
    made = Examples()
    for job in jobs:
        exact = job.part == 'train' and settings.exact_hand > 0
        prepared = prepare(
            job.source,
            job.entries,
            job.variants,
            settings.seed,
            settings.lookaheads,
            workers,
            exact,
        )
        for entry, examples in zip(job.entries, prepared, strict=True):
            if examples and job.part == 'train':
                made.learned.append(entry)
                made.normalization.add(job.source.normalization(entry))
            # Two data sets, even of one name, may give two persons one name.
            getattr(made, job.part).extend(
                replace(e, subject=f'{job.source.folder}/{e.subject}') for e in examples
            )
            done += 1
            stage('see', done, total, 'recordings')
    for part in dict.fromkeys(job.part for job in jobs):
        if not getattr(made, part):
            own = [job for job in jobs if job.part == part]
            folders = ', '.join(str(job.source.folder) for job in own)
            held = own[0].source.list_parts(own[0].entries)
            raise DataError(
                f'{folders}: no recording for the part `{part}` has a pose in space and an envelope (split '
                f'{settings.split}; {held}); {NEEDED_FOR[part]}'
            )
    _need_all_muscles(made)
    return made


def _need_all_muscles(made: Examples) -> None:
    """Refuse before the work what could only end in estimates of muscles that nobody measured."""
    asked = 'others' if made.others else 'validation'
    for part in ('train', asked):
        examples = getattr(made, part)
        known = np.any([np.isfinite(e.target).any(axis=(0, 1)) for e in examples], axis=0)
        missing = [
            m
            for m, there in zip(MUSCLES, np.broadcast_to(known, len(MUSCLES)), strict=True)
            if not there
        ]
        if examples and missing:
            raise DataError(
                f'no recording of the part `{part}` has {", ".join(missing)}; a model needs EMG of each of '
                f'{", ".join(MUSCLES)} there'
            )


def pick(entries: Sequence[Entry], most: int) -> list[Entry]:
    """Take at most so many, evenly over all; 0 takes all."""
    if not most or len(entries) <= most:
        return list(entries)
    return [entries[int(i)] for i in np.linspace(0, len(entries) - 1, most)]
