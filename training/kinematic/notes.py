"""Notes with fingers, and what two hands can play of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pianokpm_ros.anatomy import Side
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.keyboard.layout import FIRST_KEY, LAST_KEY

SHORTEST = 0.04
"""No note is held for less [s]."""

BETWEEN, ACROSS, TRAVEL = 0.06, 0.10, 0.008
"""A finger needs this long between two notes: of one key, of two keys, and more for each key between them [s]; a hand
that goes far needs as long as one key and the way, and a key between two fingers needs the second."""


STRETCH = 4.5
"""A hand that goes further than this [keys] can't hold on."""

CHORD = 0.05
"""Notes that begin this close are one chord [s]."""


class NotesError(PianokpmError, ValueError):
    """Notes can't be played."""


@dataclass(frozen=True)
class Note:
    """One key pressed by one finger.

    Attributes:
        onset: when the key reaches its bottom [s].
        duration: how long it stays there [s].
        key: MIDI number.
        side: hand.
        finger: 1 thumb to 5 little finger.
        velocity: 1..127 as MIDI counts force.
    """

    onset: float
    duration: float
    key: int
    side: Side
    finger: int
    velocity: int = 64

    def __post_init__(self) -> None:
        if not (FIRST_KEY <= self.key <= LAST_KEY and 1 <= self.finger <= 5):
            raise NotesError(
                f'asked for key {self.key} and finger {self.finger}; keys are {FIRST_KEY} to {LAST_KEY}, '
                'fingers 1 to 5'
            )
        if not (1 <= self.velocity <= 127 and self.duration > 0 and self.onset >= 0):
            raise NotesError(f'asked for {self}: time, length and velocity must be positive')

    @property
    def end(self) -> float:
        """When the key is let go [s]."""
        return self.onset + self.duration


def make_playable(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Sort, shorten notes where their finger, hand or key is needed elsewhere, drop those that come too soon."""
    kept: list[Note] = []
    for note in sorted(notes, key=lambda n: (n.onset, n.key)):
        room = [note.onset - k.onset - _pause(k, note) for k in kept]
        if min(room, default=1.0) < SHORTEST:
            continue
        for i, most in enumerate(room):
            most = max(min(most, note.onset - kept[i].onset - _leave(kept[i], note)), SHORTEST)
            if kept[i].duration > most:
                kept[i] = replace(kept[i], duration=most)
        kept.append(note)
    return tuple(kept)


def _pause(before: Note, after: Note) -> float:
    """How long must lie between one note's end and the next's beginning [s]; minus infinity if they may overlap."""
    away = abs(before.key - after.key)
    if (before.side, before.finger) == (after.side, after.finger):
        return ACROSS + TRAVEL * away if away else BETWEEN
    return -float('inf') if away else ACROSS


def _leave(before: Note, after: Note) -> float:
    """How long before the next note its hand must let go of one, where it goes further than it can stretch [s]."""
    shift = abs(_thumb_key(before) - _thumb_key(after))
    together = after.onset - before.onset < CHORD
    if before.side != after.side or together or shift < STRETCH:
        return -float('inf')
    return BETWEEN + TRAVEL * shift


def _thumb_key(note: Note) -> float:
    """Where the thumb of the hand lies that plays a note at ease [MIDI number]."""
    return note.key - (1 if note.side == Side.RIGHT else -1) * 1.75 * (note.finger - 1)


def finger_notes(
    notes: list[tuple[float, float, int, int]], side: Side, chord: float = CHORD
) -> tuple[Note, ...]:
    """Give (onset, duration, key, velocity) notes fingers: by place in the hand, which moves only when it must."""
    mirror = 1 if side == Side.RIGHT else -1
    low, fingered = None, []
    for group in _chords(sorted(notes), chord):
        keys = sorted({n[2] * mirror for n in group})
        while len(keys) > 5 or keys[-1] - keys[0] > 14:
            keys.pop(len(keys) // 2 if len(keys) > 2 else 0)
        if low is None or keys[0] < low - 1 or keys[-1] > low + 9:
            low = keys[0] if low is None or keys[0] < low else keys[-1] - 7
        fingers = _deal(keys, low)
        for onset, duration, key, velocity in group:
            if key * mirror in keys:
                finger = fingers[keys.index(key * mirror)]
                fingered.append(Note(onset, duration, key, side, finger, velocity))
    return make_playable(fingered)


def _chords(notes: list[tuple], chord: float) -> list[list[tuple]]:
    groups: list[list[tuple]] = []
    for note in notes:
        if groups and note[0] - groups[-1][0][0] < chord:
            groups[-1].append(note)
        else:
            groups.append([note])
    return groups


def _deal(keys: list[int], low: int) -> list[int]:
    """Fingers for ascending keys of a hand whose thumb lies on `low`; ascending, none twice."""
    wanted = [1 + min(max(round((key - low) / 1.75), 0), 4) for key in keys]
    for i in range(1, len(wanted)):
        wanted[i] = max(wanted[i], wanted[i - 1] + 1)
    last = 5 - len(wanted) + 1
    return [min(finger, last + i) for i, finger in enumerate(wanted)]
