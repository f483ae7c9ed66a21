from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.muscle.activity_stream import ActivityStream
from pianokpm_ros.muscle.estimator import MuscleEstimator
from pianokpm_ros.records import HandPose, Inputs

from ..messages.examples import make_keys
from .streams import MILLISECOND, START, make_pose

FRAME = 16 * MILLISECOND
LATENCY = 40 * MILLISECOND


@pytest.fixture
def stream(bundle):
    return ActivityStream(bundle)


def feed(stream, playing, first, count):
    made = []
    for i in range(first, first + count):
        stamp = START + i * FRAME
        pose = make_pose(stamp, playing.landmarks[4 * i, 1])
        made.append(stream.push_pose(pose, stamp + LATENCY))
    return made


def test_each_pose_gives_what_the_estimator_says(stream, bundle, playing):
    alone = MuscleEstimator(bundle, Side.RIGHT)
    for i, activity in enumerate(feed(stream, playing, 0, 20)):
        expected = alone.push_pose(make_pose(START + i * FRAME, playing.landmarks[4 * i, 1]))
        assert (activity.stamp, activity.status) == (expected.stamp, expected.status)
        assert np.array_equal(activity.envelope, expected.envelope)


def test_keys_are_told_to_be_in_vain_while_nobody_knows_where_they_are(stream, playing):
    rng = np.random.default_rng(1)
    pose = make_pose(START, playing.landmarks[0, 1], frame_id='top_optical_frame')
    stream.push_pose(pose, START + LATENCY)
    assert not stream.keys_unused  # no keys
    stream.push_keys(replace(make_keys(rng, 0), stamp=START))
    stream.push_pose(replace(pose, stamp=START + FRAME), START + FRAME + LATENCY)
    assert stream.keys_unused
    stream.push_pose(replace(pose, stamp=START + 2_000 * MILLISECOND), START + 2_040 * MILLISECOND)
    assert not stream.keys_unused  # nobody plays any more
    stream.push_keys(replace(make_keys(rng, 0), stamp=START + 2_000 * MILLISECOND))
    placed = make_pose(START + 2_020 * MILLISECOND, playing.landmarks[0, 1], frame_id='keyboard')
    stream.push_pose(placed, placed.stamp + LATENCY)
    assert not stream.keys_unused


def test_silence_makes_stale_then_invalid_and_poses_heal(stream, playing):
    last = feed(stream, playing, 0, 20)[-1]
    heard = last.stamp + LATENCY
    assert stream.tick(heard + 99 * MILLISECOND) == []
    (stale,) = stream.tick(heard + 100 * MILLISECOND)
    assert (stale.status, stale.stamp) == (Status.STALE, last.stamp)
    assert np.array_equal(stale.activation, last.activation) and len(stale.envelope) == 0
    assert stream.silent == (Side.RIGHT,)
    (invalid,) = stream.tick(heard + 260 * MILLISECOND)
    assert (invalid.status, invalid.inputs) == (Status.INVALID, Inputs.NONE)
    assert np.isnan(invalid.activation).all() and np.isnan(invalid.deviation).all()
    assert invalid.confidence == 0
    assert [a.sequence for a in (last, stale, invalid)] == [19, 20, 21]
    assert feed(stream, playing, 20, 20)[-1].status >= Status.DEGRADED
    assert stream.silent == ()


def test_late_poses_go_on_where_they_stopped(stream, bundle, playing):
    """Silence alone forgets nothing: poses that were only late give the envelope as if they had been in time."""
    feed(stream, playing, 0, 20)
    for wait in range(100, 1000, 100):
        stream.tick(START + 19 * FRAME + LATENCY + wait * MILLISECOND)
    late = feed(stream, playing, 20, 10)
    punctual = feed(ActivityStream(bundle), playing, 0, 30)[20:]
    for a, b in zip(late, punctual, strict=True):
        assert np.array_equal(a.envelope, b.envelope) and a.envelope_stamp == b.envelope_stamp


def test_poses_that_stand_for_missing_ones_are_silence_too(stream, playing):
    last = feed(stream, playing, 0, 20)[-1]
    heard, statuses = last.stamp + LATENCY, []
    for n in range(1, 6):
        missing = HandPose.invalid(last.stamp + n, 'rig', 0, Side.RIGHT)
        statuses.append(stream.push_pose(missing, heard + n * 100 * MILLISECOND).status)
    assert statuses == [Status.STALE, Status.STALE] + [Status.INVALID] * 3


def test_a_hand_that_was_never_there_says_nothing(stream):
    assert stream.tick(START) == [] and stream.tick(START + 10**10) == []
    assert stream.silent == ()


def test_reset_forgets(stream, playing):
    last = feed(stream, playing, 0, 20)[-1]
    stream.reset()
    assert stream.tick(last.stamp + 10**9) == []
    feed(stream, playing, 0, 20)
    stream.tick(last.stamp + 10**10)
    assert stream.silent
    stream.reset()
    assert stream.silent == ()
    again = stream.push_pose(HandPose.invalid(last.stamp + 1, 'rig', 0, Side.RIGHT), 0)
    assert again.status == Status.INVALID and np.isnan(again.activation).all()
