"""What a person's file brings on recordings that it was not fitted to.

Letters: T ticks of 10 ms, B blocks of time, M muscles.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import DataError, Recording
from pianokpm_training.sessions.personal import fingerprint, make_stretches

from pianokpm_ros.emg import metrics
from pianokpm_ros.muscle.bundle import ModelBundle
from pianokpm_ros.muscle.person import Person, personalise

FloatArray = NDArray[np.floating]

BLOCK = 200
"""Ticks that are drawn together: 2 s, far longer than errors go on."""

FEWEST = 8
"""Blocks, below which no interval is told."""

DRAWS = 2000


@dataclass(frozen=True, eq=False)
class Gain:
    """Errors without and with a person's file.

    Attributes:
        rmse: (2, M) before and after, in the unit of the envelope; NaN = not recorded.
        r: (2, M) likewise.
        interval: 95 % of the mean RMSE's relative change, over blocks of time; NaN where there are too few.
        seconds: with poses and EMG.
        recordings: names.
        simulated: whether any of the EMG is.
    """

    rmse: FloatArray
    r: FloatArray
    interval: tuple[float, float]
    seconds: float
    recordings: tuple[str, ...]
    simulated: bool

    @property
    def change(self) -> float:
        """Of the mean RMSE over muscles, relative: -0.2 = a fifth smaller."""
        before, after = np.nanmean(self.rmse, axis=1)
        return float(after / before - 1)


def check_foreign(recordings: Sequence[Recording], known: Sequence[str], name: str) -> None:
    """Refuse recordings that a person was fitted to, by their fingerprints."""
    same = [r.info.name for r in recordings if set(fingerprint(r)) & set(known)]
    if same:
        raise DataError(
            f'asked to check {name} on {", ".join(same)}, which it was fitted to: that would look better than it '
            'is; check on another recording of the same person'
        )


def measure_gain(
    person: Person,
    recordings: Sequence[Recording],
    bundle: ModelBundle,
    lookahead: float | None = None,
) -> Gain:
    """Compare the model with and without a person's file on other recordings of that person.

    Raises:
        DataError: for recordings that it was fitted to, of another scale, or without poses and EMG.
    """
    usable = [r for r in recordings if r.pose is not None and r.envelope is not None]
    check_foreign(usable, person.fit.get('fingerprints', ()), person.name)
    for recording in usable:
        if recording.info.normalization != person.normalization.name:
            raise DataError(
                f'{recording.info.name} has fractions of {recording.info.normalization or "something unknown"}, '
                f'{person.name} of {person.normalization.name}: check on a recording of the same scale'
            )
    own = personalise(bundle, person)
    pairs = [
        (plain.target, plain.mean, fitted.mean)
        for r in usable
        for plain, fitted in zip(
            *(make_stretches(r, b, lookahead) for b in (bundle, own)), strict=True
        )
    ]
    if not any(np.isfinite(target).any() for target, *_ in pairs):
        raise DataError(
            f'asked to check {person.name} on recordings without both poses and EMG at the same time'
        )
    target, *said = (np.concatenate([p[i] for p in pairs]) for i in range(3))
    return Gain(
        np.stack([metrics.rmse(target, s) for s in said]),
        np.stack([metrics.pearson(target, s) for s in said]),
        _interval(pairs),
        float(np.isfinite(target).any(axis=1).sum() / 100),
        tuple(r.info.name for r in usable),
        any(r.info.simulated for r in usable),
    )


def _interval(pairs: Sequence[tuple[FloatArray, FloatArray, FloatArray]]) -> tuple[float, float]:
    """Draw whole blocks of time anew, the same ones before and after."""
    sums, counts = [], []
    for target, *said in pairs:
        for begin in range(0, len(target), BLOCK):
            block = slice(begin, begin + BLOCK)
            known = np.isfinite(target[block])
            errors = [np.where(known, (s[block] - target[block]) ** 2, 0.0) for s in said]
            sums.append([e.sum(axis=0) for e in errors])
            counts.append(known.sum(axis=0))
    full = [i for i, count in enumerate(counts) if count.max() >= BLOCK // 2]
    if len(full) < FEWEST:
        return float('nan'), float('nan')
    sums, counts = np.array(sums)[full], np.array(counts)[full]
    drawn = np.random.default_rng(0).integers(0, len(full), (DRAWS, len(full)))
    known = counts[drawn].sum(axis=1)
    mean = sums[drawn].sum(axis=1) / np.where(known, known, np.nan)[:, None]
    before, after = np.nanmean(np.sqrt(mean), axis=2).T
    low, high = np.percentile(after / before - 1, [2.5, 97.5])
    return float(low), float(high)
