"""A simulated data set whose exact hands are seen anew, as the front end of this version does."""

from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.datasets.collection import index_data, open_data
from pianokpm_training.datasets.folder import save_recording
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.simulation.sight import load_sight

from pianokpm_ros.anatomy import Side
from pianokpm_ros.cli import main

from .makers import make_recording


@pytest.fixture
def folder(tmp_path):
    for seed, side in enumerate((Side.LEFT, Side.RIGHT)):
        made = make_recording('s01', 'scales', side, seconds=2.0)
        info = replace(made.info, provenance={'seed': [5, seed]})
        save_recording(replace(made, info=info), tmp_path / 'set' / info.name)
    index_data(tmp_path / 'set', {}, 'a test', {})
    return tmp_path / 'set'


def load_all(folder):
    data = open_data(folder)
    return [data.load(e) for e in data.entries.values()]


def test_only_poses_change_and_the_second_time_they_stay(folder):
    before = load_all(folder)
    assert main(['dataset', 'see', str(folder)]) == 0
    after = load_all(folder)
    assert main(['dataset', 'see', str(folder)]) == 0
    for old, new, again in zip(before, after, load_all(folder), strict=True):
        assert load_sight().source in new.pose.source
        assert np.nanmax(np.abs(new.pose.landmarks - old.pose.landmarks)) > 1e-4
        np.testing.assert_array_equal(new.pose.landmarks, again.pose.landmarks)
        error = np.linalg.norm(new.pose.landmarks - new.pose_truth.landmarks, axis=2)
        assert 0.002 < np.nanmedian(error) < 0.02
        np.testing.assert_array_equal(new.envelope.samples, old.envelope.samples)
        np.testing.assert_array_equal(new.keys.position, old.keys.position)
        assert new.info == old.info


def test_hands_of_persons_are_refused_and_left(folder, capsys):
    real = make_recording('s02', 'scales', Side.LEFT, seconds=2.0)
    real = replace(real, info=replace(real.info, simulated=False), pose_truth=None)
    save_recording(real, folder / 'real')
    index_data(folder, {}, 'a test', {})
    before = [r.pose.landmarks for r in load_all(folder)]
    assert main(['dataset', 'see', str(folder)]) != 0
    assert 'not simulated' in capsys.readouterr().err
    for old, new in zip(before, load_all(folder), strict=True):
        np.testing.assert_array_equal(old, new.pose.landmarks)


def test_without_the_seed_it_is_said():
    from pianokpm_training.simulation.seen_anew import see_anew

    with pytest.raises(DataError, match='seed'):
        see_anew(make_recording('s01', 'scales', Side.LEFT, seconds=2.0), load_sight())
