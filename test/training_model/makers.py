"""Small data sets of kinematic hands: quick to make, and they need no simulator of muscles."""

from dataclasses import replace

import numpy as np
from pianokpm_training.datasets.collection import index_data
from pianokpm_training.datasets.folder import save_recording
from pianokpm_training.datasets.recording import (
    KeyTrack,
    NoteTrack,
    PoseTrack,
    Recording,
    RecordingInfo,
    SignalTrack,
)
from pianokpm_training.kinematic.performance import perform
from pianokpm_training.kinematic.pieces import random_exercise
from pianokpm_training.simulation.sight import load_sight, see

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.keyboard.key_samples import list_strokes
from pianokpm_ros.takes import SIDES

TASKS = ('scales', 'chords')


def make_recording(subject, task, side, seconds=8.0, seed=0):
    """One hand of a take at 60 poses a second."""
    rng = np.random.default_rng([seed, int(subject[1:]), TASKS.index(task)])
    took = perform(random_exercise(rng, seconds), rate=60.0, seed=int(rng.integers(2**31)))
    exact = took.landmarks[:, SIDES.index(side)].astype(np.float64)
    sight = load_sight()
    seen = see(exact, 60.0, sight, rng).astype(np.float32)
    deviation = np.broadcast_to(sight.deviation, seen.shape[:2]).astype(np.float32)
    deviation = np.where(np.isnan(seen[..., 0]), np.float32(np.nan), deviation)
    stamp, none = took.stamp.astype(np.int64), np.zeros_like(deviation)
    session = f'{subject}_{task}_0'
    info = RecordingInfo(
        f'{session}_{side.label}', subject, task, 0, side, session, True, 'MODEL', 'a test'
    )
    return Recording(
        info,
        pose=PoseTrack(stamp, seen, deviation, 'rig', 'simulated sight'),
        pose_truth=PoseTrack(stamp, exact.astype(np.float32), none, 'rig', 'exact'),
        keys=KeyTrack(
            took.key_stamp.astype(np.int64),
            took.key.astype(np.uint8),
            took.key_position.astype(np.float32),
            took.key_velocity.astype(np.float32),
            'simulated',
        ),
        notes=make_notes(took.sensor_keys(), side),
        envelope=SignalTrack(
            took.envelope_stamp.astype(np.int64),
            took.envelope[SIDES.index(side)].astype(np.float32),
            MUSCLES,
            'mvc',
            'simulated',
        ),
    )


def make_notes(samples, side):
    """Notes of both hands, all told to be of one."""
    downs = [s for s in list_strokes(samples) if s[2]]
    rows = np.array([(s[0], s[1], s[3]) for s in downs], np.int64).reshape(-1, 3)
    stamp, key, velocity = rows.T
    return NoteTrack(
        stamp,
        stamp + 100_000_000,
        key.astype(np.uint8),
        velocity.astype(np.uint8),
        np.full(len(stamp), int(side), np.uint8),
        np.zeros(len(stamp), np.uint8),
        'simulated',
    )


def make_data(folder, subjects=3, seconds=8.0, seed=0):
    """Some persons play two tasks; the last person and nobody else is tested on."""
    roles = {'train': [], 'validation': [], 'test_users': []}
    for number in range(subjects):
        for task in TASKS:
            for side in (Side.LEFT, Side.RIGHT):
                made = make_recording(f's{number + 1:02d}', task, side, seconds, seed)
                save_recording(made, folder / made.info.subject / made.info.name)
                last = number == subjects - 1
                role = 'test_users' if last else 'validation' if task == TASKS[1] else 'train'
                roles[role].append(made.info.name)
    splits = {'held_out': roles, 'within': {'train': roles['train'], 'test': roles['test_users']}}
    return index_data(folder, splits, f'{subjects} virtual persons', {})


def without(recording, *parts):
    """A recording that lacks some parts."""
    return replace(recording, **dict.fromkeys(parts))
