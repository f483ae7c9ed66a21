"""What the studio films: a piece played by the musculoskeletal hand, or a session of a simulated data set."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.folder import MANIFEST, load_recording, read_manifest
from pianokpm_training.datasets.recording import Recording
from pianokpm_training.kinematic.pieces import Piece
from pianokpm_training.studio.rigs import StudioError
from scipy.interpolate import CubicSpline

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.records import NANOSECONDS
from pianokpm_ros.takes import SIDES, Performance

PARTS = ('pose_truth', 'keys', 'envelope')
NEEDED = 'an exact pose, keys and envelopes of both hands on one time axis'


def play_piece(piece: Piece, rate: float = 60.0, seed: int = 0) -> Performance:
    """Let a typical person with the MyoHand's bones and muscles play a piece; needs the simulation extra.

    Args:
        piece: what.
        rate: of the poses [Hz].
        seed: of electrodes, spikes and noise.
    """
    from pianokpm_training.simulation.electrodes import ElectrodeSession
    from pianokpm_training.simulation.people import Pianist
    from pianokpm_training.simulation.results import to_performance
    from pianokpm_training.simulation.take import simulate_take

    pianist = Pianist('typical', seed)
    sessions = {side: ElectrodeSession(pianist, int(side)) for side in SIDES}
    take = simulate_take(pianist, piece.notes, piece.duration, [seed], sessions)
    return to_performance(take, rate, piece.name, seed, f'{piece.description}.')


def read_session(folder: Path, rate: float | None = None) -> Performance:
    """Read both hands of a take of a simulated data set.

    Args:
        folder: of the recording of one of its hands; the other's is beside it.
        rate: of the poses [Hz]; None takes the stamps of the recording.
    """
    hands = {}
    for path in _find_session(Path(folder)):
        recording = load_recording(path, PARTS)
        hands[recording.info.side] = recording
    missing = [s.label for s in SIDES if s not in hands]
    if missing:
        raise StudioError(
            f'asked to film {folder}, whose {" and ".join(missing)} hand has no recording beside it; '
            'name a take in which both hands play'
        )
    return _join([hands[side] for side in SIDES], rate)


def _find_session(folder: Path) -> list[Path]:
    session = read_manifest(folder)['session']
    beside = (p.parent for p in sorted(folder.resolve().parent.glob(f'*/{MANIFEST}')))
    return [p for p in beside if read_manifest(p)['session'] == session]


def _join(hands: list[Recording], rate: float | None) -> Performance:
    for hand in hands:
        _check(hand, hands[0])
    stamp, envelope = _frames(hands[0], rate), hands[0].envelope
    keys, info = hands[0].keys, hands[0].info
    return Performance(
        stamp,
        np.stack([_landmarks_at(h, stamp) for h in hands], axis=1),
        keys.stamp,
        keys.key,
        keys.position,
        keys.velocity,
        envelope.stamp,
        np.stack([h.envelope.samples for h in hands]),
        info.session,
        _seed(info.provenance.get('seed', 0)),
        f'{info.description}. {info.provenance.get("label", "Simulated.")}',
    )


def _check(hand: Recording, first: Recording) -> None:
    if hand.pose_truth is None or hand.keys is None or hand.envelope is None:
        raise StudioError(f'{hand.info.name} lacks a part; the studio needs {NEEDED}')
    if not np.array_equal(hand.envelope.stamp, first.envelope.stamp):
        raise StudioError(f'{hand.info.name} has envelopes of its own time; needed: {NEEDED}')
    if hand.envelope.channel != MUSCLES:
        raise StudioError(f'{hand.info.name} has {hand.envelope.channel}; needed are {MUSCLES}')


def _frames(hand: Recording, rate: float | None) -> NDArray[np.int64]:
    stamp = hand.pose_truth.stamp
    if rate is None:
        return stamp - stamp[0]
    count = int(stamp[-1] * rate / NANOSECONDS) + 1
    return np.rint(np.arange(count) * (NANOSECONDS / rate)).astype(np.int64)


def _landmarks_at(hand: Recording, stamp: NDArray[np.int64]) -> NDArray[np.float32]:
    track = hand.pose_truth
    if np.array_equal(track.stamp, stamp):
        return track.landmarks
    course = CubicSpline(track.stamp * 1e-9, track.landmarks.astype(np.float64), axis=0)
    return course(stamp * 1e-9).astype(np.float32)


def _seed(seed) -> int:
    """Make one number of a take's seeds, for the sensor noise."""
    return int(np.random.SeedSequence(np.atleast_1d(seed).tolist()).generate_state(1)[0] % 2**20)
