import logging
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pianokpm_ros.anatomy import FINGER_CHAINS, Side, Status
from pianokpm_ros.keyboard.key_samples import keys_at
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_CENTRES
from pianokpm_ros.muscle.batch import estimate_batch, no_keys, stack_poses
from pianokpm_ros.muscle.bundle import BundleError
from pianokpm_ros.muscle.estimator import MuscleEstimator, is_usable
from pianokpm_ros.muscle.timebase import MAX_GAP, TICK
from pianokpm_ros.recording.schemas import serialize
from pianokpm_ros.records import HandPose, Inputs, KeyMotion
from pianokpm_ros.tracks import join_estimates

from .streams import MILLISECOND, START, join, make_pose, poses_at, run, steady

TOLERANCE = 1e-4
"""The same sums of 128 float32 terms in another order differ by up to 128 * 2**-24 = 8e-6 of the terms' size, about 1;
a gated unit forgets within some ten ticks, over which that adds up; outputs lie within 0..1."""

LOOKAHEADS = (0.0, 0.033, 0.067)


@st.composite
def frame_times(draw):
    """Stamps of two seconds [ns]: a rate, jitter, lost frames, and gaps beyond what is bridged."""
    rate = draw(st.sampled_from([25, 30, 60, 120]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    stamps = steady(rate, 2.0, rng.uniform(0, 0.02))
    stamps = stamps + (rng.uniform(-0.3, 0.3, len(stamps)) * 1e9 / rate).astype(np.int64)
    kept = rng.random(len(stamps)) > draw(st.sampled_from([0.0, 0.1]))
    for _ in range(draw(st.integers(0, 2))):
        begin = rng.integers(0, 1_500_000_000)
        kept &= ~((stamps > begin) & (stamps < begin + rng.integers(MAX_GAP, 3 * MAX_GAP)))
    kept[0] = True
    return np.maximum(stamps[kept], 0)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    stamps=frame_times(),
    lookahead=st.sampled_from(LOOKAHEADS),
    with_keys=st.booleans(),
    start=st.integers(0, 2**60),
)
def test_frame_by_frame_equals_the_whole_take(
    bundle, playing, side, stamps, lookahead, with_keys, start
):
    start = start // TICK * TICK  # records of keys then end at ticks and tell all up to them
    poses = poses_at(playing, stamps, side, start)
    keys, motions, samples = no_keys, (), playing.sensor_keys()
    if with_keys:
        motions = samples.records(2_000_000_000, start=start)

        def keys(ticks):
            return keys_at(samples, ticks - start)

    found = run(MuscleEstimator(bundle, side, lookahead), poses, motions)
    wanted = estimate_batch(bundle, side, stack_poses(poses), keys, lookahead)
    for have, want in zip(join(found), wanted, strict=True):
        np.testing.assert_allclose(have, want, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize('lookahead', LOOKAHEADS)
@pytest.mark.parametrize('rate', [25, 30, 60, 120])
def test_blocks_join_to_the_nanosecond_and_reach_as_far_as_they_say(
    bundle, playing, rate, lookahead
):
    poses = poses_at(playing, steady(rate, 2.0), Side.RIGHT)
    activities = run(MuscleEstimator(bundle, Side.RIGHT, lookahead), poses)
    for before, after in zip(activities, activities[1:], strict=False):
        assert after.envelope_stamp == before.envelope_stamp + len(before.envelope) * MILLISECOND
    for pose, activity in zip(poses, activities, strict=True):
        newest = activity.envelope_stamp + (len(activity.envelope) - 1) * MILLISECOND
        assert 0 <= pose.stamp - round(activity.lookahead * 1e9) - newest < MILLISECOND
        assert activity.stamp == pose.stamp and activity.lookahead == lookahead
        np.testing.assert_array_equal(activity.activation, activity.envelope[-1])
        np.testing.assert_array_equal(activity.deviation, activity.envelope_deviation[-1])
        assert np.isfinite(activity.envelope).all() and (activity.envelope_deviation > 0).all()
    assert [a.sequence for a in activities] == list(range(len(activities)))


def test_the_look_aheads_are_outputs_of_their_own(bundle, playing):
    poses = poses_at(playing, steady(60, 4.0), Side.RIGHT)
    courses = {}
    for lookahead in LOOKAHEADS:
        stamps, envelope, _ = join(run(MuscleEstimator(bundle, Side.RIGHT, lookahead), poses))
        courses[lookahead] = envelope[np.searchsorted(stamps, START + 10**9)]
    assert not np.allclose(courses[0.0], courses[0.067])
    with pytest.raises(BundleError, match='look-ahead of 0.5 s'):
        MuscleEstimator(bundle, Side.RIGHT, 0.5)


@pytest.mark.parametrize('poison', [np.nan, np.inf, -np.inf, 1e30, 50.0])
def test_poison_never_enters(bundle, playing, poison):
    poses = poses_at(playing, steady(60, 1.0), Side.RIGHT)
    bad = poses[30].landmarks.copy()
    bad[:] = poison
    spoiled = [*poses[:30], make_pose(poses[30].stamp, bad), *poses[31:]]
    assert not is_usable(spoiled[30])
    found = run(MuscleEstimator(bundle, Side.RIGHT), spoiled)
    clean = run(MuscleEstimator(bundle, Side.RIGHT), [*poses[:30], *poses[31:]])
    assert found[30].status == Status.STALE and len(found[30].envelope) == 0
    np.testing.assert_array_equal(found[30].activation, found[29].activation)
    for have, want in zip(join(found), join(clean), strict=True):
        np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize('poison', [np.nan, np.inf, 9.0])
def test_a_poisoned_finger_is_survived(bundle, playing, poison):
    """A single absurd landmark may cost accuracy while it lasts, never a number."""
    poses = poses_at(playing, steady(60, 3.0), Side.RIGHT)
    for i in range(20, 40):
        poses[i].landmarks[8] = poison
    found = run(MuscleEstimator(bundle, Side.RIGHT), poses)
    clean = run(
        MuscleEstimator(bundle, Side.RIGHT), poses_at(playing, steady(60, 3.0), Side.RIGHT)
    )
    assert np.isfinite(join(found)[1]).all()
    worst = np.abs(found[-1].activation - clean[-1].activation).max()
    assert worst < 0.02  # two seconds later: forgotten to a fraction of the deviation


def test_the_age_is_told_truly_where_a_simulated_clock_begins(bundle, playing):
    """The newest sample may be the one just before time 0."""
    hand = playing.landmarks[0, 1]
    estimator = MuscleEstimator(bundle, Side.RIGHT, 0.033)
    estimator.push_pose(make_pose(32 * MILLISECOND, hand))
    missing = HandPose.invalid(40 * MILLISECOND, 'rig', 0, Side.RIGHT)
    activity = estimator.push_pose(missing)
    assert activity.status == Status.STALE and activity.lookahead == pytest.approx(0.041)


def test_a_lost_hand_is_stale_and_then_invalid(bundle, playing, side):
    poses = poses_at(playing, steady(60, 0.5), side)
    estimator = MuscleEstimator(bundle, side, 0.0)
    last = run(estimator, poses)[-1]
    for wait in range(10 * MILLISECOND, 400 * MILLISECOND, 10 * MILLISECOND):
        stamp = poses[-1].stamp + wait
        activity = estimator.push_pose(HandPose.invalid(stamp, 'rig', 0, side))
        assert activity.stamp == stamp and len(activity.envelope) == 0
        if wait <= MAX_GAP:
            assert activity.status == Status.STALE
            np.testing.assert_array_equal(activity.activation, last.activation)
            newest = stamp - round(activity.lookahead * 1e9)  # the age is told truly
            assert (
                abs(newest - (last.envelope_stamp + (len(last.envelope) - 1) * MILLISECOND)) < 10
            )
        else:
            assert activity.status == Status.INVALID and activity.inputs == Inputs.NONE
            assert np.isnan(activity.activation).all() and np.isnan(activity.deviation).all()
            assert activity.confidence == 0


def test_nothing_known_yet_is_invalid(bundle, side):
    activity = MuscleEstimator(bundle, side).push_pose(HandPose.invalid(START, 'rig', 0, side))
    assert activity.status == Status.INVALID and np.isnan(activity.activation).all()
    assert activity.activation.shape == (6,) and activity.envelope.shape == (0, 6)


def test_after_a_gap_the_model_starts_afresh(bundle, playing):
    first = poses_at(playing, steady(60, 1.0), Side.RIGHT)
    second = poses_at(playing, steady(60, 2.5, first=1.4), Side.RIGHT)
    both = run(MuscleEstimator(bundle, Side.RIGHT), [*first, *second])[len(first) :]
    alone = run(MuscleEstimator(bundle, Side.RIGHT), second)
    for have, want in zip(both, alone, strict=True):
        assert have.envelope_stamp == want.envelope_stamp
        np.testing.assert_array_equal(have.envelope, want.envelope)


def test_a_clock_that_jumps_back_starts_afresh_with_one_warning(bundle, playing, caplog):
    poses = poses_at(playing, steady(60, 1.0), Side.RIGHT)
    estimator = MuscleEstimator(bundle, Side.RIGHT)
    run(estimator, poses_at(playing, steady(60, 1.0), Side.RIGHT, START + 10**10))
    with caplog.at_level(logging.WARNING):
        again = run(estimator, poses)
    assert [r.message for r in caplog.records if 'jumped back' in r.message].__len__() == 1
    alone = run(MuscleEstimator(bundle, Side.RIGHT), poses)
    for have, want in zip(join(again), join(alone), strict=True):
        np.testing.assert_array_equal(have, want)


def test_late_and_repeated_poses_are_stale_and_change_nothing(bundle, playing):
    poses = poses_at(playing, steady(60, 1.0), Side.RIGHT)
    estimator = MuscleEstimator(bundle, Side.RIGHT)
    found = run(estimator, [*poses[:30], poses[29], poses[25], *poses[30:]])
    assert [a.status for a in found[30:32]] == [Status.STALE, Status.STALE]
    clean = run(MuscleEstimator(bundle, Side.RIGHT), poses)
    for have, want in zip(join(found), join(clean), strict=True):
        np.testing.assert_array_equal(have, want)


def test_one_view_is_degraded_and_less_sure(bundle, playing):
    poses = poses_at(playing, steady(60, 2.0), Side.RIGHT)
    single = [
        make_pose(p.stamp, p.landmarks, status=Status.DEGRADED, deviation=0.021) for p in poses
    ]
    several, one = (run(MuscleEstimator(bundle, Side.RIGHT), p) for p in (poses, single))
    assert several[-1].status == Status.OK and several[-1].confidence > 0.9
    assert one[-1].status == Status.DEGRADED and one[-1].confidence <= 0.5
    assert np.abs(join(one)[2] - join(several)[2]).max() > 1e-3  # the network hears of it


def test_a_shape_unlike_the_training_hands_is_degraded(bundle, playing):
    poses = poses_at(playing, steady(60, 1.0), Side.RIGHT)
    strange = [make_pose(p.stamp, p.landmarks) for p in poses]
    for pose in strange:  # all fingers folded onto the back of the hand
        wrist = pose.landmarks[0].copy()
        for tip in (6, 7, 8, 10, 11, 12, 14, 15, 16, 18, 19, 20):
            pose.landmarks[tip] = wrist + [0.0, 0.02, 0.04 + 0.002 * tip]
    found = run(MuscleEstimator(bundle, Side.RIGHT), strange)
    assert found[-1].status == Status.DEGRADED and found[-1].confidence < 0.2


def mirrored(landmarks):
    """Mirror at the middle of the D key, about which a keyboard is symmetric."""
    centre = KEY_CENTRES[62 - FIRST_KEY]
    return np.column_stack([2 * centre - landmarks[:, 0], landmarks[:, 1:]])


def mirrored_keys(motion):
    return KeyMotion(
        motion.stamp,
        motion.sequence,
        motion.time,
        (124 - motion.key.astype(int)).astype(np.uint8),
        motion.position,
        motion.velocity,
        motion.midi_velocity,
        source=motion.source,
    )


def test_a_left_hand_is_a_mirrored_right_one(bundle, playing):
    right = poses_at(playing, steady(60, 4.0), Side.RIGHT)
    left = [make_pose(p.stamp, mirrored(p.landmarks), Side.LEFT) for p in right]
    motions = list(playing.sensor_keys().records(4_000_000_000, start=START))
    assert any(len(m.key) for m in motions)
    motions = [m for m in motions if all(21 <= 124 - int(k) <= 108 for k in m.key)]
    have = run(MuscleEstimator(bundle, Side.LEFT), left, map(mirrored_keys, motions))
    want = run(MuscleEstimator(bundle, Side.RIGHT), right, motions)
    # Landmarks are float32: 2**-24 of some 0.3 m is 20 nm, a tick apart 2 um/s or 1e-5 of a velocity's deviation.
    for a, b in zip(join(have)[1:], join(want)[1:], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=10 * TOLERANCE)


@pytest.mark.parametrize(
    ('source', 'flag'),
    [('midi:Piano', Inputs.MIDI), ('file:a.mid', Inputs.MIDI), ('sensor:x', Inputs.KEY_POSITION)],
)
def test_inputs_say_what_the_estimate_rests_on(bundle, playing, source, flag):
    poses = poses_at(playing, steady(60, 3.0), Side.RIGHT)
    estimator, found = MuscleEstimator(bundle, Side.RIGHT), []
    none = np.zeros(0)
    for pose in poses:
        seconds = (pose.stamp - START) * 1e-9
        if 1.0 <= seconds < 2.0:  # keys come and go
            motion = KeyMotion(pose.stamp, 0, none, none, none, none, none, source=source)
            estimator.push_keys(motion)
        found.append((seconds, estimator.push_pose(pose).inputs))
    assert {inputs for s, inputs in found if s < 1.0} == {Inputs.POSE}
    assert {inputs for s, inputs in found if 1.05 < s < 2.0} == {Inputs.POSE | flag}
    assert {inputs for s, inputs in found if s > 2.3} == {Inputs.POSE}


def test_keys_change_the_estimate(bundle, playing):
    poses = poses_at(playing, steady(60, 4.0), Side.RIGHT)
    motions = playing.sensor_keys().records(4_000_000_000, start=START)
    informed = run(MuscleEstimator(bundle, Side.RIGHT), poses, motions)
    blind = run(MuscleEstimator(bundle, Side.RIGHT), poses)
    assert np.abs(join(informed)[1] - join(blind)[1]).max() > 0.01


def test_a_camera_frame_is_no_keyboard(bundle, playing):
    poses = poses_at(playing, steady(60, 1.0), Side.RIGHT)
    away = [make_pose(p.stamp, p.landmarks, frame_id='phone_optical_frame') for p in poses]
    estimator = MuscleEstimator(bundle, Side.RIGHT)
    found = run(estimator, away, playing.sensor_keys().records(10**9, start=START))
    assert found[-1].inputs == Inputs.POSE and found[-1].frame_id == 'phone_optical_frame'


def test_a_hand_of_the_other_side_is_refused(bundle, hand):
    with pytest.raises(ValueError, match='asked for a left hand, found right'):
        MuscleEstimator(bundle, Side.LEFT).push_pose(make_pose(START, hand, Side.RIGHT))
    with pytest.raises(ValueError, match='left or right'):
        MuscleEstimator(bundle, Side.UNKNOWN)


def test_the_estimator_imports_lightly(root):
    code = (
        'import sys, pianokpm_ros.muscle.estimator, pianokpm_ros.muscle.batch\n'
        "heavy = {'torch', 'onnx', 'onnxruntime', 'mujoco', 'rclpy', 'pianokpm_training', 'cv2'}\n"
        'print(sorted(heavy & set(sys.modules)))'
    )
    found = subprocess.run(
        [sys.executable, '-c', code], cwd=root, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == '[]'


def test_no_sample_is_of_a_time_before_the_clock_began(bundle, playing):
    """Simulated clocks begin at 0, and stamps of messages can not be negative."""
    estimator = MuscleEstimator(bundle, Side.RIGHT, 0.067)
    missing = HandPose.invalid(5 * MILLISECOND, 'rig', 0, Side.RIGHT)
    assert estimator.push_pose(missing).envelope_stamp == 0
    made = [estimator.push_pose(p) for p in poses_at(playing, steady(60, 0.2), Side.RIGHT, 0)]
    assert min(a.envelope_stamp for a in made) == 0
    for activity in made:
        serialize(activity)
    samples = join_estimates(made)[Side.RIGHT].stamp
    np.testing.assert_array_equal(samples, np.arange(len(samples)) * MILLISECOND)
    assert np.isfinite(made[0].activation).all() and not len(made[0].envelope)


def test_only_poses_of_the_moment_enter_the_model(bundle, playing):
    poses = poses_at(playing, steady(60, 0.5), Side.RIGHT)
    for status in Status:
        pose = make_pose(poses[0].stamp, poses[0].landmarks, status=status)
        assert is_usable(pose) == (status in (Status.DEGRADED, Status.OK))
    estimator = MuscleEstimator(bundle, Side.RIGHT)
    run(estimator, poses[:20])
    old = make_pose(poses[20].stamp, poses[20].landmarks, status=Status.STALE)
    assert estimator.push_pose(old).status == Status.STALE
    assert len(estimator.push_pose(poses[21]).envelope) == 33  # bridged: 33.3 ms at 60 Hz


def test_a_hand_of_which_half_is_unknown_is_degraded_and_less_sure(bundle, playing):
    poses = poses_at(playing, steady(60, 1.0), Side.RIGHT)
    whole = run(MuscleEstimator(bundle, Side.RIGHT), poses)[-1]
    assert whole.status == Status.OK
    for pose in poses:
        # Wrist and knuckles are left.
        pose.landmarks[[i for chain in FINGER_CHAINS for i in chain[2:]]] = np.nan
    part = run(MuscleEstimator(bundle, Side.RIGHT), poses)[-1]
    known = np.isfinite(poses[0].landmarks).all(axis=1).mean()
    assert known < 0.5 and part.status == Status.DEGRADED
    assert 0 < part.confidence <= known
