"""Where two performances of one piece differ in muscle activity.

Letters: T ticks of the first performance, M muscles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from pianokpm_ros.anatomy import Side
from pianokpm_ros.report.alignment import Alignment, Chord, align, group_chords
from pianokpm_ros.report.recording import RATE, Recording, Signal
from pianokpm_ros.stretches import find_stretches

FloatArray = NDArray[np.floating]

SMOOTHING = 0.1
"""Notes align to within some 10 ms; what is shorter than this is no difference of muscles [s]."""

SHORTEST = 0.1
"""A difference must last as long as this [s]; interruptions shorter than this are bridged."""

SIGMAS = 2.0
LEAST = 0.05
"""A difference below this is not told, however small the deviations are."""

AFTER = 0.5
"""The last chord's muscles are compared for this long [s]."""


@dataclass(frozen=True)
class Region:
    """A stretch in which one muscle differs.

    Attributes:
        side: hand.
        muscle: name.
        start: in the first performance [s].
        end: likewise.
        difference: mean of second minus first.
        deviation: mean 1 sigma of a difference, NaN where unknown.
        chords: played in it, or the last one before.
    """

    side: Side
    muscle: str
    start: float
    end: float
    difference: float
    deviation: float
    chords: tuple[Chord, ...]

    @property
    def weight(self) -> float:
        """Area of the difference [s]."""
        return abs(self.difference) * (self.end - self.start)


@dataclass(frozen=True, eq=False)
class HandComparison:
    """One hand of both performances on the time of the first.

    Attributes:
        first: signal of the first.
        second: of the second, moved; NaN where not compared.
        difference: (T, M) second minus first, smoothed.
        deviation: (T, M) 1 sigma of it, NaN = unknown.
    """

    first: Signal
    second: Signal
    difference: FloatArray
    deviation: FloatArray


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two performances, aligned.

    Attributes:
        alignment: of their chords.
        hands: that both have.
        regions: where they differ, the largest first.
        tempo: (N - 1,) how much slower the second plays from chord to chord; 1 = equal.
    """

    alignment: Alignment
    hands: dict[Side, HandComparison]
    regions: list[Region]
    tempo: FloatArray


def compare(first: Recording, second: Recording) -> Comparison:
    """Compare two recordings along the score."""
    chords = [group_chords(r.presses, r.origin) for r in (first, second)]
    alignment = align(*chords)
    hands = {
        side: _compare_hand(first.signals[side], second.signals[side], alignment)
        for side in first.signals
        if side in second.signals and first.signals[side].muscle == second.signals[side].muscle
    }
    regions = [r for side, hand in hands.items() for r in _find_regions(side, hand, alignment)]
    steps = np.diff(alignment.first)
    tempo = np.diff(alignment.second) / np.where(steps > 0, steps, np.nan)
    return Comparison(alignment, hands, sorted(regions, key=lambda r: -r.weight), tempo)


def _compare_hand(first: Signal, second: Signal, alignment: Alignment) -> HandComparison:
    times = np.arange(len(first.value)) / RATE
    there = alignment.to_second(times) * RATE
    inside = (times >= alignment.first[0] - AFTER) & (times <= alignment.first[-1] + AFTER)
    moved = _move(second, np.where(inside, there, -1.0))
    size = round(SMOOTHING * RATE)
    difference = _smooth(moved.value - first.value, size)
    deviation = np.sqrt(moved.deviation**2 + first.deviation**2)
    return HandComparison(first, moved, difference, deviation)


def _smooth(values: FloatArray, size: int) -> FloatArray:
    """Average over a few ticks; unknown ones are left out and stay unknown."""
    known = np.isfinite(values)
    total = uniform_filter1d(np.where(known, values, 0.0), size, axis=0, mode='nearest')
    part = uniform_filter1d(known.astype(float), size, axis=0, mode='nearest')
    return np.where(known, total / np.maximum(part, 1e-9), np.nan)


def _move(signal: Signal, index: FloatArray) -> Signal:
    """Resample a signal at fractional ticks; unknown outside."""
    ticks = np.arange(len(signal.value))

    def pick(column: FloatArray) -> FloatArray:
        return np.interp(index, ticks, column, np.nan, np.nan)

    nearest = np.clip(np.rint(index).astype(int), 0, len(ticks) - 1)
    outside = (index < 0) | (index > len(ticks) - 1)
    return Signal(
        signal.side,
        signal.muscle,
        np.stack([pick(c) for c in signal.value.T], axis=1),
        np.stack([pick(c) for c in signal.deviation.T], axis=1),
        pick(signal.confidence),
        np.where(outside, 0, signal.status[nearest]).astype(np.uint8),
    )


def _find_regions(side: Side, hand: HandComparison, alignment: Alignment) -> list[Region]:
    limit = np.maximum(SIGMAS * np.nan_to_num(hand.deviation), LEAST)
    regions = []
    for i, muscle in enumerate(hand.first.muscle):
        for sign in (1, -1):
            with np.errstate(invalid='ignore'):
                beyond = sign * hand.difference[:, i] > limit[:, i]
            regions += [
                _describe(side, muscle, hand, i, span, alignment) for span in _runs(beyond)
            ]
    return regions


def _describe(
    side: Side,
    muscle: str,
    hand: HandComparison,
    column: int,
    span: tuple[int, int],
    alignment: Alignment,
) -> Region:
    start, end = span
    return Region(
        side,
        muscle,
        start / RATE,
        end / RATE,
        float(np.nanmean(hand.difference[start:end, column])),
        float(np.mean(hand.deviation[start:end, column])),
        _chords_within(alignment, start / RATE, end / RATE),
    )


def _runs(beyond: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (start, end) of stretches that last, short interruptions bridged."""
    least = round(SHORTEST * RATE)
    merged: list[list[int]] = []
    for start, end in find_stretches(beyond):
        if merged and start - merged[-1][1] < least:
            merged[-1][1] = end
        else:
            merged.append([start, end])
    return [(start, end) for start, end in merged if end - start >= least]


def _chords_within(alignment: Alignment, start: float, end: float) -> tuple[Chord, ...]:
    # a muscle works from some 50 ms before its note sounds
    first = int(np.searchsorted(alignment.first, start))
    last = int(np.searchsorted(alignment.first, end + 0.05))
    first = max(0, min(first, last - 1))
    return alignment.matched[first:last]
