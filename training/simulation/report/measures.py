"""What the report measures of a simulated hand: player, torques, muscles, EMG.

Letters: N notes, J joints, U muscles, M measured muscles (6), W samples of a window.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.simulation.dynamics import MUSCLE_RATE
from pianokpm_training.simulation.hand import build_hand
from pianokpm_training.simulation.motor_units import EMG_RATE, median_frequency
from pianokpm_training.simulation.people import Pianist
from pianokpm_training.simulation.plan import RATE, surface
from pianokpm_training.simulation.take import HandTake

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.keyboard.key_samples import DIP

FloatArray = NDArray[np.floating]

OWN_MUSCLE = {1: 'APB', 2: '1DI', 3: '3DI', 4: '4DI', 5: 'ADM'}
"""The measured muscle that spreads or flexes each finger, thumb 1."""

SATURATED = 0.99
BEFORE, AFTER = 0.5, 0.4
"""Window about key-down [s]."""

ALONE = 0.35
"""A stroke stands alone if its finger has struck nothing for this long before, nor strikes for so long after [s]."""

STRIKE = (-0.100, 0.200)
"""Where a note's peak activation is looked for about key-down [s]."""

ENVELOPE_RATE = EMG_RATE / 2


@dataclass(frozen=True, eq=False)
class HandMeasures:
    """Numbers of one hand of a take.

    Attributes:
        joints: J names.
        torque: (J,) root mean square that playing takes [N m].
        reserve: (J,) root mean square that the muscles don't give [N m].
        saturated: (U,) part of the samples at the maximum; `muscles` names them.
        muscles: U names.
        excitation: (2, M) median and 99th percentile.
        envelope: (2, M) likewise, in parts of MVC.
        strikes: (N, 3) finger, MIDI velocity, peak activation of its own muscle about key-down.
        windows: by finger: (K, W) activation, excitation and envelope of its own muscle about strokes
            that stand alone, (K, 3, W) at `MUSCLE_RATE`.
        frequency: (M,) median frequency of the raw EMG [Hz].
        widths: by muscle: full width at half height of bursts in the envelope [s].
        error: (N,) distance of the pad from where it should be on its key at key-down [m].
        sideways: (N,) distance across the keys from the key's centre line [m].
        sunk: how far any pad goes below the key bed [m].
        grazed: part of the time that resting fingertips are more than 1 mm inside keys.
        overrun: how far any joint leaves its limits [rad].
        joint_speed: largest of any hand joint [rad/s].
        speed: largest of any landmark [m/s].
        bend: largest change of a landmark's place against the straight course between its neighbours [m].
        force: (N,) largest force on each note's pad [N].
        left_out: notes asked for that this hand can't reach.
    """

    joints: tuple[str, ...]
    torque: FloatArray
    reserve: FloatArray
    muscles: tuple[str, ...]
    saturated: FloatArray
    excitation: FloatArray
    envelope: FloatArray
    strikes: FloatArray
    windows: dict[int, FloatArray]
    frequency: FloatArray
    widths: dict[str, FloatArray]
    error: FloatArray
    sideways: FloatArray
    sunk: float
    grazed: float
    overrun: float
    joint_speed: float
    speed: float
    bend: float
    force: FloatArray
    left_out: int


def measure_hand(hand: HandTake, pianist: Pianist, asked: int) -> HandMeasures:
    """Measure one hand; `asked` is the number of notes it was given."""
    model = build_hand(pianist.body)
    percentiles = (50, 99)
    return HandMeasures(
        hand.load.joints,
        _rms(hand.load.torque),
        _rms(hand.sharing.reserve),
        model.muscles,
        (hand.sharing.activation > SATURATED).mean(axis=0),
        np.percentile(hand.excitation, percentiles, axis=0),
        np.percentile(hand.emg.envelope, percentiles, axis=0),
        _strikes(hand),
        _windows(hand),
        np.array([median_frequency(c) for c in hand.emg.raw.T]),
        {m: burst_widths(c) for m, c in zip(MUSCLES, hand.emg.envelope.T, strict=True)},
        *_accuracy(hand),
        *_touch(hand),
        *_motion(hand, model.limits),
        np.array([_peak(hand.forces[:, n.finger - 1], n.onset, RATE) for n in hand.plan.notes]),
        asked - len(hand.plan.notes),
    )


def _rms(values: FloatArray) -> FloatArray:
    return np.sqrt((values**2).mean(axis=0))


