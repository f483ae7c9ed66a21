"""`pianokpm estimate` on a take: the offline way to what the live graph does, compared with the simulation."""

import json

import numpy as np
import pytest

from pianokpm_ros.cli import main
from pianokpm_ros.offline.inputs import ORIGIN
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.records import HandPose, KeyMotion
from pianokpm_ros.takes import load_take


@pytest.fixture(scope='module')
def result(short_take, tmp_path_factory):
    out = tmp_path_factory.mktemp('offline') / 'r'
    words = ['estimate', str(short_take), '--out', str(out), '--hand-model', 'lite']
    assert main([*words, '--skip', 'overlay', '--skip', 'csv']) == 0
    return out


def test_landmarks_are_compared_with_the_takes_truth(result, short_take):
    truth = load_take(short_take).performance
    summary = json.loads((result / 'summary.json').read_text())
    for column, side in enumerate(('left', 'right')):
        distances, count = [], 0
        for _, pose, _ in read_bag(result / 'bag', {f'/hands/{side}'}):
            # Frame i of a take shows stamp i of its truth.
            index = int(np.argmin(np.abs(truth.stamp - (pose.stamp - ORIGIN))))
            known = truth.landmarks[index, column]
            count += bool(np.isfinite(known).any())
            if pose.status >= 2:
                distances.append(np.linalg.norm(pose.landmarks - known, axis=1))
        found = summary['landmark_error_against_simulation'][side]
        # Bins of 0.1 mm; videos round stamps to a microsecond.
        assert found['median_mm'] == pytest.approx(1e3 * np.nanmedian(distances), abs=0.15)
        assert (found['moments_present'], found['moments_compared']) == (count, len(distances))


def test_keys_of_the_take_are_used_and_labelled_as_sensors(result):
    summary = json.loads((result / 'summary.json').read_text())
    assert summary['source'] == 'simulated take' and summary['keys'].startswith('sensor:')
    motions = [r for _, r, _ in read_bag(result / 'bag', {'/keys'}) if isinstance(r, KeyMotion)]
    assert len(motions) == pytest.approx(150, abs=3)
    assert set(summary['estimate_against_simulation']) == {'left', 'right'}


def test_every_moment_has_a_pose_of_both_hands(result, short_take):
    frames = len(load_take(short_take).performance.stamp)
    poses = [r for _, r, _ in read_bag(result / 'bag') if isinstance(r, HandPose)]
    assert len(poses) == 2 * frames


def test_options_that_a_take_answers_itself_are_refused(short_take, tmp_path, capsys):
    words = ['estimate', str(short_take), '--out', str(tmp_path / 'r')]
    assert main([*words, '--rig', str(short_take / 'rig.yaml')]) == 1
    assert 'a take has its own calibration' in capsys.readouterr().err
    assert main([*words, '--keys', str(short_take / 'keys.mid'), '--no-keys']) == 1
    assert 'contradict' in capsys.readouterr().err


def test_one_camera_that_knows_the_keys_places_hands_to_25_millimetres(short_take, tmp_path):
    out = tmp_path / 'r'
    words = ['estimate', str(short_take), '--views', 'front', '--out', str(out), '--poses-only']
    skip = [w for name in ('overlay', 'mosaic', 'plot', 'csv') for w in ('--skip', name)]
    assert main([*words, *skip]) == 0
    summary = json.loads((out / 'summary.json').read_text())
    assert list(summary['videos']) == ['front']
    for error in summary['landmark_error_against_simulation'].values():
        # By the size of the mean hand alone this camera is off by 28 mm, those at the sides by twice that.
        assert error['moments_compared'] and error['median_mm'] < 25
    assert (
        main(['estimate', str(short_take), '--views', 'moon', '--out', str(tmp_path / 's')]) == 1
    )
