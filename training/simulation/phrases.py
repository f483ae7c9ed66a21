"""Made-up phrases: rhythm, intervals, chords, touch and loudness are drawn, so that more is played than exercises hold.

They are to learn from, beside the seven tasks. The two that are kept to test on are not in them: no key is struck more
than twice running, and no run of broken chords is written on purpose.
"""

from dataclasses import dataclass, replace

import numpy as np
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.simulation.exercises import (
    LEAD,
    LOUDEST,
    LOWEST,
    PAUSES,
    SOFTEST,
    TAIL,
    stray,
)
from pianokpm_training.simulation.fingering import finger_hand
from pianokpm_training.simulation.score import RawNote

from pianokpm_ros.anatomy import Side

HIGHEST = 101
"""Of a right hand, with its chords; an octave fits up or down from every key of the line."""

STEPS = np.array([1, 2, 3, 4, 5, 7, 8, 12])
"""Intervals of a line [semitones], small ones more often."""

STEP_CHANCE = np.array([0.26, 0.30, 0.12, 0.10, 0.07, 0.07, 0.04, 0.04])
LEAP = 40.0
"""Largest interval that there is time for [semitones/s]; two semitones always are."""

AGAIN = 0.06
"""How often a line strikes its key a second time."""

CHORDS = (
    (0, 3),
    (0, 4),
    (0, 5),
    (0, 7),
    (0, 9),
    (0, 12),
    (0, 4, 7),
    (0, 3, 8),
    (0, 5, 9),
    (0, 4, 7, 12),
)
RHYTHM = (0.5, 1.0, 1.0, 1.0, 1.5, 2.0)
FASTEST, SLOWEST = 0.10, 0.55
"""Time from stroke to stroke [s]; within one phrase none comes sooner than `FASTEST` after the last."""


@dataclass(frozen=True)
class Manner:
    """How one phrase is played.

    Attributes:
        step: between two strokes of the usual length [s].
        held: part of that for which keys are held.
        chords: how often more than one key is struck.
        level: MIDI velocity about which it stays.
        swell: how much louder its middle is.
        accent: how much louder single strokes are, at most.
    """

    step: float
    held: float
    chords: float
    level: float
    swell: float
    accent: float


def draw_manner(random: np.random.Generator) -> Manner:
    """Draw a manner: every tempo, touch and loudness that the exercises have, in all combinations."""
    return Manner(
        float(np.exp(random.uniform(np.log(FASTEST), np.log(SLOWEST)))),
        random.uniform(0.3, 1.05),
        float(random.choice([0.0, 0.15, 0.6])),
        random.uniform(28, 105),
        random.uniform(-12, 18),
        random.uniform(0, 25),
    )


def play_phrases(
    random: np.random.Generator, duration: float, timing: float, loudness: float
) -> list[Note]:
    """Fill a take of `duration` [s] with phrases for a right hand.

    Args:
        random: decides everything.
        duration: [s].
        timing: standard deviation of onsets [s].
        loudness: factor on MIDI velocities.
    """
    raw: list[RawNote] = []
    start, last = LEAD, duration - TAIL
    key = int(random.integers(LOWEST, HIGHEST - 12))
    while start < last:
        phrase, key = _draw_phrase(random, key)
        raw += [replace(n, onset=n.onset + start) for n in phrase]
        start = raw[-1].onset + raw[-1].duration + PAUSES[random.integers(len(PAUSES))]
    kept = [n for n in raw if n.onset + n.duration <= last]
    return [_humanise(n, random, timing, loudness) for n in finger_hand(kept, Side.RIGHT)]


def _draw_phrase(random: np.random.Generator, key: int) -> tuple[list[RawNote], int]:
    """Return sorted notes that begin at 0 s, and the key where the line ended."""
    manner, count = draw_manner(random), int(random.integers(4, 17))
    notes: list[RawNote] = []
    time, length, again = 0.0, 0.0, True
    for i in range(count):
        key, again = _next_key(random, key, length, again)
        length = max(manner.step * RHYTHM[random.integers(len(RHYTHM))], FASTEST)
        struck = manner.level + manner.swell * np.sin(np.pi * i / count)
        struck += manner.accent * random.random() * (random.random() < 0.25)
        struck = np.clip(struck, SOFTEST, LOUDEST)
        keys = _draw_chord(random, key) if random.random() < manner.chords else (key,)
        notes += [RawNote(time, manner.held * length, k, int(struck)) for k in keys]
        time += length
    return notes, key


def _next_key(random: np.random.Generator, key: int, time: float, again: bool) -> tuple[int, bool]:
    """Return the line's next key after some time [s], and whether it is the last one once more."""
    if not again and random.random() < AGAIN:
        return key, True
    chance = np.where(max(2.0, LEAP * time) >= STEPS, STEP_CHANCE, 0.0)
    step = int(random.choice(STEPS, p=chance / chance.sum()) * random.choice([-1, 1]))
    return (key + step if LOWEST <= key + step <= HIGHEST - 12 else key - step), False


def _draw_chord(random: np.random.Generator, key: int) -> tuple[int, ...]:
    return tuple(key + interval for interval in CHORDS[random.integers(len(CHORDS))])


def _humanise(note: Note, random: np.random.Generator, timing: float, loudness: float) -> Note:
    """Stray from the written onset and loudness as the person does."""
    onset = note.onset + stray(random, timing)
    struck = (note.velocity + random.normal(0, 5)) * loudness
    return replace(note, onset=onset, velocity=int(np.clip(struck, SOFTEST, LOUDEST)))
