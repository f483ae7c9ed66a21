"""All examples of a run, made in several processes and kept on disk so that a run can go on where it stopped."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.model.dataset import Example, make_examples
from pianokpm_training.model.settings import TrainSettings

from pianokpm_ros.muscle.features import Scaling

FloatArray = NDArray[np.floating]

LEAST_DEVIATION = 1e-3
"""A feature that never changes in training is scaled by this."""


@dataclass(frozen=True)
class Persons:
    """Numbers of the virtual persons; nobody is in two of the sets."""

    train: range
    validation: range
    test: range


def split_persons(settings: TrainSettings) -> Persons:
    """Number the persons."""
    first, second = settings.persons, settings.persons + settings.validation
    return Persons(range(first), range(first, second), range(second, second + settings.test))


def prepare(
    settings: TrainSettings, persons: range, folder: Path, workers: int
) -> Iterator[list[Example]]:
    """Yield the examples of each person in order; those already in the folder are read, others made and kept."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [p for p in persons if not _file(folder, p).exists()]
    with ProcessPoolExecutor(max(1, min(workers, len(missing) or 1))) as pool:
        jobs = {p: pool.submit(_make, settings, p, folder) for p in missing}
        try:
            for person in persons:
                if person in jobs:
                    jobs[person].result()
                yield _load(folder, person)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _file(folder: Path, person: int) -> Path:
    return folder / f'person_{person:03d}.npz'


def _make(settings: TrainSettings, person: int, folder: Path) -> None:
    examples = make_examples(
        person, settings.seed, settings.seconds, settings.lookaheads, settings.variants
    )
    arrays = {f'features_{i}': e.features for i, e in enumerate(examples)}
    arrays |= {f'target_{i}': e.target for i, e in enumerate(examples)}
    playing = np.array([e.playing for e in examples])
    part = folder / f'.person_{person:03d}.part.npz'
    np.savez(part, playing=playing, **arrays)
    os.replace(part, _file(folder, person))


def _load(folder: Path, person: int) -> list[Example]:
    with np.load(_file(folder, person), allow_pickle=False) as file:
        return [
            Example(person, file[f'features_{i}'], file[f'target_{i}'], bool(playing))
            for i, playing in enumerate(file['playing'])
        ]


def fit_scaling(examples: Iterable[Example]) -> Scaling:
    """Fit mean and deviation of every feature, unknown ones left out."""
    features = np.concatenate([e.features for e in examples]).astype(np.float64)
    known = np.isfinite(features)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, features, 0.0).sum(axis=0) / count
    square = np.where(known, (features - mean) ** 2, 0.0).sum(axis=0) / count
    return Scaling(mean, np.maximum(np.sqrt(square), LEAST_DEVIATION))
