"""The studio films both hands of a recorded take, and pieces that the musculoskeletal hand plays."""

import numpy as np
import pytest

pytest.importorskip('numba', reason='needs requirements/training.txt')

from pianokpm_training.datasets.folder import save_recording
from pianokpm_training.datasets.recording import (
    KeyTrack,
    PoseTrack,
    Recording,
    RecordingInfo,
    SignalTrack,
)
from pianokpm_training.kinematic.pieces import Piece, fuer_elise
from pianokpm_training.studio.rigs import StudioError, cut
from pianokpm_training.studio.sources import play_piece, read_session

from pianokpm_ros.anatomy import MUSCLES, Side

STAMP = np.arange(61, dtype=np.int64) * 50_000_000
"""Three seconds at 20 Hz."""


def make_recording(side, session='s01_scales_0', envelope_step=1_000_000):
    """Make a hand that moves evenly to the right, and a key that goes down at 1 s and up at 2 s."""
    landmarks = np.zeros((61, 21, 3), np.float32)
    landmarks[..., 0] = 0.1 * int(side) + 0.05 * (STAMP * 1e-9)[:, None]
    keys = KeyTrack(
        np.array([1_000_000_000, 1_050_000_000, 2_000_000_000, 2_050_000_000]),
        np.full(4, 60, np.uint8),
        np.array([0, 1, 1, 0], np.float32),
        np.zeros(4, np.float32),
    )
    stamp = np.arange(3001, dtype=np.int64) * envelope_step
    envelope = SignalTrack(
        stamp, np.full((3001, 6), 0.1 * int(side), np.float32), MUSCLES, 'mvc', 'x'
    )
    provenance = {'label': 'Simulated for a test.', 'seed': [1, 2, 3]}
    info = RecordingInfo(
        f'{session}_{side.label}',
        's01',
        'scales',
        0,
        side,
        session,
        True,
        'MVC',
        'a scale',
        provenance,
    )
    pose = PoseTrack(STAMP, landmarks, np.zeros((61, 21), np.float32))
    return Recording(info, pose_truth=pose, keys=keys, envelope=envelope)


@pytest.fixture
def folder(tmp_path):
    """Save a take of both hands, and a hand of another take beside it."""
    for side in (Side.RIGHT, Side.LEFT):
        save_recording(make_recording(side), tmp_path / f's01_scales_0_{side.label}')
    save_recording(make_recording(Side.LEFT, 's01_scales_1'), tmp_path / 's01_scales_1_left')
    return tmp_path


@pytest.mark.parametrize('side', ['left', 'right'])
def test_both_hands_of_a_take_are_read_whichever_is_named(folder, side):
    found = read_session(folder / f's01_scales_0_{side}')
    assert found.landmarks.shape == (61, 2, 21, 3) and found.name == 's01_scales_0'
    np.testing.assert_allclose(found.landmarks[0, :, 0, 0], [0.1, 0.2])
    np.testing.assert_allclose(found.envelope[:, 0, 0], [0.1, 0.2])
    assert found.key.tolist() == [60] * 4 and 'Simulated' in found.description


def test_frames_come_at_any_rate(folder):
    found = read_session(folder / 's01_scales_0_left', 30.0)
    assert len(found.stamp) == 91 and found.rate == pytest.approx(30.0)
    place = 0.1 + 0.05 * found.stamp * 1e-9
    np.testing.assert_allclose(found.landmarks[:, 0, 5, 0], place, atol=1e-6)


def test_a_hand_alone_is_refused(folder):
    with pytest.raises(StudioError, match='right hand has no recording'):
        read_session(folder / 's01_scales_1_left')


def test_hands_on_different_clocks_are_refused(folder):
    other = make_recording(Side.RIGHT, 's01_scales_1', envelope_step=900_000)
    save_recording(other, folder / 's01_scales_1_right')
    with pytest.raises(StudioError, match='time of its own|own time'):
        read_session(folder / 's01_scales_1_left')


def test_a_part_begins_with_the_keys_that_are_down(folder):
    part = cut(read_session(folder / 's01_scales_0_left'), 0.5, 1.5)
    assert part.stamp[0] == 0 and len(part.stamp) == 10
    assert part.key_stamp.tolist() == [0] and part.key_position.tolist() == [1.0]
    assert part.envelope.shape[1] == 500
    late = cut(read_session(folder / 's01_scales_0_left'), 0.5, 2.3)
    assert not len(late.key), 'the key is up again'


def test_the_musculoskeletal_hand_plays_a_piece():
    for name in ('mujoco', 'myo_sim', 'mink', 'daqp'):
        pytest.importorskip(name, reason='needs requirements/simulation.txt')
    notes = tuple(n for n in fuer_elise().notes if n.end < 2.6)
    found = play_piece(Piece('part', 'The first notes', notes, 3.0), 30.0, seed=4)
    assert len(found.stamp) == 91 and np.isfinite(found.landmarks).all()
    assert set(found.key.tolist()) == {n.key for n in notes}
    assert 0.02 < found.envelope.max() < 1.5 and 'never the truth' in found.description
