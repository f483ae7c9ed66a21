"""Which finger plays which note: pianoplayer's search, or a quick one of our own.

Both look at a right hand; the notes of left hands are mirrored. Fingers count from 0 here.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.simulation.requirements import require
from pianokpm_training.simulation.score import MIRROR, RawNote, group_chords, key_x

from pianokpm_ros.anatomy import Side
from pianokpm_ros.keyboard.layout import is_black

PLACES = np.array([-0.052, -0.0235, 0.0, 0.0225, 0.044])
"""Where the fingertips of a relaxed hand lie across the keys, from the middle finger [m]."""

SPANS = {
    (0, 1): 0.125, (0, 2): 0.145, (0, 3): 0.165, (0, 4): 0.190,
    (1, 2): 0.055, (1, 3): 0.085, (1, 4): 0.120,
    (2, 3): 0.050, (2, 4): 0.080, (3, 4): 0.055,
}  # fmt: skip
"""Widest comfortable distance between two fingers [m]."""

NARROWEST = 0.008
METHODS = ('pianoplayer', 'quick')


def finger_hand(notes: Sequence[RawNote], side: Side, method: str = 'quick') -> list[Note]:
    """Give the sorted notes of one hand fingers; notes beyond the hand's reach are left out of chords.

    Args:
        notes: sorted by onset.
        side: hand.
        method: `pianoplayer` (up to 0.1 s a note), or `quick`, our own shortest path over hand positions.
    """
    groups = [_thin(_mirror(g, side)) for g in group_chords(notes)]
    fingers = _search_positions(groups)
    if method == 'pianoplayer':
        fingers = _repair(groups, _ask_pianoplayer(groups), fingers)
    mirrored = side == Side.LEFT
    return [
        Note(n.onset, n.duration, MIRROR - n.key if mirrored else n.key, side, f + 1, n.velocity)
        for group, own in zip(groups, fingers, strict=True)
        for n, f in zip(group, own, strict=True)
    ]


def _mirror(group: list[RawNote], side: Side) -> list[RawNote]:
    if side == Side.RIGHT:
        return group
    mirrored = [RawNote(n.onset, n.duration, MIRROR - n.key, n.velocity) for n in group]
    return sorted(mirrored, key=lambda n: n.key)


def _thin(group: list[RawNote]) -> list[RawNote]:
    """Leave out inner notes beyond five, and outer ones beyond the hand's reach, the softest first."""
    group = [n for i, n in enumerate(group) if i == 0 or n.key != group[i - 1].key]
    while len(group) > 5:
        inner = range(1, len(group) - 1)
        group.pop(min(inner, key=lambda i: group[i].velocity))
    while len(group) > 1 and not _shapes(tuple(n.key for n in group)):
        group.pop(0 if group[0].velocity < group[-1].velocity else -1)
    return group


def _shapes(keys: tuple[int, ...]) -> list[tuple[int, ...]]:
    """List the sets of fingers that can hold ascending keys at once."""
    places = [key_x(k) for k in keys]

    def fits(fingers: tuple[int, ...]) -> bool:
        return all(
            NARROWEST <= places[j] - places[i] <= SPANS[fingers[i], fingers[j]]
            for i in range(len(keys))
            for j in range(i + 1, len(keys))
        )

    return [f for f in itertools.combinations(range(5), len(keys)) if fits(f)]


def _shape_cost(keys: tuple[int, ...], fingers: tuple[int, ...]) -> float:
    offsets = np.array([key_x(k) for k in keys]) - PLACES[list(fingers)]
    cost = 20 * float(np.ptp(offsets))
    cost += sum(0.35 for k, f in zip(keys, fingers, strict=True) if is_black(k) and f in (0, 4))
    return cost + 0.08 * sum(f in (3, 4) for f in fingers)


def _hand_place(keys: tuple[int, ...], fingers: tuple[int, ...]) -> float:
    return float(np.mean(np.array([key_x(k) for k in keys]) - PLACES[list(fingers)]))


def _step_cost(
    before: tuple[tuple[int, ...], tuple[int, ...]],
    after: tuple[tuple[int, ...], tuple[int, ...]],
    time: float,
) -> float:
    moved = _hand_place(*after) - _hand_place(*before)
    cost = 25 * abs(moved) / (0.3 + min(time, 1.0))
    if len(before[0]) == len(after[0]) == 1:
        (ka,), (fa,), (kb,), (fb,) = *before, *after
        if fa == fb and ka != kb:
            cost += 1.0 / (0.5 + time)
        rises = (kb - ka) * (fb - fa)
        if rises < 0 and fa and fb:
            cost += 2.0  # only the thumb passes under the others
        if rises < 0 and 0 in (fa, fb) and (is_black(kb) if fb == 0 else is_black(ka)):
            cost += 1.0
    return cost


def _search_positions(groups: list[list[RawNote]]) -> list[tuple[int, ...]]:
    """Find the cheapest course of fingerings through all chords (Viterbi)."""
    if not groups:
        return []
    keys = [tuple(n.key for n in g) for g in groups]
    shapes = [_shapes(k) for k in keys]
    cost = np.array([_shape_cost(keys[0], f) for f in shapes[0]])
    back = []
    for i in range(1, len(groups)):
        time = groups[i][0].onset - groups[i - 1][0].onset
        step = np.array(
            [
                [_step_cost((keys[i - 1], a), (keys[i], b), time) for a in shapes[i - 1]]
                for b in shapes[i]
            ]
        )
        total = cost + step
        back.append(np.argmin(total, axis=1))
        cost = total.min(axis=1) + [_shape_cost(keys[i], f) for f in shapes[i]]
    state = int(np.argmin(cost))
    path = [shapes[-1][state]]
    for i in range(len(groups) - 2, -1, -1):
        state = int(back[i][state])
        path.append(shapes[i][state])
    return path[::-1]


def _ask_pianoplayer(groups: list[list[RawNote]]) -> list[tuple[int, ...]]:
    """Let pianoplayer finger the notes of a right hand."""
    hand_module, models = require('pianoplayer.hand'), require('pianoplayer.models')
    notes = []
    for chord, group in enumerate(groups):
        for place, n in enumerate(group):
            # pianoplayer wants the notes of a chord one after another, 0.05 s apart, and centimetres.
            early = 0.05 * (len(group) - place - 1)
            notes.append(
                models.INote(
                    isChord=len(group) > 1,
                    isBlack=is_black(n.key),
                    pitch=n.key,
                    octave=n.key // 12,
                    x=100 * key_x(n.key),
                    time=group[0].onset - early,
                    duration=n.duration + early,
                    chordnr=place,
                    NinChord=len(group),
                    chordID=chord,
                    noteID=len(notes),
                )
            )
    if len(notes) < 2:
        return _search_positions(groups)
    hand = hand_module.Hand(notes, 'right', 'L')
    hand.verbose = False
    hand.generate()
    found = iter(n.fingering - 1 for n in notes)
    return [tuple(next(found) for _ in group) for group in groups]


def _repair(
    groups: list[list[RawNote]],
    wanted: list[tuple[int, ...]],
    fallback: list[tuple[int, ...]],
) -> list[tuple[int, ...]]:
    """Take our own fingers for chords that pianoplayer gave no possible ones."""
    shapes = (_shapes(tuple(n.key for n in g)) for g in groups)
    return [w if w in s else f for w, f, s in zip(wanted, fallback, shapes, strict=True)]
