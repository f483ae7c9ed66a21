"""Keys follow fingertips: position and velocity at 1 kHz, and the force on the fingers.

Letters: T motion samples, F fingers, K key samples.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.simulation.kinematics import Motion
from pianokpm_training.simulation.people import Technique
from pianokpm_training.simulation.plan import RATE, Plan
from pianokpm_training.simulation.strokes import Stroke, ease, key_speed
from scipy.interpolate import CubicSpline

from pianokpm_ros.keyboard.key_samples import DIP
from pianokpm_ros.keyboard.layout import BLACK_HEIGHT, is_black

FloatArray = NDArray[np.floating]

KEY_RATE = 1000
MOVING = 2e-4
"""A key counts as moving when its position changes by more in a millisecond."""

TOUCH_WEIGHT = 0.5
"""Force that moves a key slowly [N]: 50 g, as piano makers set it."""

KEY_MASS = 0.15
"""What a finger feels of key, action and hammer [kg]; a choice: a hammer of 10 g on a lever of 5.5 alone is 0.3."""

IMPACT, IMPACT_TIME = 9.0, 0.030
"""Force at the key bed per speed of the key [N s/m], and how fast it fades [s]."""

Press = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Milliseconds and key positions."""


def press_keys(plan: Plan, motion: Motion) -> dict[int, Press]:
    """Follow the pads while each note's finger is on its key; MIDI number to positions at whole milliseconds."""
    pressed: dict[int, list[Press]] = {}
    course = CubicSpline(motion.time, motion.pads[..., 2], axis=0)
    last = int(motion.time[-1] * KEY_RATE)
    for note, stroke in zip(plan.notes, plan.strokes, strict=True):
        first = max(int(np.ceil(stroke.start * KEY_RATE)), 0)
        ms = np.arange(first, min(int(stroke.free * KEY_RATE) + 1, last))
        if not len(ms):
            continue
        height = course(ms / KEY_RATE)[:, note.finger - 1]
        height -= BLACK_HEIGHT if is_black(note.key) else 0.0
        position = _let_go(ms / KEY_RATE, np.clip(-height / DIP, 0.0, 1.0), stroke)
        pressed.setdefault(note.key, []).append((ms, position))
    return {key: _join(parts) for key, parts in pressed.items()}


def _let_go(time: FloatArray, position: FloatArray, stroke: Stroke) -> FloatArray:
    """Let a key only rise once its finger leaves: a pad that slips off beside it, lower, doesn't press it again."""
    leaving = time >= stroke.release
    position = position.copy()
    position[leaving] = np.minimum.accumulate(position[leaving])
    last = 0.3 * (stroke.free - stroke.release)
    return position * (1 - ease((time - stroke.free + last) / last))


def _join(parts: Sequence[Press]) -> Press:
    """Join presses of one key; where two fingers overlap the deeper one counts."""
    first, last = min(p[0][0] for p in parts), max(p[0][-1] for p in parts)
    position = np.zeros(last - first + 1)
    for ms, own in parts:
        index = ms - first
        position[index] = np.maximum(position[index], own)
    return np.arange(first, last + 1), position


def sample_keys(presses: Sequence[dict[int, Press]]) -> dict[str, NDArray]:
    """Merge the presses of all hands to samples of moving keys.

    Returns:
        `stamp` (K,) int64 [ns], `key` uint8, `position` float32 and `velocity` float32 [1/s], by time.
    """
    merged: dict[int, list[Press]] = {}
    for hand in presses:
        for key, press in hand.items():
            merged.setdefault(key, []).append(press)
    rows = []
    for key, parts in merged.items():
        ms, position = _join(parts)
        velocity = np.gradient(position) * KEY_RATE if len(ms) > 1 else np.zeros(1)
        moving = np.abs(np.diff(position, prepend=position[0])) > MOVING
        # One still sample on either side of each motion says where it begins and ends.
        moving = moving | np.roll(moving, -1) | np.roll(moving, 1)
        moving[[0, -1]] |= position[[0, -1]] > 0
        position[-1] = 0.0 if position[-1] < 0.02 else position[-1]
        chosen = np.flatnonzero(moving)
        rows.append((ms[chosen], np.full(len(chosen), key), position[chosen], velocity[chosen]))
    columns = [np.concatenate(c) for c in zip(*rows, strict=True)] if rows else [np.zeros(0)] * 4
    order = np.lexsort((columns[1], columns[0]))
    stamp, key, position, velocity = (c[order] for c in columns)
    return {
        'stamp': stamp.astype(np.int64) * (1_000_000_000 // KEY_RATE),
        'key': key.astype(np.uint8),
        'position': position.astype(np.float32),
        'velocity': velocity.astype(np.float32),
    }


def finger_forces(plan: Plan, motion: Motion, technique: Technique) -> FloatArray:
    """Upward force of the keys on each pad, (T, F) [N]: touch weight, inertia, impact at the bed, holding."""
    forces = np.zeros(motion.pads.shape[:2])
    downward = -np.gradient(np.gradient(motion.pads[..., 2], axis=0), axis=0) * RATE**2
    for note, stroke in zip(plan.notes, plan.strokes, strict=True):
        first = max(int(stroke.start * RATE), 0)
        span = slice(first, min(int(np.ceil(stroke.free * RATE)) + 1, len(forces)))
        force = _note_force(
            motion.time[span],
            motion.pads[span, note.finger - 1, 2],
            downward[span, note.finger - 1],
            note,
            stroke.bottom,
            technique,
        )
        forces[span, note.finger - 1] = np.maximum(forces[span, note.finger - 1], force)
    return forces


def _note_force(
    time: FloatArray,
    height: FloatArray,
    downward: FloatArray,
    note: Note,
    bottom: float,
    technique: Technique,
) -> FloatArray:
    base = BLACK_HEIGHT if is_black(note.key) else 0.0
    position = np.clip((base - height) / DIP, 0.0, 1.0)
    touching = np.clip(position / 0.1, 0.0, 1.0)
    travelling = TOUCH_WEIGHT + KEY_MASS * np.maximum(downward, 0.0) * (time < bottom)
    at_bed = np.clip((position - 0.85) / 0.1, 0.0, 1.0)
    since = np.maximum(time - bottom + 0.005, 0.0)
    # A smooth pulse that peaks `IMPACT_TIME` after the key meets its bed.
    pulse = (since / IMPACT_TIME) * np.exp(1 - since / IMPACT_TIME)
    strength = IMPACT * key_speed(note.velocity) * (time >= bottom - 0.005)
    holding = technique.holding * (0.6 + 0.8 * note.velocity / 127)
    return touching * travelling + at_bed * (strength * pulse + holding)
