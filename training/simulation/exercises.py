"""Six kinds of exercises, each drawn from a seed: bars for a right hand, with the usual fingerings.

The left hand plays exercises of its own, mirrored about D, where the keyboard is symmetric.
"""

from collections.abc import Callable

import numpy as np
from pianokpm_training.kinematic.notes import Note

from pianokpm_ros.anatomy import Side

MAJOR = np.array([0, 2, 4, 5, 7, 9, 11])

SCALES = {
    0: '1231234', 7: '1231234', 2: '1231234', 9: '1231234', 4: '1231234', 11: '1231234',
    5: '1234123', 10: '2123123', 3: '3123412', 8: '3412312', 1: '2312341', 6: '2341231',
}  # fmt: skip
"""Usual fingers of the right hand for the seven notes of each major scale, by tonic (0 = C)."""

ARPEGGIOS = {t: '123' for t in (0, 2, 4, 5, 7, 9, 11)} | {
    1: '412',
    3: '412',
    8: '412',
    10: '412',
    6: '123',
}
"""Likewise for the three notes of major arpeggios."""

LOWEST = 65
"""No key of a right hand lies lower: both hands play at once, and the left one, mirrored, comes as high as 59."""

Bar = list[tuple[float, float, int, int]]
"""Onset [s], length [s], MIDI key, finger 1 to 5."""


def five_finger(random: np.random.Generator) -> Bar:
    """Patterns over five neighbouring keys of a scale."""
    patterns = ('1234543', '13243542', '15141312', '1352', '5432', '135313', '12343212')
    fingers = patterns[random.integers(len(patterns))] * 3
    tonic, step = int(random.integers(57, 77)), random.uniform(0.11, 0.40)
    shape = (0, 2, 4, 5, 7) if random.random() < 0.6 else (0, 2, 3, 5, 7)
    return _line([(tonic + shape[int(f) - 1], int(f)) for f in fingers], step, random)


