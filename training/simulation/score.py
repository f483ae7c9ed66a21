"""What is played: notes from MIDI files, dealt to two hands, and made possible for ten fingers.

The onset of a note is where its key passes the escapement, as MIDI counts it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pianokpm_training.kinematic.notes import Note

from pianokpm_ros.anatomy import Side
from pianokpm_ros.keyboard.key_samples import read_midi
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_CENTRES

SHORTEST = 0.05
"""No key is held for less [s]."""

CHORD = 0.03
"""Notes closer than this are struck together [s]."""

REACH = 0.185
"""From the thumb to the little finger of an average hand on the keys [m]: a ninth."""

SAME_KEY, OTHER_KEY, TRAVEL = 0.07, 0.11, 0.5
"""Between two notes of one finger [s]: on one key, on another key, and more for each metre between them."""

MIRROR = 2 * 62
"""Keys mirror about D, where black and white are symmetric: key' = MIRROR - key."""


@dataclass(frozen=True)
class RawNote:
    """A note without hand and finger; times [s]."""

    onset: float
    duration: float
    key: int
    velocity: int


def key_x(key: int) -> float:
    """Centre of a key [m], 0 at middle C."""
    return float(KEY_CENTRES[key - FIRST_KEY])


def read_notes(path: Path | str, start: float = 0.0, stop: float = 60.0) -> list[RawNote]:
    """Read the notes of a MIDI file that begin in [start, stop) [s], times after `start`, sorted."""
    samples = read_midi(path)
    notes, down = [], {}
    for stamp, key, position, velocity in zip(
        samples.stamp.tolist(),
        samples.key.tolist(),
        samples.position.tolist(),
        samples.midi_velocity.tolist(),
        strict=True,
    ):
        time = stamp * 1e-9
        if key in down:
            onset, struck = down.pop(key)
            if start <= onset < stop:
                notes.append(RawNote(onset - start, max(time - onset, SHORTEST), key, struck))
        if position:
            down[key] = (time, velocity)
    return sorted(notes, key=lambda n: (n.onset, n.key))


def group_chords(notes: Sequence[RawNote], chord: float = CHORD) -> list[list[RawNote]]:
    """Group sorted notes that are struck together, each group by ascending key."""
    groups: list[list[RawNote]] = []
    for note in notes:
        if groups and note.onset - groups[-1][0].onset < chord:
            groups[-1].append(note)
        else:
            groups.append([note])
    return [sorted(g, key=lambda n: n.key) for g in groups]


def split_hands(notes: Sequence[RawNote]) -> dict[Side, list[RawNote]]:
    """Deal notes to the hands: each chord is cut where both hands reach and move least."""
    hands: dict[Side, list[RawNote]] = {Side.LEFT: [], Side.RIGHT: []}
    centre = {Side.LEFT: key_x(48), Side.RIGHT: key_x(72)}
    for group in group_chords(notes):
        places = [key_x(n.key) for n in group]
        cut = min(range(len(group) + 1), key=lambda c: _cut_cost(places[:c], places[c:], centre))
        for side, part, own in (
            (Side.LEFT, group[:cut], places[:cut]),
            (Side.RIGHT, group[cut:], places[cut:]),
        ):
            hands[side] += part
            if own:
                centre[side] += 0.6 * (float(np.mean(own)) - centre[side])
    return hands


def _cut_cost(left: list[float], right: list[float], centre: dict[Side, float]) -> float:
    cost = 0.0
    for side, own in ((Side.LEFT, left), (Side.RIGHT, right)):
        if own:
            cost += 10 * max(0.0, own[-1] - own[0] - REACH) + max(0, len(own) - 5)
            cost += abs(float(np.mean(own)) - centre[side])
    if not left or not right:
        return cost
    return cost + 2 * max(0.0, 0.03 - (right[0] - left[-1]))


def mirror_note(note: Note) -> Note:
    """The same note of the other hand in a mirrored world."""
    side = Side.LEFT if note.side == Side.RIGHT else Side.RIGHT
    return replace(note, key=MIRROR - note.key, side=side)


def make_playable(notes: Iterable[Note]) -> tuple[list[Note], int]:
    """Shorten notes whose finger or key is needed again, drop those that no finger is free for.

    Returns:
        The notes, sorted, and how many were dropped.
    """
    kept: list[Note] = []
    by_finger: dict[tuple[Side, int], int] = {}
    by_key: dict[int, int] = {}
    dropped = 0
    for note in sorted(notes, key=lambda n: (n.onset, n.key)):
        rivals = [
            i
            for i in (by_finger.get((note.side, note.finger)), by_key.get(note.key))
            if i is not None
        ]
        room = {i: note.onset - kept[i].onset - _pause(kept[i], note) for i in rivals}
        if min(room.values(), default=1.0) < SHORTEST:
            dropped += 1
            continue
        for i, most in room.items():
            kept[i] = replace(kept[i], duration=min(kept[i].duration, most))
        by_finger[note.side, note.finger] = by_key[note.key] = len(kept)
        kept.append(note)
    return kept, dropped


def _pause(before: Note, after: Note) -> float:
    """Time from the release of one note to the onset of the next [s]."""
    if before.key == after.key:
        return SAME_KEY
    return OTHER_KEY + TRAVEL * abs(key_x(after.key) - key_x(before.key))
