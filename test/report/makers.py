"""Make bags of a little piece, played as told: known notes, known bursts of each muscle."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pianokpm_ros.anatomy import MUSCLES, Side, Status
from pianokpm_ros.recording.writer import BagWriter
from pianokpm_ros.records import Inputs, KeyMotion, MuscleActivity, Normalization

ORIGIN = 1_700_000_000_000_000_000
FRAME = 20_000_000
BLOCK = 20
"""Envelope samples of an estimate at 50 Hz and 1 kHz."""

PIECE = ((60,), (62,), (64,), (65,), (60, 64, 67), (67,), (69,), (65,), (62,), (60, 64)) * 2


@dataclass(frozen=True)
class Playing:
    """How the piece is played.

    Attributes:
        onsets: of each chord [s].
        chords: keys of each.
        bursts: (muscle, from [s], to [s], added activity).
        deviation: 1 sigma of every estimate.
        lost: (from, to) when the hand is not known [s].
        duration: [s].
    """

    onsets: Sequence[float] = tuple(1 + 0.5 * i for i in range(len(PIECE)))
    chords: Sequence[tuple[int, ...]] = PIECE
    bursts: Sequence[tuple[str, float, float, float]] = ()
    deviation: float = 0.02
    lost: Sequence[tuple[float, float]] = ()
    duration: float = field(default=12.0)


def envelope_at(playing: Playing, times: np.ndarray, side: Side) -> np.ndarray:
    """Return (N, 6): every muscle works a little around each onset, its own amount."""
    amounts = np.array([0.10, 0.14, 0.20, 0.16, 0.12, 0.08]) * (1 if side == Side.RIGHT else 0.6)
    rhythm = sum(np.exp(-0.5 * ((times - t) / 0.08) ** 2) for t in playing.onsets)
    values = 0.03 + amounts * rhythm[:, None]
    for muscle, start, end, more in playing.bursts:
        inside = (times >= start) & (times <= end)
        values[:, MUSCLES.index(muscle)] += more * inside
    return values


def write_bag(path: Path, playing: Playing, namespace: str = '') -> Path:
    """Write a bag as the recorder would."""
    with BagWriter(path) as bag:
        for number in range(int(playing.duration * 50)):
            now = (number + 1) * FRAME
            bag.write_record(f'{namespace}/keys', make_keys(playing, number), ORIGIN + now)
            for side in (Side.LEFT, Side.RIGHT):
                record = make_estimate(playing, number, side)
                topic = f'{namespace}/muscle_activity/{side.label}'
                bag.write_record(topic, record, ORIGIN + now)
    return path


def make_keys(playing: Playing, number: int) -> KeyMotion:
    """Return what the keys do in one frame: each is down for 0.3 s."""
    start, end = number * FRAME * 1e-9, (number + 1) * FRAME * 1e-9
    events = [
        (onset + shift, key, position)
        for onset, chord in zip(playing.onsets, playing.chords, strict=True)
        for key in chord
        for shift, position in ((0.0, 1.0), (0.3, 0.0))
        if start <= onset + shift < end
    ]
    events.sort()
    times, keys, positions = zip(*events, strict=True) if events else ((), (), ())
    return KeyMotion(
        ORIGIN + number * FRAME,
        number,
        np.array(times, np.float32) - np.float32(start),
        np.array(keys, np.uint8),
        np.array(positions, np.float32),
        np.full(len(keys), np.nan, np.float32),
        np.zeros(len(keys), np.uint8),
        source='test',
    )


def make_estimate(playing: Playing, number: int, side: Side) -> MuscleActivity:
    """Return the estimate of one frame."""
    stamp = ORIGIN + number * FRAME
    times = number * FRAME * 1e-9 + np.arange(BLOCK) * 1e-3
    known = not any(a <= times[0] < b for a, b in playing.lost)
    values = envelope_at(playing, times, side).astype(np.float32)
    values = values if known else np.full_like(values, np.nan)
    deviation = np.full_like(values, playing.deviation if known else np.nan)
    return MuscleActivity(
        stamp,
        'rig',
        number,
        side,
        Status.OK if known else Status.INVALID,
        Inputs.POSE | Inputs.MIDI,
        MUSCLES,
        values[-1],
        deviation[-1],
        0.9 if known else 0.0,
        0.0,
        1000.0,
        stamp,
        values,
        deviation,
        Normalization.MODEL,
        'test@0123',
    )
