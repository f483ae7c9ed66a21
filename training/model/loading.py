"""Which recordings a run learns from, stops by and makes its deviation true on, and how they come to be seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pianokpm_training.datasets.collection import DataSet, Entry
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.model.dataset import Example
from pianokpm_training.model.examples import prepare
from pianokpm_training.model.settings import SettingsError, TrainSettings

Stage = Callable[[str, int, int, str], None]
"""Called with the stage's name, how much of it is done, how much there is, and a word about it."""


@dataclass(frozen=True, eq=False)
class Examples:
    """What a run learns from, stops by, and makes its deviation true on."""

    train: list[Example]
    validation: list[Example]
    others: list[Example]


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
        known = pick(source.role(split, 'train'), most)
        jobs.append(Job('train', source, known, variants))
        jobs.append(Job('validation', source, pick(_validation(source, split), most)))
    for source in more:
        refuse_tested(source, sources, split)
        jobs.append(Job('train', source, pick(list(source.entries.values()), most), variants))
    if others:
        jobs.append(Job('others', others, pick(list(others.entries.values()), most)))
    return jobs


def refuse_tested(more: DataSet, sources: Sequence[DataSet], split: str) -> None:
    """Refuse to learn tasks that are kept to test on: those of the test roles alone."""
    for source in sources:
        tasks: dict[bool, set[str]] = {True: set(), False: set()}
        for role in source.splits[split]:
            tested = role.startswith('test')
            tasks[tested] |= {e.task for e in source.role(split, role)}
        both = (tasks[True] - tasks[False]) & {e.task for e in more.entries.values()}
        if both:
            raise SettingsError(
                f'asked to learn from all of {more.folder}, which holds {", ".join(sorted(both))}; {source.folder} '
                'keeps these tasks to test on; leave them out (pianokpm simulate --tasks)'
            )


def load_examples(
    jobs: Sequence[Job], settings: TrainSettings, stage: Stage, workers: int
) -> Examples:
    """See the recordings of all jobs; those not learned from only as they were recorded."""
    total, done = sum(len(job.entries) for job in jobs), 0
    made = Examples([], [], [])
    for job in jobs:
        exact = job.part == 'train' and settings.exact_hand > 0
        for examples in prepare(
            job.source,
            job.entries,
            job.variants,
            settings.seed,
            settings.lookaheads,
            workers,
            exact,
        ):
            # Two data sets, even of one name, may give two persons one name.
            getattr(made, job.part).extend(
                replace(e, subject=f'{job.source.folder}/{e.subject}') for e in examples
            )
            done += 1
            stage('see', done, total, 'recordings')
    if not made.train:
        folders = ', '.join(str(job.source.folder) for job in jobs if job.part == 'train')
        raise DataError(
            f'{folders}: no recording of {settings.split}/train has poses and envelopes'
        )
    return made


def _validation(data: DataSet, split: str) -> list[Entry]:
    """Recordings to stop and calibrate by; a small data set may have none: then those that it tests with."""
    roles = data.splits[split]
    for role in ('validation', 'test', 'train'):
        if roles.get(role):
            return data.role(split, role)
    return []


def pick(entries: Sequence[Entry], most: int) -> list[Entry]:
    """Take at most so many, evenly over all; 0 takes all."""
    if not most or len(entries) <= most:
        return list(entries)
    return [entries[int(i)] for i in np.linspace(0, len(entries) - 1, most)]