def _own(note: Note) -> int:
    return MUSCLES.index(OWN_MUSCLE[note.finger])


def _peak(course: FloatArray, moment: float, rate: float) -> float:
    first, last = (int(round((moment + s) * rate)) for s in STRIKE)
    part = course[max(first, 0) : last + 1]
    return float(part.max()) if len(part) else np.nan


def _strikes(hand: HandTake) -> FloatArray:
    rows = [
        (n.finger, n.velocity, _peak(hand.activation[:, _own(n)], n.onset, MUSCLE_RATE))
        for n in hand.plan.notes
    ]
    return np.array(rows).reshape(-1, 3)


def _windows(hand: HandTake) -> dict[int, FloatArray]:
    """Cut out the strokes that stand alone."""
    offset = np.arange(-BEFORE, AFTER + 1e-9, 1 / MUSCLE_RATE)
    time = hand.load.time
    stamp = np.arange(len(hand.emg.envelope)) / ENVELOPE_RATE
    found: dict[int, list[FloatArray]] = {}
    for i, note in enumerate(hand.plan.notes):
        others = [abs(o.onset - note.onset) for j, o in enumerate(hand.plan.notes)
                  if o.finger == note.finger and j != i]  # fmt: skip
        inside = BEFORE <= note.onset <= time[-1] - AFTER
        if min(others, default=np.inf) < ALONE or not inside:
            continue
        at, own = note.onset + offset, _own(note)
        courses = [(time, hand.activation), (time, hand.excitation), (stamp, hand.emg.envelope)]
        found.setdefault(note.finger, []).append(
            np.stack([np.interp(at, t, c[:, own]) for t, c in courses])
        )
    return {finger: np.stack(rows) for finger, rows in found.items()}


def burst_widths(envelope: FloatArray, least: float = 0.03) -> FloatArray:
    """Full widths at half height of the bursts higher than `least` in a (N,) envelope at 1 kHz [s]."""
    from scipy.signal import find_peaks, peak_widths

    peaks, _ = find_peaks(envelope, prominence=least)
    return peak_widths(envelope, peaks, 0.5)[0] / ENVELOPE_RATE


def _accuracy(hand: HandTake) -> tuple[FloatArray, FloatArray]:
    from pianokpm_training.simulation.score import key_x

    error, sideways = [], []
    for note in hand.plan.notes:
        i = min(round(note.onset * RATE), len(hand.motion.pads) - 1)
        pad = hand.motion.pads[i, note.finger - 1]
        error.append(np.linalg.norm(pad - hand.plan.tips[i, note.finger - 1]))
        sideways.append(abs(pad[0] - key_x(note.key)))
    return np.array(error), np.array(sideways)


def _touch(hand: HandTake) -> tuple[float, float]:
    pads = hand.motion.pads
    sunk = max(0.0, float(-DIP - pads[..., 2].min()))
    resting = hand.plan.busy < 0.02
    above = (pads[..., 2] - surface(pads[..., :2]))[resting]
    return sunk, float((above < -0.001).mean()) if len(above) else 0.0


def _motion(hand: HandTake, limits: FloatArray) -> tuple[float, float, float, float]:
    angles, place = hand.motion.angles, hand.landmarks
    overrun = max(float((limits[:, 0] - angles).max()), float((angles - limits[:, 1]).max()), 0.0)
    joints = np.abs(np.diff(angles[:, 6:], axis=0)).max() * RATE
    speed = np.linalg.norm(np.diff(place, axis=0), axis=2).max() * RATE
    bend = place[1:-1] - 0.5 * (place[:-2] + place[2:])
    return overrun, float(joints), float(speed), float(np.linalg.norm(bend, axis=2).max())


def find_lead(course: FloatArray, part: float = 0.25) -> tuple[float, float]:
    """When a (W,) mean course about key-down begins to rise, and when it peaks [s]; negative = before key-down.

    It begins where it last stands below its quietest level before key-down and `part` of the rise to its
    highest within 0.15 s of key-down.
    """
    time = np.arange(len(course)) / MUSCLE_RATE - BEFORE
    peak = int(np.argmax(np.where(np.abs(time) <= 0.15, course, -np.inf)))
    base = course[:peak].min() if peak else course[0]
    below = np.flatnonzero(course[:peak] < base + part * (course[peak] - base))
    start = below[-1] + 1 if len(below) else peak
    return float(time[start]), float(time[peak])
