"""From notes to where the wrist and the five fingertips shall be; for a right hand, in the rig's frame.

Letters: T samples at `RATE`, F fingers (5), N notes of one hand.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.simulation.people import Body, Technique
from pianokpm_training.simulation.score import key_x
from pianokpm_training.simulation.strokes import Stroke, ease, plan_stroke
from scipy.linalg import solveh_banded

from pianokpm_ros.keyboard.layout import (
    BLACK_FRONT,
    BLACK_HEIGHT,
    FIRST_KEY,
    KEY_CENTRES,
    is_black,
)

FloatArray = NDArray[np.floating]

RATE = 200.0
"""Samples of the plan and of the joint angles [Hz]."""

BLACK_HALF = 0.0048
"""Half the width of a black key's top [m]."""

CLEARANCE = 0.012
"""Resting fingers rise this far before black keys: half a finger and how far it strays from its plan [m]."""

RESTING = np.array(
    [[-0.054, -0.030], [-0.0240, -0.004], [0.0, 0.0], [0.0215, -0.005], [0.0420, -0.022]]
)
"""Pads of the relaxed hand across and along the keys, from the middle finger's [m]."""

WHITE_PLACE, BLACK_PLACE = (0.010, 0.044), (0.057, 0.095)
"""Where along white and black keys fingers play [m]."""

PLAYING_DEPTH = 0.042
"""Of the middle finger on the white keys [m]."""

FOLLOWING = np.array([
    [0.00, 0.08, 0.03, 0.02, 0.02],
    [0.05, 0.00, 0.22, 0.08, 0.03],
    [0.03, 0.20, 0.00, 0.28, 0.10],
    [0.02, 0.08, 0.30, 0.00, 0.35],
    [0.02, 0.03, 0.10, 0.38, 0.00],
])  # fmt: skip
"""How much of finger g's motion resting finger f shows, [f, g]: enslaving, greatest at the ring finger
(after the order found by Zatsiorsky, Li and Latash 1998 for forces)."""

NOTE_WEIGHT = np.array([0.35, 1.0, 1.0, 1.0, 0.8])
"""How much each finger's key draws the hand; the thumb can reach under."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What one hand shall do.

    Attributes:
        time: (T,) [s].
        tips: (T, F, 3) pads [m].
        busy: (T, F) 0..1, how much a finger is bound to its key.
        hand: (T, 2) place of the hand: x and y of the relaxed middle finger's pad [m].
        bob: (T,) the wrist's rise and fall [m].
        notes: N, each with its stroke.
        strokes: N.
    """

    time: FloatArray
    tips: FloatArray
    busy: FloatArray
    hand: FloatArray
    bob: FloatArray
    notes: tuple[Note, ...]
    strokes: tuple[Stroke, ...]


def plan_hand(notes: list[Note], duration: float, technique: Technique, body: Body) -> Plan:
    """Plan one hand's motion; notes as `make_playable` gives them, of a right hand."""
    time = np.arange(int(round(duration * RATE)) + 1) / RATE
    strokes = _plan_strokes(notes, technique)
    resting = RESTING * body.size * np.array([body.breadth, 1.0])
    hand = _plan_hand_place(time, notes, strokes, resting, technique)
    rest = hand[:, None] + resting
    level = np.full((len(time), 5), 0.55 * technique.lift + 0.003)
    tips = np.concatenate([rest, level[..., None]], axis=2)
    busy, moved = np.zeros((len(time), 5)), np.zeros((len(time), 5))
    for finger in range(5):
        own = [(n, s) for n, s in zip(notes, strokes, strict=True) if n.finger == finger + 1]
        _follow_notes(time, own, finger, tips, busy, moved, hand, resting)
    following = technique.coupling * (moved * busy) @ FOLLOWING.T
    tips[..., 2] += (1 - busy) * np.clip(following, -0.006, 0.012)
    tips[..., 2] = np.where(
        busy > 0.5,
        tips[..., 2],
        _stay_above(tips[..., 2], surface(tips[..., :2], CLEARANCE) + 0.002),
    )
    return Plan(time, tips, busy, hand, _plan_bob(time, notes, technique), tuple(notes), strokes)


def _plan_strokes(notes: list[Note], technique: Technique) -> tuple[Stroke, ...]:
    freed, following = [-1.0] * 5, [np.inf] * len(notes)
    newest: dict[int, int] = {}
    for i, n in enumerate(notes):
        if n.finger in newest:
            following[newest[n.finger]] = n.onset
        newest[n.finger] = i
    strokes = []
    for n, onset in zip(notes, following, strict=True):
        stroke = plan_stroke(
            n, technique, n.onset - freed[n.finger - 1], onset - n.onset - n.duration
        )
        freed[n.finger - 1] = stroke.release + 0.02
        strokes.append(stroke)
    return tuple(strokes)


def _plan_hand_place(
    time: FloatArray,
    notes: list[Note],
    strokes: tuple[Stroke, ...],
    resting: FloatArray,
    technique: Technique,
) -> FloatArray:
    """Find the smoothest course of the hand that brings the fingers near their keys, at a quarter of the rate."""
    grid = time[::4]
    step = grid[1] - grid[0] if len(grid) > 1 else 1.0
    home = PLAYING_DEPTH + technique.depth
    weight, wanted = np.full((len(grid), 2), 1e-4), np.zeros((len(grid), 2))
    start = np.mean([key_x(n.key) - resting[n.finger - 1, 0] for n in notes]) if notes else 0.2
    wanted[:] = weight * np.array([start, home])
    for note, stroke in zip(notes, strokes, strict=True):
        f = note.finger - 1
        span = (grid >= stroke.start) & (grid <= max(stroke.release, stroke.bottom))
        near = np.exp(-0.5 * ((grid - note.onset) / 0.03) ** 2)
        pull = NOTE_WEIGHT[f] * (0.4 * span + 4 * near)
        x = key_x(note.key) - resting[f, 0]
        low, high = BLACK_PLACE if is_black(note.key) else WHITE_PLACE
        y = np.clip(home + resting[f, 1], low + 0.004, high) - resting[f, 1]
        weight += pull[:, None]
        wanted += pull[:, None] * np.array([x, y])
    smooth = np.array([(0.055 / step) ** 4, (0.09 / step) ** 4])
    course = np.stack(
        [_smooth(weight[:, i], wanted[:, i], smooth[i], 0.02 / step**2) for i in range(2)], axis=1
    )
    return np.stack([_resample(grid, course[:, i], time) for i in range(2)], axis=1)


