"""How one finger plays its notes: it turns to the key, lifts, strikes, holds and lets go.

Letters: T times, K knots. Places and heights are in the keyboard frame, of a right hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.kinematic.curves import follow, minimum_jerk
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.kinematic.person import Technique

from pianokpm_ros.keyboard.layout import BLACK_FRONT, BLACK_HEIGHT, is_black

FloatArray = NDArray[np.floating]

PAD = 0.006
"""Height of a fingertip's landmark over what its pad touches [m]: half a fingertip."""

WHITE_TRAVEL, BLACK_TRAVEL = 0.010, 0.008
RELEASE = 0.09
"""How long a finger takes from the key bottom to hovering [s]."""

WAIT = 0.08
"""A finger waits over its key where it has longer than this, both to come there and to lift [s]."""

BIND = 0.13
"""How long a waiting finger takes to turn to its key, and to leave it [s]."""


def key_travel(key: int) -> float:
    """Return how far a key goes down [m]."""
    return BLACK_TRAVEL if is_black(key) else WHITE_TRAVEL


def key_height(key: int) -> float:
    """Return the height of a key's top at rest [m]."""
    return BLACK_HEIGHT if is_black(key) else 0.0


def floor_height(y: FloatArray) -> FloatArray:
    """Height of what may lie under a waiting tip [m]: it rises smoothly over the black keys, wherever they are."""
    return BLACK_HEIGHT * minimum_jerk((y - BLACK_FRONT + 0.005) / 0.02)


def stroke_time(velocity: int) -> float:
    """Return how long a stroke takes from the lifted finger to the key bottom [s]: softest 125, hardest 55 ms."""
    return 0.125 - 0.07 * velocity / 127


@dataclass(frozen=True)
class Stroke:
    """A note and when its finger does what [s].

    Attributes:
        note: played.
        place: (x, y) [m] where the tip meets the key.
        prepare: the finger is over its key.
        strike: it is lifted and begins to strike; the key bottom is reached at `note.onset`.
        away: it hovers again after letting go at `note.end`.
        waits: there is time to wait over the key before lifting.
    """

    note: Note
    place: tuple[float, float]
    prepare: float
    strike: float
    away: float
    waits: bool


def plan_strokes(
    notes: Sequence[Note], places: Sequence[tuple[float, float]]
) -> tuple[Stroke, ...]:
    """Plan one finger's strokes; where notes follow closely, everything before and between them is hurried."""
    strokes: list[Stroke] = []
    for note, after, place in zip_longest(notes, notes[1:], places):
        before = strokes[-1] if strokes else None
        strike = note.onset - stroke_time(note.velocity)
        if before:
            strike = max(strike, before.note.end + 0.6 * (note.onset - before.note.end))
        prepare = max(strike - 0.12, before.away if before else -1.0)
        waits = strike - prepare > WAIT and (not before or prepare - before.away > WAIT)
        room = after.onset - note.end if after else 1.0
        away = note.end + min(RELEASE, 0.4 * room)
        strokes.append(Stroke(note, place, prepare, strike, away, waits))
    return tuple(strokes)


class FingerCourse:
    """The course of a fingertip through its strokes."""

    def __init__(self, strokes: Sequence[Stroke], technique: Technique) -> None:
        self._bound = _split(_bind(strokes))
        self._place = _split(
            [(time, s.place) for s in strokes for time in (s.strike, 0.5 * (s.note.end + s.away))]
        )
        self._height = _split([knot for s in strokes for knot in _heights(s, technique)])

    def blend(self, at: FloatArray, waiting: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Bind a waiting (T, 3) tip [m] to the strokes; returns the (T, 3) tip and (T,) how much it is bound."""
        bound = follow(*self._bound, at)
        struck = np.column_stack([follow(*self._place, at), follow(*self._height, at)])
        return waiting + bound[:, None] * (struck - waiting), bound


def _heights(stroke: Stroke, technique: Technique) -> list[tuple[float, float]]:
    """Knots of a stroke's height [m]: wait, lift, key bottom, let go."""
    note = stroke.note
    top = key_height(note.key) + PAD
    raised = top + 0.004 + technique.lift * (0.25 + 0.75 * note.velocity / 127)
    bottom, waiting = top - key_travel(note.key), top + 0.7 * technique.hover
    knots = [(stroke.strike, raised), (note.onset, bottom), (note.end, bottom)]
    knots.append((stroke.away, waiting))
    # Without time to wait the finger goes on to lift at once.
    return [(stroke.prepare, waiting), *knots] if stroke.waits else knots


def _bind(strokes: Sequence[Stroke]) -> list[tuple[float, float]]:
    """Knots of how much a finger is bound: 1 from preparing to letting go, less in longer pauses."""
    knots: list[tuple[float, float]] = [(strokes[0].prepare - BIND, 0.0)]
    for stroke, after in zip_longest(strokes, strokes[1:]):
        knots += [(stroke.prepare, 1.0), (stroke.away, 1.0)]
        pause = after.prepare - stroke.away if after else np.inf
        if pause > 2 * BIND:
            knots.append((stroke.away + BIND, 0.0))
            knots += [(after.prepare - BIND, 0.0)] if after else []
        else:
            loose = float(minimum_jerk(pause / (2 * BIND)))
            knots.append((stroke.away + 0.5 * pause, 1.0 - loose))
    return knots


def _split(knots: Sequence[tuple]) -> tuple[FloatArray, FloatArray]:
    return np.array([t for t, _ in knots]), np.array([v for _, v in knots])
