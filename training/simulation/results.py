"""Bring simulated takes into the formats of others: data-set recordings and the studio's `Performance`."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import (
    KeyTrack,
    NoteTrack,
    PoseTrack,
    Recording,
    RecordingInfo,
    SignalTrack,
)
from pianokpm_training.simulation.dynamics import MUSCLE_RATE
from pianokpm_training.simulation.motor_units import EMG_RATE
from pianokpm_training.simulation.seen_anew import see_exact
from pianokpm_training.simulation.sight import SightModel
from pianokpm_training.simulation.take import HandTake, SimulatedTake
from scipy.interpolate import CubicSpline

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.takes import Performance

FloatArray = NDArray[np.floating]
Stamps = NDArray[np.int64]

PARTS = ('mujoco', 'myo-sim', 'mink', 'daqp', 'numpy', 'scipy')
LABEL = 'Simulated on the MyoHand model: plausible, never the truth of a person.'


def frame_stamps(duration: float, rate: float) -> Stamps:
    """Stamps of frames at a rate over [0, duration] [ns]."""
    return np.rint(np.arange(int(duration * rate) + 1) * (1e9 / rate)).astype(np.int64)


def landmarks_at(hand: HandTake, stamp: Stamps) -> FloatArray:
    """Exact landmarks at stamps, (T, 21, 3) [m]: cubic between the samples of the simulation."""
    return CubicSpline(hand.plan.time, hand.landmarks, axis=0)(stamp * 1e-9)


def provenance(seed: Any, **more: Any) -> dict[str, Any]:
    """Say how something was simulated."""
    return {
        'made_by': 'pianokpm simulate',
        'label': LABEL,
        'versions': {name: version(name) for name in ('pianokpm', *PARTS)},
        'seed': seed,
        **more,
    }


def to_performance(
    take: SimulatedTake, rate: float, name: str, seed: int, description: str
) -> Performance:
    """Make what the studio films: exact landmarks of both hands, keys, envelopes."""
    stamp = frame_stamps(take.duration, rate)
    hands = [take.hands[s] for s in (Side.LEFT, Side.RIGHT)]
    envelopes = [_need_emg(h).envelope for h in hands]
    return Performance(
        stamp,
        np.stack([landmarks_at(h, stamp) for h in hands], axis=1),
        *(take.keys[n] for n in ('stamp', 'key', 'position', 'velocity')),
        np.arange(len(envelopes[0]), dtype=np.int64) * 1_000_000,
        np.stack(envelopes),
        name,
        seed,
        f'{description} {LABEL}',
    )


def _need_emg(hand: HandTake):
    if hand.emg is None:
        raise ValueError('the take was simulated without electrodes; pass sessions')
    return hand.emg


def to_recordings(
    take: SimulatedTake,
    rate: float,
    sight: SightModel,
    info: Mapping[str, Any],
) -> list[Recording]:
    """Make a data-set recording of each hand that plays.

    Args:
        take: simulated with electrodes.
        rate: of the poses [Hz].
        sight: errors of the vision front end.
        info: `subject`, `task`, `trial`, `description`, `provenance`; its seed also decides those errors.
    """
    stamp = frame_stamps(take.duration, rate)
    keys, notes = _key_track(take), _note_track(take)
    return [
        _recording(hand, stamp, sight, info, keys, notes)
        for hand in take.hands.values()
        if hand.plan.notes
    ]


def _recording(
    hand: HandTake,
    stamp: Stamps,
    sight: SightModel,
    info: Mapping[str, Any],
    keys: KeyTrack,
    notes: NoteTrack,
) -> Recording:
    emg, side = _need_emg(hand), hand.side.label
    landmarks = landmarks_at(hand, stamp).astype(np.float32)
    exact = PoseTrack(stamp, landmarks, np.zeros(landmarks.shape[:2], np.float32), 'rig', 'exact')
    session = f'{info["subject"]}_{info["task"]}_{info["trial"]}'
    return Recording(
        RecordingInfo(
            name=f'{session}_{side}',
            subject=info['subject'],
            task=info['task'],
            trial=info['trial'],
            side=hand.side,
            session=session,
            simulated=True,
            normalization='MVC',
            description=info['description'],
            provenance=info['provenance'],
        ),
        pose=see_exact(exact, sight, info['provenance']['seed'], hand.side),
        pose_truth=exact,
        keys=keys,
        notes=notes,
        emg=_signal(emg.raw, EMG_RATE, 'V', 'raw, simulated'),
        envelope=_signal(emg.envelope, EMG_RATE / 2, 'mvc', emg.processing),
        excitation=_signal(
            hand.excitation, MUSCLE_RATE, '1', 'simulated excitation, ahead of force'
        ),
    )


def _signal(samples: FloatArray, rate: float, unit: str, processing: str) -> SignalTrack:
    stamp = np.rint(np.arange(len(samples)) * (1e9 / rate)).astype(np.int64)
    return SignalTrack(stamp, samples.astype(np.float32), MUSCLES, unit, processing)


def _key_track(take: SimulatedTake) -> KeyTrack:
    return KeyTrack(*(take.keys[n] for n in ('stamp', 'key', 'position', 'velocity')), 'simulated')


def _note_track(take: SimulatedTake) -> NoteTrack:
    notes = sorted(take.notes, key=lambda n: n.onset)
    times = ([round(getattr(n, name) * 1e9) for n in notes] for name in ('onset', 'end'))
    rows = (
        [int(getattr(n, name)) for n in notes] for name in ('key', 'velocity', 'side', 'finger')
    )
    return NoteTrack(
        *(np.array(t, np.int64) for t in times),
        *(np.array(r, np.uint8) for r in rows),
        'simulated',
    )