def scales(random: np.random.Generator) -> Bar:
    """Two octaves up and down."""
    tonic, start = int(random.integers(12)), 60 - 12 * int(random.random() < 0.4)
    fingers = SCALES[tonic] * 2
    notes = [
        (start + tonic + int(MAJOR[i % 7]) + 12 * (i // 7), int(f)) for i, f in enumerate(fingers)
    ]
    last = 5 if fingers[-1] == '4' else int(fingers[0])
    up = [*notes, (start + tonic + 24, last)]
    return _line([*up, *up[-2::-1]], random.uniform(0.11, 0.30), random)


def arpeggios(random: np.random.Generator) -> Bar:
    """Broken major triads over two octaves."""
    tonic, start = int(random.integers(12)), 60 - 12 * int(random.random() < 0.4)
    fingers = ARPEGGIOS[tonic] * 2
    notes = [
        (start + tonic + (0, 4, 7)[i % 3] + 12 * (i // 3), int(f)) for i, f in enumerate(fingers)
    ]
    last = 5 if fingers[0] == '1' else int(fingers[0])
    up = [*notes, (start + tonic + 24, last)]
    return _line([*up, *up[-2::-1]], random.uniform(0.15, 0.38), random)


def trills(random: np.random.Generator) -> Bar:
    """Two neighbouring fingers alternate."""
    pairs = ((1, 2), (2, 3), (3, 4), (4, 5), (1, 3), (2, 4), (3, 5))
    first, second = pairs[random.integers(len(pairs))]
    key = int(random.integers(60, 80))
    other = key + int(random.integers(1, 3)) + 2 * (second - first - 1)
    count = 2 * int(random.integers(6, 14))
    return _line(
        [(key, first), (other, second)] * (count // 2), random.uniform(0.085, 0.18), random
    )


def chords(random: np.random.Generator) -> Bar:
    """Triads, seventh chords, sixths and octaves, one after another."""
    shapes = (
        ((0, 1), (4, 3), (7, 5)), ((0, 1), (3, 3), (7, 5)), ((0, 1), (5, 3), (9, 5)),
        ((0, 1), (4, 2), (7, 3), (12, 5)), ((0, 1), (3, 2), (7, 4), (10, 5)), ((0, 1), (12, 5)), ((0, 1), (9, 5)),
    )  # fmt: skip
    shape = shapes[random.integers(len(shapes))]
    key, step, bar = int(random.integers(65, 78)), random.uniform(0.28, 0.9), []
    for i in range(int(random.integers(5, 10))):
        length = step * random.uniform(0.45, 0.8)
        bar += [(i * step, length, key + interval, finger) for interval, finger in shape]
        key = int(np.clip(key + random.choice([-5, -2, -1, 1, 2, 5]), LOWEST, 84))
    return bar


def repeated(random: np.random.Generator) -> Bar:
    """One key again and again, with changing fingers or the same."""
    fingers = ('4321', '321', '21', '1', '2', '3', '4', '5')[random.integers(8)]
    step = random.uniform(0.11, 0.22) if len(fingers) > 1 else random.uniform(0.18, 0.4)
    key, notes = int(random.integers(57, 80)), []
    for _ in range(int(random.integers(2, 5))):
        notes += [(key, int(f)) for f in fingers * (12 // len(fingers))]
        key += int(random.integers(-3, 4))
    return [(t, 0.45 * step, k, f) for t, _, k, f in _line(notes, step, random)]


KINDS: dict[str, Callable[[np.random.Generator], Bar]] = {
    'five_finger': five_finger,
    'scales': scales,
    'arpeggios': arpeggios,
    'trills': trills,
    'chords': chords,
    'repeated': repeated,
}
PAUSES = (0.25, 0.6, 1.5)

LEAD, TAIL = 0.8, 0.5
"""Nothing begins sooner after the start or ends later before the end of a take [s]."""

SOFTEST, LOUDEST = 12, 124
"""MIDI velocities between which hands play."""


def stray(random: np.random.Generator, timing: float) -> float:
    """Draw by how much a stroke misses its time [s]; `timing` is the standard deviation."""
    return float(np.clip(random.normal(0, timing), -0.02, 0.02))


def _line(notes: list[tuple[int, int]], step: float, random: np.random.Generator) -> Bar:
    """One note after another, more or less legato."""
    length = step * random.uniform(0.55, 1.0)
    return [(i * step, length, key, finger) for i, (key, finger) in enumerate(notes)]


def _lift(bar: Bar) -> Bar:
    """Move a bar up by the octaves that keep the hands apart."""
    low = min(key for _, _, key, _ in bar)
    octaves = max(0, -(-(LOWEST - low) // 12))
    return [(onset, length, key + 12 * octaves, finger) for onset, length, key, finger in bar]


def play_exercise(
    kind: str, random: np.random.Generator, duration: float, timing: float, loudness: float
) -> list[Note]:
    """Fill a take but for `LEAD` and `TAIL` with bars of one kind for a right hand, loudness varying from bar to bar.

    Args:
        kind: one of `KINDS`.
        random: decides everything.
        duration: [s].
        timing: standard deviation of onsets [s].
        loudness: factor on MIDI velocities.
    """
    notes: list[Note] = []
    start, last = LEAD, duration - TAIL
    while start < last - 1.0:
        bar = _lift(KINDS[kind](random))
        level, swell = random.uniform(32, 100), random.uniform(0, 14)
        for onset, length, key, finger in bar:
            time = start + onset + stray(random, timing)
            if time + length > last:
                break
            struck = level + swell * np.sin(2 * np.pi * onset / 3) + random.normal(0, 5)
            struck = int(np.clip(struck * loudness, SOFTEST, LOUDEST))
            notes.append(Note(max(time, 0.0), length, key, Side.RIGHT, finger, struck))
        start += bar[-1][0] + bar[-1][1] + PAUSES[random.integers(len(PAUSES))]
    return notes
