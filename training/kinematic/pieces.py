"""What the simulated pianist plays: the opening of "Für Elise", and random exercises for training."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pianokpm_training.kinematic.notes import Note, finger_notes, make_playable

from pianokpm_ros.anatomy import Side

RIGHT, LEFT = Side.RIGHT, Side.LEFT
STEPS = {'C': 0, 'D': 2, 'E': 4, 'F': 5, 'G': 7, 'A': 9, 'B': 11}

# Ludwig van Beethoven, Bagatelle WoO 59, bars 1 to 8 (public domain), in sixteenths: name:finger, `-` holds or rests.
FUER_ELISE_RIGHT = """
E5:5 D#5:4
E5:5 D#5:4 E5:5 B4:2 D5:4 C5:3
A4:1 - - C4:1 E4:2 A4:4
B4:5 - - E4:1 G#4:3 B4:4
C5:5 - - E4:1 E5:5 D#5:4
E5:5 D#5:4 E5:5 B4:2 D5:4 C5:3
A4:1 - - C4:1 E4:2 A4:4
B4:5 - - E4:1 C5:4 B4:3
A4:2 - -
"""
FUER_ELISE_LEFT = """
- -
- - - - - -
A2:5 E3:2 A3:1 - - -
E2:5 E3:2 G#3:1 - - -
A2:5 E3:2 A3:1 - - -
- - - - - -
A2:5 E3:2 A3:1 - - -
E2:5 E3:2 G#3:1 - - -
A2:5 - -
"""


@dataclass(frozen=True)
class Piece:
    """Notes of both hands.

    Attributes:
        name: short, for files.
        description: what it is.
        notes: ascending onsets.
        duration: [s], with some rest at the end.
    """

    name: str
    description: str
    notes: tuple[Note, ...]
    duration: float


def key_number(name: str) -> int:
    """Return the MIDI number of a key such as `G#4` (C4 = 60)."""
    return STEPS[name[0]] + ('#' in name) + 12 * (int(name[-1]) + 1)


def fuer_elise(sixteenth: float = 0.175, lead: float = 0.7, tail: float = 0.7) -> Piece:
    """Return the opening of "Für Elise", softly, with the swell of its arpeggios."""
    notes = _read_table(FUER_ELISE_RIGHT, RIGHT, sixteenth, lead, 62)
    notes += _read_table(FUER_ELISE_LEFT, LEFT, sixteenth, lead, 54)
    duration = max(n.end for n in notes) + tail
    return Piece(
        'fuer_elise',
        'Ludwig van Beethoven, Bagatelle WoO 59 "Für Elise", bars 1 to 8 (public domain)',
        make_playable(notes),
        round(duration, 1),
    )


def _read_table(table: str, side: Side, step: float, lead: float, velocity: int) -> list[Note]:
    notes, tokens = [], table.split()
    for i, token in enumerate(tokens):
        if token == '-':
            continue
        name, finger = token.split(':')
        held = next((j for j, t in enumerate(tokens[i + 1 : i + 3]) if t != '-'), 2)
        louder = round(10 * np.sin(2 * np.pi * (i - 2) / 12) + (6 if (i - 2) % 6 == 0 else 0))
        length = step * (0.85 + 0.9 * min(held, 1))
        notes.append(
            Note(lead + i * step, length, key_number(name), side, int(finger), velocity + louder)
        )
    return notes


MAJOR = (0, 2, 4, 5, 7, 9, 11)
SCALE_FINGERS = (1, 2, 3, 1, 2, 3, 4)
"""C major's, of the right hand going up; the others are played with it too."""


def random_exercise(rng: np.random.Generator, duration: float) -> Piece:
    """Make both hands play exercises of random kinds, tempi, loudness and places, with pauses between."""
    notes: list[Note] = []
    for side in (LEFT, RIGHT):
        start = rng.uniform(0.3, 1.5)
        while start < duration - 2.0:
            length = min(rng.uniform(3.0, 9.0), duration - 0.8 - start)
            kind = EXERCISES[rng.integers(len(EXERCISES))]
            notes += _place(kind(rng, length), side, start, rng)
            start += length + rng.choice([0.3, 0.8, 2.0])
    return Piece('exercise', 'random exercises', make_playable(notes), duration)


