from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.geometry.mirrored import (
    DEVIATION,
    KEPT,
    SWAPPED,
    are_mirrored,
    measure_handedness,
)
from pianokpm_ros.geometry.single_view import SIDEWAYS_DEVIATION
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulator import HandTriangulator
from test.geometry.test_triangulator import T0, set_of

STEP = 33_333_333


def mirror(view, hand):
    """Show a hand as a network does that takes its back for its palm: fingers swapped, metric landmarks mirrored."""
    pixels, world = view.pixels.copy(), view.world.copy()
    pixels[hand] = pixels[hand][SWAPPED]
    middle = world[hand, 0]
    across = world[hand, 5] - world[hand, 17]
    across /= np.linalg.norm(across)
    world[hand] -= 2 * ((world[hand] - middle) @ across)[:, None] * across
    return replace(view, pixels=pixels, world=world)


def off(pose, truth):
    return np.linalg.norm(pose.landmarks - truth, axis=1).mean()


def test_shapes_tell_left_from_right(rig, hands):
    for camera in rig.cameras:
        local = np.stack([camera.transform(h) for h in hands])
        left, right = measure_handedness(local)
        assert left < -0.2 and right > 0.2
    three = np.stack([hands[0], hands[1], np.full((21, 3), np.nan)])
    assert are_mirrored(three, Side.RIGHT).tolist() == [True, False, False]
    assert are_mirrored(three, Side.LEFT).tolist() == [False, True, False]


def test_a_mirrored_view_of_two_does_not_spoil_the_hand(rig, hands):
    pair = rig.select(('top', 'left'))
    tracker = HandTriangulator(pair)
    tracker.process(set_of(pair, hands))
    frames = set_of(pair, hands, stamp=T0 + STEP)
    frames.views['top'] = mirror(frames.views['top'], 1)
    pose = tracker.process(frames)[Side.RIGHT]
    assert pose.status == Status.DEGRADED
    assert off(pose, hands[1]) < 0.025
    assert (pose.views[list(KEPT)] == 2).all() and np.isnan(pose.reprojection_error[4])
    # The other hand is as before.
    assert tracker.process(frames)[Side.LEFT].status == Status.OK


def test_a_mirrored_view_of_three_is_left_out(rig, hands):
    frames = set_of(rig, hands)
    frames.views['top'] = mirror(frames.views['top'], 1)
    pose = HandTriangulator(rig).process(frames)[Side.RIGHT]
    assert (pose.status, pose.views.max()) == (Status.OK, len(rig.names) - 1)
    assert off(pose, hands[1]) < 1e-4


def test_metric_landmarks_alone_make_no_mirror_image(rig, hands):
    pair = rig.select(('top', 'left'))
    frames = set_of(pair, hands)
    view = mirror(frames.views['top'], 1)
    frames.views['top'] = replace(view, pixels=frames.views['top'].pixels)
    pose = HandTriangulator(pair).process(frames)[Side.RIGHT]
    assert pose.status == Status.OK and off(pose, hands[1]) < 1e-4


def test_views_that_contradict_each_other_are_degraded_and_say_how_unsure_they_are(rig, hands):
    pair = rig.select(('top', 'right'))
    frames = set_of(pair, hands, noise=2.0)
    assert HandTriangulator(pair).process(frames)[Side.RIGHT].status == Status.OK
    before = frames.views['top']
    frames.views['top'] = replace(mirror(before, 1), world=before.world)
    poses = HandTriangulator(pair).process(frames)
    wrong = poses[Side.RIGHT]
    assert (wrong.status, wrong.views.min()) == (Status.DEGRADED, 2)
    # Some pixels that no hand would be doubted for alone tell it, at this size of hand.
    assert np.median(wrong.reprojection_error) < 15
    assert wrong.deviation.min() > 0.025 and off(wrong, hands[1]) > 0.02
    assert poses[Side.LEFT].status == Status.OK


@pytest.mark.parametrize('camera', ['top', 'left'])
def test_a_hand_that_one_view_loses_stays_at_its_distance(rig, hands, camera):
    pair = rig.select(('top', 'left'))
    tracker = HandTriangulator(pair)
    tracker.process(set_of(pair, hands))
    later = set_of(pair, hands + [0.01, 0.0, 0.0], stamp=T0 + 3 * STEP)
    alone = FrameSet(later.stamp, {camera: later.views[camera]})
    before = HandTriangulator(pair).process(alone)[Side.RIGHT]
    pose = tracker.process(alone)[Side.RIGHT]
    truth = hands[1] + [0.01, 0.0, 0.0]
    assert pose.status == before.status == Status.DEGRADED
    assert off(pose, truth) < min(0.03, off(before, truth))
    assert np.median(pose.deviation) < np.median(before.deviation) / 2
    # What is known of a place gets old.
    late = set_of(pair, hands, stamp=T0 + 90 * STEP).views[camera]
    old = tracker.process(FrameSet(late.stamp, {camera: late}))[Side.RIGHT]
    assert np.median(pose.deviation) < np.median(old.deviation) < np.median(before.deviation)


def test_a_hand_that_only_mirrored_views_see_is_as_unsure_as_they_are(rig, hands):
    one = rig.select(('top',))
    frames = set_of(one, hands)
    frames.views['top'] = mirror(frames.views['top'], 1)
    pose = HandTriangulator(one).process(frames)[Side.RIGHT]
    assert pose.status == Status.DEGRADED and (pose.views == 1).all()
    xx, xy, xz, yy, yz, zz = pose.covariance[8]
    least = np.linalg.eigvalsh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])[0]
    assert np.sqrt(least) == pytest.approx(np.hypot(SIDEWAYS_DEVIATION, DEVIATION), rel=0.01)