def _smooth(weight: FloatArray, wanted: FloatArray, bend: float, slope: float) -> FloatArray:
    """Minimise the weighted distance to wanted/weight plus bending and slope (a discrete smoothing spline)."""
    n = len(weight)
    if n < 4:
        return wanted / weight
    bands = np.zeros((3, n))
    bands[2] = weight + 6 * bend + 2 * 1e-4 * slope
    bands[2, [0, -1]] += -5 * bend - 1e-4 * slope
    bands[2, [1, -2]] += -bend
    bands[1, 1:] = -4 * bend - 1e-4 * slope
    bands[1, [1, -1]] += 2 * bend
    bands[0, 2:] = bend
    return solveh_banded(bands, wanted)


def _resample(grid: FloatArray, values: FloatArray, time: FloatArray) -> FloatArray:
    from scipy.interpolate import CubicSpline

    if len(grid) < 4:
        return np.interp(time, grid, values)
    return CubicSpline(grid, values, bc_type='natural')(time)


def _follow_notes(
    time: FloatArray,
    own: list[tuple[Note, Stroke]],
    finger: int,
    tips: FloatArray,
    busy: FloatArray,
    moved: FloatArray,
    hand: FloatArray,
    resting: FloatArray,
) -> None:
    """Write one finger's course over its relaxed one, note by note."""
    rest = tips[:, finger].copy()
    for i, (note, stroke) in enumerate(own):
        contact = _contact(note, finger, hand[_index(time, note.onset)], resting)
        base = BLACK_HEIGHT if is_black(note.key) else 0.0
        earliest = own[i - 1][1].release if i else -1.0
        come = max(stroke.start - 0.20, earliest)
        latest = own[i + 1][1].start if i + 1 < len(own) else np.inf
        leave = max(min(stroke.free + 0.15, latest), stroke.free)
        span = slice(_index(time, come), _index(time, leave) + 2)
        t = time[span]
        coming = ease((t - come) / max(stroke.start - come, 0.02))
        going = ease((t - stroke.release) / max(leave - stroke.release, 0.02))
        bound = coming * (1 - going)
        # Between two notes close together the course goes from key to key, not by way of rest.
        height = base + stroke.course(t, stroke.lift + 0.002)
        target = np.column_stack([np.broadcast_to(contact, (len(t), 2)), height])
        blend = bound[:, None]
        tips[span, finger] = (1 - blend) * tips[span, finger] + blend * target
        busy[span, finger] = np.maximum(busy[span, finger], bound)
        moved[span, finger] += bound * (height - base - rest[span, 2])


def _contact(note: Note, finger: int, hand: FloatArray, resting: FloatArray) -> FloatArray:
    low, high = BLACK_PLACE if is_black(note.key) else WHITE_PLACE
    sideways = np.clip(
        hand[0] + resting[finger, 0] - key_x(note.key),
        *((-0.002, 0.002) if is_black(note.key) else (-0.004, 0.004)),
    )
    return np.array([key_x(note.key) + sideways, np.clip(hand[1] + resting[finger, 1], low, high)])


def _index(time: FloatArray, moment: float) -> int:
    return int(np.clip(round(moment * RATE), 0, len(time) - 1))


def surface(place: FloatArray, margin: float = 0.0) -> FloatArray:
    """Height of the keys' tops under pads at (..., 2) places [m], black keys `margin` larger with soft edges."""
    centres = KEY_CENTRES[[is_black(k) for k in range(FIRST_KEY, FIRST_KEY + len(KEY_CENTRES))]]
    after = np.clip(np.searchsorted(centres, place[..., 0]), 1, len(centres) - 1)
    distance = np.minimum(
        np.abs(place[..., 0] - centres[after - 1]), np.abs(place[..., 0] - centres[after])
    )
    soft = max(margin, 1e-6)
    across = ease((BLACK_HALF + margin - distance) / soft)
    along = ease((place[..., 1] - (BLACK_FRONT - margin)) / soft)
    return BLACK_HEIGHT * across * along


def _stay_above(height: FloatArray, floor: FloatArray, soft: float = 0.0015) -> FloatArray:
    """Smooth maximum."""
    return floor + 0.5 * (height - floor + np.sqrt((height - floor) ** 2 + soft**2))


def _plan_bob(time: FloatArray, notes: list[Note], technique: Technique) -> FloatArray:
    """Let the wrist sink a little with each stroke and come up before it."""
    pulse = np.zeros(len(time))
    for note in notes:
        pulse[_index(time, note.onset)] += note.velocity / 127
    kernel = np.arange(-0.25, 0.25, 1 / RATE)
    shape = -np.exp(-0.5 * ((kernel - 0.03) / 0.05) ** 2) + 0.7 * np.exp(
        -0.5 * ((kernel + 0.09) / 0.06) ** 2
    )
    course = np.convolve(pulse, shape, 'full')[len(kernel) // 2 :][: len(time)]
    return technique.wrist_bob * np.tanh(course)
