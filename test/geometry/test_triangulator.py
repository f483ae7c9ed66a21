import numpy as np
import pytest

from pianokpm_ros.anatomy import PALM, Side, Status
from pianokpm_ros.geometry.hand_template import PALM_SIZE
from pianokpm_ros.geometry.rig import RigError
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.records import HandLandmarks

T0 = 1_700_000_000_123_456_789


def view_of(camera, hands, sides, stamp=T0, noise=0.0, seed=0):
    pixels = np.stack([camera.project(h) for h in hands]) if len(hands) else np.zeros((0, 21, 2))
    pixels = pixels + np.random.default_rng(seed).normal(0, 1, pixels.shape) * noise
    world = (
        np.stack([camera.transform(h) - camera.transform(h).mean(0) for h in hands])
        if len(hands)
        else np.zeros((0, 21, 3))
    )
    n = len(hands)
    return HandLandmarks(
        stamp,
        camera.name,
        camera.frame_id,
        camera.size,
        0,
        np.array(sides, np.uint8),
        np.linspace(0.95, 0.9, n).astype(np.float32),
        pixels.astype(np.float32),
        world.astype(np.float32),
        np.full((n, 21), np.nan, np.float32),
    )


def set_of(rig, hands, labels=None, stamp=T0, skew=0, noise=0.0):
    labels = labels or {}
    views = {
        c.name: view_of(c, hands, labels.get(c.name, (1, 2)), stamp, noise, i)
        for i, c in enumerate(rig.cameras)
    }
    return FrameSet(stamp, views, skew)


def test_both_hands_with_stamps_untouched(rig, hands):
    poses = HandTriangulator(rig).process(set_of(rig, hands))
    for side, truth in ((Side.LEFT, hands[0]), (Side.RIGHT, hands[1])):
        pose = poses[side]
        assert (pose.stamp, pose.side, pose.status, pose.frame_id) == (T0, side, Status.OK, 'rig')
        # Pixels travel as float32: 3e-5 px, far below a micrometre here.
        np.testing.assert_allclose(pose.landmarks, truth, atol=5e-6)


def test_wrong_labels_are_outvoted_by_geometry(rig, hands):
    labels = {'top': (2, 1), 'left': (2, 2)}
    poses = HandTriangulator(rig).process(set_of(rig, hands, labels, noise=2.0))
    assert all(p.status == Status.OK for p in poses.values())
    # 2 px at 0.7 m and 600 px focal length are 2.3 mm a view.
    assert np.abs(poses[Side.LEFT].landmarks - hands[0]).max() < 0.015


def test_all_labels_swapped_follow_continuity(rig, hands):
    tracker = HandTriangulator(rig)
    tracker.process(set_of(rig, hands))
    wrong = {'top': (2, 1), 'left': (2, 1)}
    poses = tracker.process(set_of(rig, hands, wrong, stamp=T0 + 16_666_667))
    assert np.abs(poses[Side.LEFT].landmarks - hands[0]).max() < 1e-4


def test_one_view_that_changes_its_mind_does_not_turn_a_hand_into_the_other(rig, hands):
    pair = rig.select(('top', 'left'))
    tracker = HandTriangulator(pair)
    for i in range(10):
        # Scores are equal, so the labels alone are a tie.
        labels = {'top': (2,), 'left': (2,) if i < 5 else (1,)}
        frames = set_of(pair, hands[1:], labels, stamp=T0 + i * 16_666_667, noise=1.0)
        frames.views['top'].score[:] = 0.9
        frames.views['left'].score[:] = 0.95
        assert tracker.process(frames)[Side.RIGHT].status == Status.OK
    # But where all views agree that it is the other hand, the first ones were wrong; its shape is still a right one's.
    both = set_of(pair, hands[1:], {n: (1,) for n in pair.names}, stamp=T0 + 10 * 16_666_667)
    assert tracker.process(both)[Side.LEFT].status == Status.DEGRADED