Draft = list[tuple[float, float, int, int]]
"""Onset, duration, steps above the first white key of a right hand, finger."""


def _place(draft: Draft, side: Side, start: float, rng: np.random.Generator) -> list[Note]:
    """Put a draft on the keyboard: a random place and loudness, mirrored for the left hand."""
    loud, swell = rng.uniform(35, 95), rng.uniform(0, 18)
    lowest = int(rng.integers(55, 78)) if side == Side.RIGHT else int(rng.integers(43, 66))
    placed = []
    for onset, duration, step, finger in draft:
        key = lowest + (step if side == Side.RIGHT else -step)
        velocity = loud + swell * np.sin(2 * np.pi * onset / 3.0) + rng.normal(0, 6)
        velocity = int(np.clip(velocity, 12, 125))
        if 24 <= key <= 105:
            placed.append(Note(start + onset, duration, key, side, finger, velocity))
    return placed


def _tempo(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(0.11), np.log(0.6))))


def _scale(rng: np.random.Generator, length: float) -> Draft:
    step = _tempo(rng)
    count, octaves = int(length / step), int(rng.integers(1, 3))
    top, hold = 7 * octaves, rng.uniform(0.5, 1.0)
    rungs = [top - abs(i % (2 * top) - top) for i in range(count)]
    return [
        (i * step, hold * step, 12 * (r // 7) + MAJOR[r % 7], SCALE_FINGERS[r % 7])
        for i, r in enumerate(rungs)
    ]


def _five_fingers(rng: np.random.Generator, length: float) -> Draft:
    step, hold = _tempo(rng), rng.uniform(0.5, 1.3)
    pattern = rng.integers(0, 5, rng.integers(3, 9))
    return [
        (i * step, hold * step, MAJOR[f], int(f) + 1)
        for i, f in enumerate(np.resize(pattern, int(length / step)))
    ]


def _trill(rng: np.random.Generator, length: float) -> Draft:
    step, low = rng.uniform(0.1, 0.2), int(rng.integers(0, 4))
    return [
        (i * step, 0.7 * step, MAJOR[low + i % 2], low + 1 + i % 2)
        for i in range(int(length / step))
    ]


def _chords(rng: np.random.Generator, length: float) -> Draft:
    step = rng.uniform(0.4, 1.2)
    shapes = ((0, 4, 7), (0, 3, 7), (0, 5, 9), (0, 4, 7, 10), (0, 7), (0, 4), (0, 5, 8))
    fingers = {2: (1, 4), 3: (1, 3, 5), 4: (1, 2, 3, 5)}
    draft, root = [], 0
    for i in range(int(length / step)):
        shape = shapes[rng.integers(len(shapes))]
        root = int(np.clip(root + rng.integers(-4, 5), -6, 8))
        draft += [
            (i * step + rng.uniform(0, 0.015), 0.7 * step, root + s, f)
            for s, f in zip(shape, fingers[len(shape)], strict=True)
        ]
    return draft


def _held(rng: np.random.Generator, length: float) -> Draft:
    """One finger after another, long."""
    count = max(int(length / 1.6), 1)
    return [
        (i * 1.6, rng.uniform(0.6, 1.4), MAJOR[f], int(f) + 1)
        for i, f in enumerate(rng.integers(0, 5, count))
    ]


def _wandering(rng: np.random.Generator, length: float) -> Draft:
    """Random notes, fingered as they come."""
    step = _tempo(rng) + 0.05
    keys = 64 + np.cumsum(rng.integers(-4, 5, int(length / step)))
    keys = np.clip(keys, 52, 80)
    notes = [(i * step, 0.8 * step, int(k), 64) for i, k in enumerate(keys)]
    return [(n.onset, n.duration, n.key - 64, n.finger) for n in finger_notes(notes, Side.RIGHT)]


def _hover(rng: np.random.Generator, length: float) -> Draft:
    """Nothing: the hand waits over the keys."""
    return []


EXERCISES: tuple[Callable[[np.random.Generator, float], Draft], ...] = (
    _scale,
    _five_fingers,
    _five_fingers,
    _trill,
    _chords,
    _held,
    _wandering,
    _hover,
)
