"""Find where muscle activity begins, and match the onsets of two signals.

As for the Teager-Kaiser energy x[n]^2 - x[n-1] x[n+1] of raw EMG, but that of an envelope is dominated
by its slope, so its positive slope is taken: low-passed at 50 Hz, against a threshold of median + k
MAD; at least 30 ms on, gaps under 30 ms merged. Letters: N samples, K and L onsets.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from pianokpm_ros.emg.timeline import MAD_TO_SIGMA
from pianokpm_ros.stretches import find_stretches, finite_stretches

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class OnsetSettings:
    """How onsets are found.

    Attributes:
        cutoff: low-pass of the energy [Hz].
        factor: k in median + k MAD (MAD scaled to one sigma).
        shortest: least time above the threshold [s].
        merge: gaps shorter than this are closed [s].
        floor: least rise of the energy above its median, as a part of its 99th percentile. A
            noise-free signal that rests has a MAD of almost zero, and without a floor rounding
            errors would be onsets.
    """

    cutoff: float = 50.0
    factor: float = 3.0
    shortest: float = 0.03
    merge: float = 0.03
    floor: float = 0.02


@dataclass(frozen=True)
class OnsetMatch:
    """How well the onsets of an estimate fit those of a reference.

    Attributes:
        precision: matched part of the estimate's onsets, NaN without any.
        recall: matched part of the reference's onsets, NaN without any.
        f1: harmonic mean, NaN if neither has an onset.
        timing: signed median error [s], positive when the estimate is late, NaN without a match.
        matched: number of pairs.
    """

    precision: float
    recall: float
    f1: float
    timing: float
    matched: int


def find_envelope_onsets(
    samples: ArrayLike, rate: float, settings: OnsetSettings | None = None
) -> FloatArray:
    """Find onset times in an envelope, (N,) -> (K,) [s]; NaN = lost."""
    settings = settings or OnsetSettings()
    samples = np.asarray(samples, np.float64)
    energy = np.full(samples.shape, np.nan)
    sections = signal.butter(2, settings.cutoff, fs=rate, output='sos')
    for start, stop in finite_stretches(samples):
        if stop - start > 16:
            rise = np.maximum(np.gradient(samples[start:stop], 1.0 / rate), 0.0)
            energy[start:stop] = signal.sosfiltfilt(sections, rise)
    known = energy[np.isfinite(energy)]
    if not len(known):
        return np.zeros(0)
    active = energy > _threshold(known, settings)
    return active_stretches(active, rate, settings)[:, 0] / rate


def _threshold(energy: FloatArray, settings: OnsetSettings) -> float:
    middle = np.median(energy)
    spread = MAD_TO_SIGMA * np.median(np.abs(energy - middle))
    rise = max(
        settings.factor * spread, settings.floor * (np.percentile(energy, 99) - middle), 1e-12
    )
    return float(middle + rise)


def active_stretches(
    active: ArrayLike, rate: float, settings: OnsetSettings | None = None
) -> NDArray[np.int64]:
    """Merge and prune a (N,) bool signal into (K, 2) half-open index ranges."""
    settings = settings or OnsetSettings()
    starts, stops = np.array(find_stretches(active), np.int64).reshape(-1, 2).T
    if not len(starts):
        return np.zeros((0, 2), np.int64)
    apart = np.round(starts[1:] - stops[:-1]) >= round(settings.merge * rate)
    ranges = np.stack(
        [starts[np.concatenate(([True], apart))], stops[np.concatenate((apart, [True]))]], axis=1
    )
    return ranges[ranges[:, 1] - ranges[:, 0] >= round(settings.shortest * rate)]


def match_onsets(reference: ArrayLike, estimate: ArrayLike, tolerance: float = 0.05) -> OnsetMatch:
    """Pair onsets one to one, nearest pair first.

    Args:
        reference: (K,) times [s].
        estimate: (L,) times [s].
        tolerance: largest distance of a pair [s].
    """
    errors = _pair_errors(
        np.asarray(reference, np.float64), np.asarray(estimate, np.float64), tolerance
    )
    matched, n, m = len(errors), np.size(reference), np.size(estimate)
    f1 = 2 * matched / (n + m) if n + m else float('nan')
    return OnsetMatch(
        matched / m if m else float('nan'),
        matched / n if n else float('nan'),
        f1,
        float(np.median(errors)) if matched else float('nan'),
        matched,
    )


def _pair_errors(reference: FloatArray, estimate: FloatArray, tolerance: float) -> list[float]:
    error = estimate[None, :] - reference[:, None]
    rows, columns = np.nonzero(np.abs(error) <= tolerance + 1e-9)
    order = np.argsort(np.abs(error[rows, columns]), kind='stable')
    used_rows, used_columns, errors = set(), set(), []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in used_rows and column not in used_columns:
            used_rows.add(row)
            used_columns.add(column)
            errors.append(float(error[row, column]))
    return errors