def test_a_single_views_doubtful_depth_does_not_outvote_labels(rig, hands):
    pair = rig.select(('top', 'left'))
    right = set_of(pair, hands[1:], {n: (2,) for n in pair.names})
    # A child's hand looks twice as far away to a single view.
    small = hands[1:].mean(axis=1, keepdims=True) + (hands[1:] - hands[1:].mean(axis=1)) / 2
    right.views['left'] = view_of(pair.camera('left'), small, (2,))
    tracker = HandTriangulator(pair)
    assert (
        tracker.process(FrameSet(T0, {'left': right.views['left']}))[Side.RIGHT].views.max() == 1
    )
    both = set_of(pair, hands[1:], {n: (2,) for n in pair.names}, stamp=T0 + 16_666_667)
    poses = tracker.process(both)
    assert (poses[Side.LEFT].status, poses[Side.RIGHT].status) == (Status.INVALID, Status.OK)


def test_hands_that_cross_stay_left_and_right_although_labels_are_often_wrong(rig, hands):
    triangulator, rng = HandTriangulator(rig), np.random.default_rng(1)
    way = hands[1, PALM, 0].mean() - hands[0, PALM, 0].mean()
    wrong = []
    for i in range(90):
        part = i / 89
        crossing = hands.copy()
        crossing[0] += [part * 1.6 * way, 0.0, 0.06 * np.sin(np.pi * part)]  # over the other hand
        views = {}
        for k, camera in enumerate(rig.cameras):
            labels = (1, 2) if rng.random() > 0.2 else (2, 1)  # every fifth is wrong
            views[camera.name] = view_of(
                camera, crossing, labels, T0 + i * 16_666_667, 2.0, 9 * i + k
            )
        poses = triangulator.process(FrameSet(T0 + i * 16_666_667, views))
        for side, truth in zip((Side.LEFT, Side.RIGHT), crossing, strict=True):
            if np.median(np.linalg.norm(poses[side].landmarks - truth, axis=1)) > 0.02:
                wrong.append(i)
    # Right above each other the hands are one in the top view, and labels decide: seen in one frame.
    assert len(set(wrong)) <= 2 and max(wrong, default=0) < 65


def test_an_unseen_hand_is_invalid_not_extrapolated(rig, hands):
    tracker = HandTriangulator(rig)
    tracker.process(set_of(rig, hands))
    only = set_of(rig, hands[1:], {n: (2,) for n in rig.names}, stamp=T0 + 16_666_667)
    poses = tracker.process(only)
    assert poses[Side.LEFT].status == Status.INVALID and np.isnan(poses[Side.LEFT].landmarks).all()
    assert poses[Side.RIGHT].status == Status.OK
    assert [p.sequence for p in poses.values()] == [1, 1]


def test_one_view_is_degraded_with_depth_uncertain(rig, hands):
    full = set_of(rig, hands)
    poses = HandTriangulator(rig).process(FrameSet(T0, {'left': full.views['left']}))
    pose = poses[Side.RIGHT]
    assert pose.status == Status.DEGRADED and pose.frame_id == 'rig' and (pose.views == 1).all()
    assert np.isnan(pose.reprojection_error).all()
    # A made-up hand isn't the mean hand: where it is seen it is, its distance within two deviations.
    camera = rig.camera('left')
    off = camera.project(pose.landmarks.astype(float)) - full.views['left'].pixels[1]
    assert np.median(np.linalg.norm(off, axis=1)) < 5.0
    shift = (pose.landmarks - hands[1]).mean(axis=0)
    assert np.linalg.norm(shift) < 2 * np.sqrt(3) * pose.deviation[0]
    assert (pose.deviation > 0.03).all()


def test_without_calibration_poses_are_in_the_optical_frame(rig, hands):
    view = set_of(rig, hands).views['top']
    poses = HandTriangulator(None).process(FrameSet(T0, {'top': view}))
    pose = poses[Side.LEFT]
    assert (pose.frame_id, pose.status) == ('top_optical_frame', Status.DEGRADED)
    assert (pose.landmarks[:, 2] > 0.2).all()
    palm = np.linalg.norm(pose.landmarks[[5, 9, 13, 17]] - pose.landmarks[0], axis=1).mean()
    assert palm == pytest.approx(PALM_SIZE, rel=0.2)  # the made-up hand has other proportions


