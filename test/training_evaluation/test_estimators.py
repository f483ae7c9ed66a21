"""A model scored on a take says what it says live, and each sample stands at its own time."""

from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.evaluation.estimators import open_bundle
from pianokpm_training.evaluation.takes import Take

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.muscle.estimator import MuscleEstimator
from pianokpm_ros.records import HandPose
from pianokpm_ros.shares import find_asset

from ..training_model.makers import make_recording

MS = 1_000_000


@pytest.fixture(scope='module', params=[Side.LEFT, Side.RIGHT], ids=['left', 'right'])
def take(request):
    return Take(make_recording('s02', 'chords', request.param, 3.0), 'none')


def live(take, lookahead):
    """Envelope and deviation by stamp, as the streaming estimator gives them out."""
    bundle = open_bundle(find_asset('models/small'), lookahead).bundle
    estimator, said = MuscleEstimator(bundle, take.side, lookahead), {}
    for stamp, landmarks, deviation in zip(
        take.poses.stamp.tolist(), take.poses.landmarks, take.poses.deviation, strict=True
    ):
        pose = HandPose.invalid(stamp, 'rig', 0, take.side)
        pose = replace(pose, status=Status.OK, landmarks=landmarks, deviation=deviation)
        made = estimator.push_pose(pose)
        for i, both in enumerate(zip(made.envelope, made.envelope_deviation, strict=True)):
            said[made.envelope_stamp + i * MS] = both
    return said


@pytest.mark.parametrize('lookahead', [0.067, 0.0])
def test_what_is_scored_is_what_is_said_live(take, lookahead):
    found = open_bundle(find_asset('models/small'), lookahead).estimate(take)
    said = live(take, lookahead)
    there = np.isin(take.stamp, np.fromiter(said, np.int64))
    assert there.mean() > 0.9 and (np.isfinite(found.mean).all(axis=1) == there).all()
    for k, values in enumerate((found.mean, found.deviation)):
        wanted = np.stack([said[s][k] for s in take.stamp[there].tolist()])
        np.testing.assert_allclose(values[there], wanted, atol=1e-5)
    # Poses are 60 a second: the last sample is the look-ahead before the last of them.
    last = take.poses.stamp[-1] - round(lookahead * 1e9)
    assert 0 <= last - take.stamp[there][-1] < MS or take.stamp[-1] < last


def test_a_model_brings_its_own_reach_and_look_ahead():
    made = open_bundle(find_asset('models/small'), None, 'mine')
    assert made.name == 'mine' and made.lookahead == made.bundle.lookaheads[made.bundle.head(None)]
    take = Take(make_recording('s01', 'scales', Side.RIGHT, 2.0), 'none')
    assert made.estimate(take).reach == made.bundle.reach
