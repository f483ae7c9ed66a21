"""What playing hands have in common, measured on a simulated data set."""

from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.datasets.collection import index_data, open_data
from pianokpm_training.datasets.folder import save_recording
from pianokpm_training.simulation.posture import (
    ALONG,
    HEIGHT,
    SIZE,
    describe_hands,
    lowest_height,
    vary_hands,
)

from pianokpm_ros.anatomy import Side
from pianokpm_ros.cli import main
from pianokpm_ros.geometry.playing_hand import load_playing_hands

from .makers import make_recording


@pytest.fixture
def folder(tmp_path):
    for side in (Side.LEFT, Side.RIGHT):
        made = make_recording('s01', 'scales', side, seconds=2.0)
        save_recording(made, tmp_path / 'set' / made.info.name)
    index_data(tmp_path / 'set', {}, 'a test', {})
    return tmp_path / 'set'


def test_left_and_right_hands_are_told_as_right_ones(folder):
    hands = describe_hands(open_data(folder), lambda done, total: None)
    thumb, little = hands.mean[4], hands.mean[20]
    assert thumb[0] < little[0]
    assert '2 recordings of 1 simulated people' in hands.source
    spread = hands.covariance.reshape(21, 3, 21, 3)
    np.testing.assert_allclose(spread, spread.transpose(2, 3, 0, 1), atol=1e-9)
    assert np.linalg.eigvalsh(hands.covariance).min() > 0
    # Where along the keys a hand is, nobody knows; that all of it goes there together is known.
    assert (spread[:, 0, :, 0] > 0.9 * ALONG**2).all()


def test_hands_of_more_people_are_drawn_from_those_of_some():
    random = np.random.default_rng(0)
    one = load_playing_hands().mean[None]
    varied = vary_hands(one, random)
    sizes = np.linalg.norm(varied[:, 9] - varied[:, 0], axis=1)
    assert np.log(sizes).std() == pytest.approx(SIZE, rel=0.05)
    np.testing.assert_allclose(lowest_height(varied), lowest_height(one)[0], atol=1e-9)


def test_the_file_holds_what_was_measured_and_replaces_the_one_before(folder, tmp_path, capsys):
    out = tmp_path / 'new' / 'playing.npz'
    for _ in range(2):
        assert main(['studio', 'posture', str(folder), str(out)]) == 0
    assert 'simulated people' in capsys.readouterr().out
    with np.load(out, allow_pickle=False) as file:
        hands = describe_hands(open_data(folder), lambda done, total: None)
        np.testing.assert_allclose(file['mean'], hands.mean, atol=1e-6)
        np.testing.assert_allclose(file['covariance'], hands.covariance, atol=1e-6)
    assert [p.name for p in out.parent.iterdir()] == ['playing.npz']


def test_hands_that_nobody_knows_exactly_are_refused(folder, tmp_path, capsys):
    real = make_recording('s02', 'scales', Side.LEFT, seconds=2.0)
    save_recording(replace(real, pose_truth=None), folder / 'real')
    index_data(folder, {}, 'a test', {})
    assert main(['studio', 'posture', str(folder), str(tmp_path / 'playing.npz')]) != 0
    assert 'nobody knows the exact hand of' in capsys.readouterr().err
    assert not list(tmp_path.glob('*.npz'))


def test_what_ships_says_what_it_was_made_from_and_lets_hands_be_lifted():
    hands = load_playing_hands()
    assert 'simulated people' in hands.source
    heights = hands.covariance.reshape(21, 3, 21, 3)[8, 2, 8, 2]
    assert HEIGHT**2 < heights < (2 * HEIGHT) ** 2