def test_contradicting_or_skewed_views_are_degraded(rig, hands):
    shifted = set_of(rig.select(('top', 'left')), hands)
    shifted.views['top'].pixels[:] += np.random.default_rng(0).normal(
        0, 120, shifted.views['top'].pixels.shape
    )
    assert HandTriangulator(rig).process(shifted)[Side.LEFT].status == Status.DEGRADED
    assert (
        HandTriangulator(rig).process(set_of(rig, hands, skew=20_000_000))[Side.LEFT].status
        == Status.DEGRADED
    )


def test_nan_and_three_hands_do_not_reach_the_output_as_valid(rig, hands):
    third = np.concatenate([hands, hands[1:] + 0.002])
    poses = HandTriangulator(rig).process(set_of(rig, third, {n: (1, 2, 2) for n in rig.names}))
    assert poses[Side.RIGHT].status == Status.OK
    nothing = set_of(rig, np.full((2, 21, 3), np.nan), stamp=T0 + 1)
    poses = HandTriangulator(rig).process(nothing)
    assert all(p.status == Status.INVALID for p in poses.values())


def test_another_image_size_is_refused(rig, hands):
    frames = set_of(rig, hands)
    view = frames.views['top']
    wrong = HandLandmarks(
        view.stamp,
        'top',
        view.frame_id,
        (1280, 720),
        0,
        view.side,
        view.score,
        view.pixels,
        view.world,
        view.visibility,
    )
    with pytest.raises(RigError, match='640x480.*1280x720'):
        HandTriangulator(rig).process(FrameSet(T0, {'top': wrong}))


def test_a_few_landmarks_in_common_make_no_hand_of_two_views(rig, hands):
    pair = rig.select(('top', 'left'))
    for common, views in ((15, 2), (14, 1)):
        frames = set_of(pair, hands)
        hidden = [3, 4, 7, 8, 11, 12, 15][: 21 - common]
        frames.views['left'].pixels[:, hidden] = np.nan
        pose = HandTriangulator(pair).process(frames)[Side.RIGHT]
        assert pose.views.max() == views
        assert pose.status == (Status.OK if views == 2 else Status.DEGRADED)


def test_without_calibration_a_second_hand_of_one_label_is_the_other(rig, hands):
    camera = rig.cameras[0]
    view = view_of(camera, hands, (Side.RIGHT, Side.RIGHT))  # the first is the surer
    poses = HandTriangulator(None).process(FrameSet(T0, {camera.name: view}))
    assert {p.status for p in poses.values()} == {Status.DEGRADED}
    middle = {side: pose.landmarks[:, 0].mean() for side, pose in poses.items()}
    assert middle[Side.RIGHT] < middle[Side.LEFT]  # as it was called: the first lies to the left


def test_a_place_is_remembered_for_a_while_and_not_before_it_was_seen(rig, hands):
    tracker = HandTriangulator(rig)
    tracker.process(set_of(rig, hands))
    memory = tracker.settings.memory
    assert set(tracker._recent(T0 + memory)) == {Side.LEFT, Side.RIGHT}
    np.testing.assert_allclose(
        tracker._recent(T0)[Side.LEFT], hands[0][list(PALM)].mean(axis=0), atol=1e-5
    )
    assert tracker._recent(T0 + memory + 1) == tracker._recent(T0 - 1) == {}


def test_a_landmark_that_is_not_seen_costs_no_hand_and_no_view(rig, hands):
    pair = rig.select(('top', 'left'))
    frames = set_of(pair, hands)
    frames.views['left'].pixels[0, 8] = np.nan  # of the surer hand
    poses = HandTriangulator(pair).process(frames)
    for side, truth in ((Side.LEFT, hands[0]), (Side.RIGHT, hands[1])):
        seen = np.isfinite(poses[side].landmarks).all(axis=1)
        assert poses[side].status == Status.OK and (poses[side].views[seen] == 2).all()
        assert np.flatnonzero(~seen).tolist() == ([8] if side == Side.LEFT else [])
        np.testing.assert_allclose(poses[side].landmarks[seen], truth[seen], atol=5e-6)
