"""Align two performances of a piece by what is played, chord by chord.

Letters: A, B chords of the two performances.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.keyboard.key_presses import KeyPress

FloatArray = NDArray[np.floating]

CHORD = 0.05
"""Notes that begin within this of the one before belong to one chord [s]."""

GAP = -0.6
"""Price of a chord that only one performance has; below a match (1) and above a mismatch (-1)."""

FEWEST = 3


class AlignmentError(PianokpmError, ValueError):
    """Two performances are not of the same piece."""


@dataclass(frozen=True)
class Chord:
    """Keys that go down together: when [s] and which."""

    start: float
    keys: frozenset[int]


@dataclass(frozen=True, eq=False)
class Alignment:
    """Which moment of one performance is which of the other.

    Attributes:
        first: (N,) times of the matched chords in the first performance [s], ascending.
        second: (N,) in the second.
        matched: chords, of the first performance.
        missing: chords that only the first has.
        extra: chords that only the second has.
    """

    first: FloatArray
    second: FloatArray
    matched: tuple[Chord, ...]
    missing: tuple[Chord, ...]
    extra: tuple[Chord, ...]

    def to_second(self, times: FloatArray) -> FloatArray:
        """Return times of the second performance for times of the first [s]; beyond the matches at equal speed."""
        inner = np.interp(times, self.first, self.second)
        early, late = times < self.first[0], times > self.first[-1]
        inner = np.where(early, times - self.first[0] + self.second[0], inner)
        return np.where(late, times - self.first[-1] + self.second[-1], inner)


def group_chords(presses: Sequence[KeyPress], origin: int) -> list[Chord]:
    """Group presses, by start, into chords; times after `origin` [ns]."""
    chords: list[tuple[float, float, set[int]]] = []
    for press in sorted(presses, key=lambda p: p.start):
        time = (press.start - origin) * 1e-9
        if chords and time - chords[-1][1] <= CHORD and press.key not in chords[-1][2]:
            chords[-1][2].add(press.key)
            chords[-1] = (chords[-1][0], time, chords[-1][2])
        else:
            chords.append((time, time, {press.key}))
    return [Chord(start, frozenset(keys)) for start, _, keys in chords]


def align(first: Sequence[Chord], second: Sequence[Chord]) -> Alignment:
    """Align two chord sequences (Needleman and Wunsch, 1970)."""
    pairs = _trace(_likeness(first, second)) if first and second else []
    pairs = [(i, j) for i, j in pairs if first[i].keys & second[j].keys]
    if len(pairs) < max(FEWEST, 0.3 * min(len(first), len(second))):
        raise AlignmentError(
            f'asked to compare by score: of {len(first)} and {len(second)} chords only {len(pairs)} agree; '
            'compare two performances of one piece, recorded with their keys'
        )
    rows, columns = ({p[i] for p in pairs} for i in (0, 1))
    return Alignment(
        np.array([first[i].start for i, _ in pairs]),
        np.array([second[j].start for _, j in pairs]),
        tuple(first[i] for i, _ in pairs),
        tuple(c for i, c in enumerate(first) if i not in rows),
        tuple(c for j, c in enumerate(second) if j not in columns),
    )


def _likeness(first: Sequence[Chord], second: Sequence[Chord]) -> FloatArray:
    """Return (A, B) from -1 (no key in common) to 1 (the same keys)."""
    rows, columns = (np.zeros((len(c), 128), np.float32) for c in (first, second))
    for table, chords in ((rows, first), (columns, second)):
        for i, chord in enumerate(chords):
            table[i, list(chord.keys)] = 1
    common = rows @ columns.T
    union = rows.sum(1)[:, None] + columns.sum(1) - common
    return 2 * common / union - 1


def _trace(likeness: FloatArray) -> list[tuple[int, int]]:
    """Return the pairs of the best path."""
    count, width = likeness.shape
    best = np.zeros((count + 1, width + 1))
    best[0], best[:, 0] = GAP * np.arange(width + 1), GAP * np.arange(count + 1)
    steps = GAP * np.arange(width + 1)
    for i in range(1, count + 1):
        row = np.maximum(best[i - 1, 1:] + GAP, best[i - 1, :-1] + likeness[i - 1])
        row = np.concatenate([[best[i, 0]], row])
        # gaps along the row: the largest of all starts before, each less its way here
        best[i] = np.maximum.accumulate(row - steps) + steps
    pairs, i, j = [], count, width
    while i and j:
        if np.isclose(best[i, j], best[i - 1, j - 1] + likeness[i - 1, j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif np.isclose(best[i, j], best[i - 1, j] + GAP):
            i -= 1
        else:
            j -= 1
    return pairs[::-1]
