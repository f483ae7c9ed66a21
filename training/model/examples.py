"""All examples of a run, made in several processes; the same ones from the same seed, so nothing is kept on disk."""

import zlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.collection import DataSet, Entry
from pianokpm_training.model.dataset import Example, make_examples
from pianokpm_training.model.exact import ExactHand
from pianokpm_training.model.seeing import PARTS, Conditions, draw_conditions
from pianokpm_training.workers import open_pool

from pianokpm_ros.muscle.features import Scaling

FloatArray = NDArray[np.floating]

LEAST_DEVIATION = 1e-3
"""A feature that never changes in training is scaled by this."""

RECORDED = Conditions()
"""As recorded, with its keys."""


def prepare(
    data: DataSet,
    entries: Sequence[Entry],
    variants: int,
    seed: int,
    lookaheads: tuple[float, ...],
    workers: int,
    exact: bool = False,
) -> Iterator[list[Example]]:
    """Yield the examples of each recording in order: as recorded, and under `variants` drawn conditions."""
    files = DataSet(data.folder, {})  # what a process needs to read recordings
    jobs = [(files, entry, variants, seed, lookaheads, exact) for entry in entries]
    if workers <= 1 or len(jobs) < 2:
        yield from (_make(*job) for job in jobs)
        return
    with open_pool(min(workers, len(jobs))) as pool:
        try:
            yield from pool.map(_make, *zip(*jobs, strict=True), chunksize=4)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _make(
    data: DataSet,
    entry: Entry,
    variants: int,
    seed: int,
    lookaheads: tuple[float, ...],
    exact: bool,
) -> list[Example]:
    recording = data.load(entry, PARTS)
    rng = np.random.default_rng([seed, zlib.crc32(entry.name.encode())])
    chosen = [RECORDED, *(draw_conditions(rng) for _ in range(variants))]
    hand = ExactHand(recording) if exact else None
    return [e for c in chosen for e in make_examples(recording, c, rng, lookaheads, hand)]


def fit_exact_scaling(examples: Iterable[Example]) -> Scaling | None:
    """Fit mean and deviation of what is known of the exact hand; None where nothing is."""
    known = [e.exact for e in examples if e.exact is not None]
    return fit_scaling(known) if known else None


def fit_scaling(parts: Iterable[FloatArray]) -> Scaling:
    """Fit mean and deviation of every feature over parts (T, F) each, unknown ones left out."""
    count, total, square = 0, 0.0, 0.0
    for part in parts:
        values = part.astype(np.float64)
        known = np.isfinite(values)
        filled = np.where(known, values, 0.0)
        count = count + known.sum(axis=0)
        total, square = total + filled.sum(axis=0), square + (filled**2).sum(axis=0)
    mean = total / np.maximum(count, 1)
    variance = square / np.maximum(count, 1) - mean**2
    return Scaling(mean, np.sqrt(np.maximum(variance, LEAST_DEVIATION**2)))
