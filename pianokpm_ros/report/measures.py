"""Numbers about one hand's activity: load, fingers, co-contraction, trend.

Letters: T ticks, M muscles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import theilslopes

from pianokpm_ros.anatomy import FINGERS, MUSCLE_FINGER
from pianokpm_ros.report.recording import RATE, Signal

FloatArray = NDArray[np.floating]

WINDOW = 5.0
"""A trend is fitted to means over this long [s]."""

SHORTEST_TREND = 60.0
"""Below this no trend is told [s]: a phrase's shape would pass for one."""

LOAD_LEVELS = (10, 50, 90)
"""Percentiles of the amplitude distribution: static, median and peak load (Jonsson, 1982)."""


@dataclass(frozen=True)
class MuscleLoad:
    """How much one muscle does.

    Attributes:
        muscle: name.
        mean: over the known time.
        levels: at `LOAD_LEVELS`.
    """

    muscle: str
    mean: float
    levels: tuple[float, ...]


@dataclass(frozen=True)
class Trend:
    """How a muscle's amplitude changes over a recording.

    Attributes:
        muscle: name.
        slope: part of the muscle's own mean per minute.
        low: lower end of the 95 % interval.
        high: upper end.
    """

    muscle: str
    slope: float
    low: float
    high: float


def measure_loads(signal: Signal) -> list[MuscleLoad]:
    """Return the load of each muscle; NaN where it is never known."""
    loads = []
    for name, column in zip(signal.muscle, signal.value.T, strict=True):
        known = column[np.isfinite(column)]
        levels = np.percentile(known, LOAD_LEVELS) if known.size else np.full(3, np.nan)
        mean = float(known.mean()) if known.size else float('nan')
        loads.append(MuscleLoad(name, mean, tuple(map(float, levels))))
    return loads


def measure_fingers(loads: list[MuscleLoad]) -> dict[str, float]:
    """Return the mean activity of the muscles that spread each finger, of those that are known at all."""
    fingers = {}
    for finger in FINGERS:
        means = [a.mean for a in loads if MUSCLE_FINGER.get(a.muscle) == finger]
        if means:
            fingers[finger] = float(np.mean(means))
    return fingers


def measure_cocontraction(signal: Signal) -> FloatArray:
    """Return (M, M) how much two muscles work at the same time, 0..1.

    Twice the area below the smaller one over the area below both (Falconer and Winter, 1985).
    """
    known = signal.value[np.isfinite(signal.value).all(axis=1)]
    count = len(signal.muscle)
    index = np.full((count, count), np.nan)
    if not len(known):
        return index
    for i in range(count):
        both = known + known[:, [i]]
        smaller = np.minimum(known, known[:, [i]])
        total = both.sum(axis=0)
        with np.errstate(divide='ignore', invalid='ignore'):
            index[i] = np.where(total > 0, 2 * smaller.sum(axis=0) / total, np.nan)
    return index


def measure_trends(signal: Signal) -> list[Trend]:
    """Return the trend of each muscle (Theil-Sen), empty for recordings too short to have one."""
    size = round(WINDOW * RATE)
    count = len(signal.value) // size
    if count * WINDOW < SHORTEST_TREND:
        return []
    blocks = signal.value[: count * size].reshape(count, size, -1)
    known = np.isfinite(blocks).mean(axis=1) > 0.5
    with np.errstate(invalid='ignore'):
        means = np.nansum(blocks, axis=1) / np.isfinite(blocks).sum(axis=1).clip(1)
    minutes = (np.arange(count) + 0.5) * WINDOW / 60
    return [
        _fit(name, minutes[k], m[k])
        for name, k, m in zip(signal.muscle, known.T, means.T, strict=True)
        if k.sum() * WINDOW >= SHORTEST_TREND and m[k].mean() > 0
    ]


def _fit(name: str, minutes: FloatArray, means: FloatArray) -> Trend:
    slope, _, low, high = theilslopes(means / means.mean(), minutes, 0.95)
    return Trend(name, float(slope), float(low), float(high))
