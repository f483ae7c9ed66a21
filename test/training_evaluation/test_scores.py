from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.evaluation.outside import OUTSIDE, bend
from pianokpm_training.evaluation.report import make_tables
from pianokpm_training.evaluation.scores import score_estimate, summarise
from pianokpm_training.evaluation.takes import Estimate, Take

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.muscle.features import bend_angles, shape_hand

from ..training_model.makers import make_recording


@pytest.fixture(scope='module')
def take():
    return Take(make_recording('s01', 'scales', Side.LEFT, 8.0))


def test_the_truth_scores_best(take):
    values = score_estimate(take, Estimate(take.truth, np.full(take.truth.shape, 0.01))).values
    np.testing.assert_allclose(values['r'], 1.0)
    assert values['pooled_rmse'] == 0 and values['said'] == 1 and (values['lag'] == 0).all()
    assert abs(values['otd']) < 1e-6 and np.nanmin(values['f1']) == 1.0
    assert (values['in_50'] == 1).all()


def test_what_is_late_shows_as_late(take):
    late = np.roll(take.truth, 40, axis=0)
    values = score_estimate(take, Estimate(late)).values
    assert values['lag'] == pytest.approx(np.full(6, 0.04), abs=0.011)
    assert (values['r'] < values['r_max']).all() and 'in_50' not in values


def test_a_muscle_without_electrode_need_not_be_said(take):
    samples = take.recording.envelope.samples.copy()
    samples[:, 5] = np.nan
    lacking = replace(take.recording, envelope=replace(take.recording.envelope, samples=samples))
    values = score_estimate(Take(lacking), Estimate(samples.astype(float))).values
    assert values['said'] == 1 and values['otd'] != values['otd']
    silent = np.where(np.arange(6) == 4, np.nan, samples)
    assert score_estimate(Take(lacking), Estimate(silent)).values['said'] == 0


def test_unsaid_samples_do_not_count(take):
    mean = take.truth.copy()
    mean[:4000] = np.nan
    values = score_estimate(take, Estimate(mean)).values
    assert values['said'] == pytest.approx(0.5, abs=0.01) and values['pooled_rmse'] == 0


def test_persons_count_alike_however_many_takes_they_have(take):
    good = score_estimate(take, Estimate(take.truth + 0.01))
    bad = score_estimate(take, Estimate(take.truth + 0.03))
    other = type(bad)(bad.take, 's02', bad.values)
    found = summarise([good, good, good, other])
    assert found['persons'] == 2 and found['takes'] == 4
    assert found['pooled_rmse']['mean'] == pytest.approx(0.02)
    assert found['pooled_rmse']['low'] == pytest.approx(0.01)
    assert found['pooled_rmse']['high'] == pytest.approx(0.03)
    assert set(found['rmse']['by_muscle']) == set(MUSCLES)


def test_one_person_has_no_interval_and_an_unmeasured_muscle_no_score(take):
    mean = take.truth + 0.01
    mean[:, 5] = np.nan
    found = summarise([score_estimate(take, Estimate(mean))])
    assert found['persons'] == 1 and np.isnan(found['r']['low']) and np.isnan(found['r']['high'])
    row = found | {'role': 'test', 'keys': 'none', 'lookahead': 0.0, 'name': 'ours'}
    tables = make_tables([row], {'main': 0.0, 'unit': 'MVC'})
    assert not any('nan' in line for line in tables)
    assert any(line.endswith('| -, - |') for line in tables)
    assert any('| 0.010 | - |' in line for line in tables)  # RMSE, without brackets
    row['r'] |= {'mean': 0.04, 'low': -0.06, 'high': 0.15}
    assert '0.040 (-0.060 to 0.150)' in '\n'.join(make_tables([row], {'main': 0.0, 'unit': 'MVC'}))


def test_over_takes_the_median_counts_but_what_intervals_hold_is_the_mean(take):
    deviation = np.full(take.truth.shape, 0.03)
    scores = [
        score_estimate(take, Estimate(take.truth + error, deviation, (1.0, 2.0, 3.0)))
        for error in (0.01, 0.02, 0.2)
    ]
    found = summarise(scores)
    assert found['pooled_rmse']['mean'] == pytest.approx(0.02)
    assert found['rmse']['by_muscle']['2DI'] == pytest.approx(0.02)
    assert [found[f'in_{part}']['mean'] for part in (50, 80, 95)] == pytest.approx([2 / 3] * 3)
    wide = score_estimate(take, Estimate(take.truth + 0.05, deviation, (1.0, 2.0, 3.0))).values
    assert [wide[f'in_{part}'].mean() for part in (50, 80, 95)] == [0, 1, 1]


def test_muscles_that_nobody_recorded_are_unknown_and_change_no_mean(take, recwarn):
    other = Take(take.recording)
    other.truth[:, 2] = np.nan
    known = np.arange(6) != 2
    sure = np.full(take.truth.shape, 0.25)
    part = score_estimate(other, Estimate(take.truth + 0.1 * np.arange(6), sure, (1.0, 1.7, 9.0)))
    assert np.isnan(part.values['rmse'][2]) and np.isfinite(part.values['rmse'][known]).all()
    found = summarise([part])
    assert np.isnan(found['rmse']['by_muscle'][MUSCLES[2]])
    assert found['rmse']['mean'] == pytest.approx(0.1 * np.arange(6)[known].mean())
    assert [found[f'in_{n}']['mean'] for n in (50, 80, 95)] == pytest.approx([0.4, 0.8, 1.0])
    assert not [str(w.message) for w in recwarn]


def test_an_onset_counts_within_fifty_milliseconds(take):
    for late, matched in ((30, True), (100, False)):
        moved = np.roll(take.truth, late, axis=0)
        f1 = np.nanmean(score_estimate(take, Estimate(moved)).values['f1'])
        assert f1 > 0.9 if matched else f1 < 0.6


def test_errors_are_of_the_estimate_against_the_truth(take):
    """What is divided by is the truth's range, and onsets that are made up lower F1 as precision."""
    values = score_estimate(take, Estimate(3 * take.truth)).values
    extent = np.subtract(*np.percentile(take.truth[::5], [99, 1], axis=0))
    np.testing.assert_allclose(values['nrmse'], values['rmse'] / extent, rtol=1e-9)
    mean = take.truth.copy()
    mean[:, 1] = np.nan
    assert score_estimate(take, Estimate(mean)).values['said'] == 0


def test_bent_hands_are_what_they_are_called(take):
    def angles(name):
        poses = bend(take.poses, take.side, OUTSIDE[name])
        return bend_angles(shape_hand(poses.landmarks, take.side, poses.placed).local)

    same = bend(take.poses, take.side, OUTSIDE['playing'])
    np.testing.assert_allclose(same.landmarks, take.poses.landmarks, atol=1e-9)
    # Without the joint at the knuckle, which also has the angle between palm and finger.
    outer = [3 * finger + joint for finger in range(1, 5) for joint in (1, 2)]
    assert np.degrees(angles('flat hand')[:, outer]).max() < 1e-3
    assert np.degrees(angles('fist')[:, outer]).min() > 50
    shuffled = bend(take.poses, take.side, OUTSIDE['shuffled fingers'])
    np.testing.assert_allclose(shuffled.landmarks[:, 8], take.poses.landmarks[:, 20], atol=1e-9)
