import numpy as np
import pytest

from pianokpm_ros.anatomy import BONES, Side
from pianokpm_ros.geometry.bones import measure_bones
from pianokpm_ros.geometry.hand_template import (
    INDEX_PALM,
    PALM_EDGE_PROPORTIONS,
    PALM_EDGES,
    PALM_SIZE,
    PROPORTIONS,
    lengthen,
)
from pianokpm_ros.geometry.single_view import (
    DISTANCE_PART,
    RELIEF_DEVIATION,
    SIDEWAYS_DEVIATION,
    assume_camera,
    place_hand,
)
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.takes import load_take
from test.geometry.conftest import look_at
from test.geometry.test_triangulator import T0, set_of, view_of

FIRST_BONES = [i for i, bone in enumerate(BONES) if bone in ((5, 6), (9, 10), (13, 14), (17, 18))]


@pytest.fixture(scope='module')
def take(root):
    return load_take(root / 'pianokpm_ros/assets/takes/demo')


@pytest.fixture
def hand(take):
    """A playing hand with the mean hand's size, (21, 3) [m], around the origin."""
    shape = lengthen(take.performance.landmarks[60, 1].astype(float))
    return shape - shape.mean(axis=0)


@pytest.fixture
def camera():
    return look_at('top', (0.2, -0.3, 0.5), (0.0, 0.0, 0.0))


def test_an_unknown_camera_is_taken_to_see_sixty_degrees():
    camera = assume_camera('phone', (1280, 720))
    (left, _), (right, _) = camera.normalize([(-0.5, 360.0), (1279.5, 360.0)])
    assert np.degrees(np.arctan(right) - np.arctan(left)) == pytest.approx(60.0, abs=0.1)
    np.testing.assert_allclose(camera.normalize([(639.5, 359.5)]), [[0.0, 0.0]], atol=1e-9)


def test_a_phone_held_upright_has_the_lens_that_it_has_held_across(hand):
    """The same hand, 0.62 m away, in the same lens: in an upright picture it was taken to be 0.37 m away."""
    away = []
    for size in ((1280, 720), (720, 1280)):
        eye = look_at('phone', (0.2, -0.3, 0.5), (0.0, 0.0, 0.0), focal=1100.0, size=size)
        placed = place_hand(assume_camera('phone', size), *see(eye, hand))
        away.append(np.linalg.norm(placed.landmarks.mean(axis=0)))
    assert away == pytest.approx([np.linalg.norm(eye.centre)] * 2, rel=0.05)


def see(camera, hand):
    """Return pixels and, as MediaPipe does, the hand around its own centre in the camera's axes."""
    local = camera.transform(hand)
    return camera.project(hand), local - local.mean(axis=0)


def test_the_template_is_a_hand(take):
    """Seen on simulated hands, whose lengths the template doesn't come from alone."""
    for side in range(2):
        hand = np.nanmedian([measure_bones(h) for h in take.performance.landmarks[:60, side]], 0)
        palm = hand[[4, 8, 12, 16]].mean()
        np.testing.assert_allclose(hand / palm, PROPORTIONS, atol=0.06)
        across = [
            np.linalg.norm(np.subtract(*take.performance.landmarks[60, side, list(e)])) / palm
            for e in PALM_EDGES
        ]
        np.testing.assert_allclose(across, PALM_EDGE_PROPORTIONS, atol=0.06)
    assert np.mean(PROPORTIONS[[4, 8, 12, 16]]) == pytest.approx(1.0, abs=0.005)


def test_a_mean_hand_is_placed_where_it_is(camera, hand):
    pixels, world = see(camera, hand)
    placed = place_hand(camera, pixels, world)
    # The pixels are exact; lengths across the palm differ from the template's by some per cent.
    np.testing.assert_allclose(placed.landmarks.mean(axis=0), 0, atol=0.02)
    assert np.linalg.norm(placed.landmarks - hand, axis=1).mean() < 0.02
    assert np.linalg.norm(camera.project(placed.landmarks) - pixels, axis=1).max() < 3.0


def test_fingers_that_mediapipe_sees_too_short_do_not_bring_the_hand_nearer(camera, hand):
    pixels, world = see(camera, hand)
    for start, end in (BONES[b] for b in FIRST_BONES):
        world[end : end + 3] -= (world[end] - world[start]) / 2
    placed = place_hand(camera, pixels, world)
    distance = np.linalg.norm(placed.landmarks.mean(axis=0) - camera.centre)
    # Placed as it is (the way it was done once), this hand is some 10 % too near.
    assert distance == pytest.approx(np.linalg.norm(camera.centre), rel=0.03)


def test_another_size_is_another_distance_within_the_stated_deviation(camera, hand):
    own = place_hand(camera, *see(camera, hand)).landmarks.mean(axis=0)
    for size in (0.9, 1.1):
        placed = place_hand(camera, *see(camera, hand * size))
        shift = placed.landmarks.mean(axis=0) - own
        away = -camera.centre / np.linalg.norm(camera.centre)
        assert shift @ away == pytest.approx(0.62 * (1 / size - 1), abs=0.012)
        known = place_hand(camera, *see(camera, hand * size), palm=PALM_SIZE * size)
        np.testing.assert_allclose(known.landmarks.mean(axis=0), own, atol=0.012)


def test_the_deviation_is_long_along_the_line_of_sight(camera, hand):
    placed = place_hand(camera, *see(camera, hand + (0.15, 0.1, 0.0)))
    xx, xy, xz, yy, yz, zz = placed.covariance[7]
    values, axes = np.linalg.eigh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    sight = placed.landmarks.mean(axis=0) - camera.centre
    distance = np.linalg.norm(sight)
    assert abs(axes[:, 2] @ sight) / distance == pytest.approx(1.0, abs=1e-6)
    along = np.hypot(DISTANCE_PART * distance, RELIEF_DEVIATION)
    np.testing.assert_allclose(np.sqrt(values), [SIDEWAYS_DEVIATION] * 2 + [along], rtol=1e-6)


def test_hidden_landmarks_come_from_the_hand_and_too_few_give_none(camera, hand):
    pixels, world = see(camera, hand)
    pixels[[8, 12, 20]] = np.nan
    placed = place_hand(camera, pixels, world)
    assert np.isfinite(placed.landmarks).all()
    assert np.linalg.norm(placed.landmarks - hand, axis=1).mean() < 0.025
    pixels[5:] = np.nan
    assert place_hand(camera, pixels, world) is None
    assert place_hand(camera, see(camera, hand)[0], np.full((21, 3), np.nan)) is None


def test_the_size_that_several_views_measured_serves_a_single_one(rig, hand):
    big = 1.15 * hand[None] + (0.2, 0.1, 0.05)
    tracker = HandTriangulator(rig)
    labels = {n: (2,) for n in rig.names}
    alone = view_of(rig.camera('top'), big, (2,), T0 + 10**9)

    def place():
        pose = tracker.process(FrameSet(alone.stamp, {'top': alone}))[Side.RIGHT]
        return np.linalg.norm(pose.landmarks.mean(axis=0) - big[0].mean(axis=0))

    blind = place()
    for i in range(20):
        tracker.process(set_of(rig, big, labels, T0 + i * 16_666_667))
    assert tracker.size.median / INDEX_PALM == pytest.approx(1.15 * PALM_SIZE, rel=0.01)
    assert place() < blind / 3
