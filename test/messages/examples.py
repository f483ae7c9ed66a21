"""Random records of every kind, with NaN among the numbers."""

import numpy as np

from pianokpm_ros import records
from pianokpm_ros.anatomy import MUSCLES, Side, Status
from pianokpm_ros.records import (
    EmgBlock,
    EmgOrigin,
    HandLandmarks,
    HandPose,
    Inputs,
    KeyMotion,
    MuscleActivity,
    Normalization,
)


def numbers(rng, *shape):
    values = rng.normal(size=shape).astype(np.float32)
    return np.where(rng.random(shape) < 0.1, np.float32(np.nan), values)


def stamp(rng):
    return int(rng.integers(0, 2**60))


def make_landmarks(rng, n):
    return HandLandmarks(
        stamp(rng),
        'top',
        'top_optical_frame',
        (640, 480),
        int(rng.integers(0, 2**63)),
        rng.integers(0, 3, n).astype(np.uint8),
        numbers(rng, n),
        numbers(rng, n, 21, 2),
        numbers(rng, n, 21, 3),
        numbers(rng, n, 21),
        stamp(rng),
    )


def make_pose(rng, n):
    return HandPose(
        stamp(rng),
        'rig',
        n,
        Side(1 + n % 2),
        Status(n % 4),
        numbers(rng, 21, 3),
        numbers(rng, 21),
        numbers(rng, 21, 6),
        numbers(rng, 21),
        rng.integers(0, 5, 21).astype(np.uint8),
        stamp(rng),
    )


def make_keys(rng, n):
    return KeyMotion(
        stamp(rng),
        n,
        np.sort(rng.random(n)).astype(np.float32),
        rng.integers(21, 109, n).astype(np.uint8),
        numbers(rng, n),
        numbers(rng, n),
        rng.integers(0, 128, n).astype(np.uint8),
        (1.0, float('nan'), 0.0),
        'file:piece.mid',
        stamp(rng),
    )


def make_emg(rng, n):
    return EmgBlock(
        stamp(rng),
        n,
        EmgOrigin(1 + n % 3),
        2000.0,
        MUSCLES,
        np.ones(6, np.uint8),
        'V',
        'raw',
        'amp',
        numbers(rng, n, 6),
        stamp(rng),
    )


def make_activity(rng, n):
    return MuscleActivity(
        stamp(rng),
        'rig',
        n,
        Side.LEFT,
        Status.OK,
        Inputs.POSE | Inputs.MIDI,
        MUSCLES,
        numbers(rng, 6),
        numbers(rng, 6),
        float(np.float32(rng.random())),
        0.0,
        1000.0,
        stamp(rng),
        numbers(rng, n, 6),
        numbers(rng, n, 6),
        Normalization.MODEL,
        'small@0123',
        '',
        True,
        stamp(rng),
    )


MAKERS = {
    'HandLandmarks': make_landmarks,
    'HandPose': make_pose,
    'KeyMotion': make_keys,
    'EmgBlock': make_emg,
    'MuscleActivity': make_activity,
}


def make_record(kind, rng, size):
    return MAKERS[kind](rng, size)


def make_all(rng, size):
    made = [make(rng, size) for make in MAKERS.values()]
    assert all(isinstance(r, getattr(records, name)) for r, name in zip(made, MAKERS, strict=True))
    return made
