"""One camera over a keyboard whose place is known: hands are placed as playing hands are."""

from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import FINGERTIPS, Side, Status
from pianokpm_ros.geometry import playing_hand
from pianokpm_ros.geometry.lone_view import LoneView
from pianokpm_ros.geometry.mirrored import KEPT, SWAPPED
from pianokpm_ros.geometry.playing_hand import load_playing_hands, place_playing_hand
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.single_view import LANDMARK_NOISE, place_hand
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulation import UPPER
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.records import KEYBOARD_FRAME
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import load_take

from .conftest import look_at
from .test_triangulator import T0, view_of

VIEWS = ('top', 'left', 'right', 'front')
SIDES = (Side.LEFT, Side.RIGHT)
MIRROR = np.array([-1.0, 1.0, 1.0])


@pytest.fixture(scope='module')
def playing():
    """Two simulated hands that play, (2, 21, 3) [m]."""
    performance = load_take(find_asset('takes/demo')).performance
    return performance.landmarks[len(performance.stamp) // 2].astype(np.float64)


def grow(hand, factor):
    """Make a hand on the keys larger; its lowest fingertips stay on the keys."""
    grown = hand.mean(axis=0) + factor * (hand - hand.mean(axis=0))
    return grown - (0, 0, find_height(grown))


def find_height(hand):
    return np.sort(hand[list(FINGERTIPS), 2])[:2].mean()


def make_fist(hand):
    """Close the fingers of a hand: their tips come to the knuckles, their middle joints stand out."""
    fist = hand.copy()
    for knuckle in (5, 9, 13, 17):
        ahead = hand[knuckle] - hand[0]
        fist[knuckle + 1] = hand[knuckle] + 0.25 * ahead - (0, 0, 0.035)
        fist[knuckle + 2] = hand[knuckle] - 0.05 * ahead - (0, 0, 0.05)
        fist[knuckle + 3] = hand[knuckle] - 0.2 * ahead - (0, 0, 0.03)
    return fist


def place(rig, hands, name, frame_id):
    """Place hands by one view; returns (2,) how far their middles are off [m], and the poses."""
    triangulator = HandTriangulator(Rig((rig.camera(name),), frame_id))
    poses = triangulator.process(
        FrameSet(T0, {name: view_of(rig.camera(name), hands, (1, 2), T0)})
    )
    found = [poses[s] for s in SIDES]
    off = [p.landmarks.mean(axis=0) - h.mean(axis=0) for p, h in zip(found, hands, strict=True)]
    return np.linalg.norm(off, axis=1), found


@pytest.mark.parametrize('name', VIEWS)
def test_a_playing_hand_is_where_it_is_and_shaped_as_it_is(rig, playing, name):
    camera = rig.camera(name)
    for side, hand in zip(SIDES, playing, strict=True):
        placed = place_playing_hand(camera, camera.project(hand), side)
        off = np.linalg.norm(placed.landmarks - hand, axis=1)
        assert off.max() < 0.025 and off.mean() < 0.015
        centred = (x - x.mean(axis=0) for x in (placed.landmarks, hand))
        assert np.linalg.norm(np.subtract(*centred), axis=1).mean() < 0.010


@pytest.mark.parametrize('larger', [0.85, 1.15])
@pytest.mark.parametrize('name', VIEWS)
def test_people_with_large_and_small_hands_are_placed_where_they_play(rig, playing, name, larger):
    """By its size alone a hand 15 % larger seems to be 15 % nearer, ten centimetres."""
    hands = [grow(h, larger) for h in playing]
    without, _ = place(rig, hands, name, 'rig')
    with_keys, poses = place(rig, hands, name, KEYBOARD_FRAME)
    assert (with_keys < 0.6 * without).all()
    for pose, off in zip(poses, with_keys, strict=True):
        assert pose.status == Status.DEGRADED and pose.frame_id == KEYBOARD_FRAME
        assert off < 3 * np.median(pose.deviation) < 0.1


def test_left_hands_are_right_ones_in_a_mirror(rig, playing):
    camera, hand = rig.camera('left'), playing[1]
    opposite = look_at('right', camera.centre * MIRROR, (0.02, 0.0, 0.02))
    facing = look_at('left', camera.centre, (-0.02, 0.0, 0.02))
    right = place_playing_hand(facing, facing.project(hand), Side.RIGHT)
    left = place_playing_hand(opposite, opposite.project(hand * MIRROR), Side.LEFT)
    np.testing.assert_allclose(left.landmarks * MIRROR, right.landmarks, atol=1e-6)
    signs = [MIRROR[i] * MIRROR[j] for i, j in UPPER]
    np.testing.assert_allclose(left.covariance * signs, right.covariance, atol=1e-9)


@pytest.mark.parametrize('name', ['top', 'front'])
def test_what_is_stated_is_found_for_hands_as_they_are_assumed(rig, name, monkeypatch):
    monkeypatch.setattr(playing_hand, 'MISFIT', np.inf)  # the strangest count too
    random, hands, camera = np.random.default_rng(1), load_playing_hands(), rig.camera(name)
    spread = hands.covariance.reshape(21, 3, 21, 3).copy()
    spread[:, 0, :, 0] -= 0.6**2  # all of them in the middle of the picture
    drawn = random.multivariate_normal(hands.mean.ravel(), spread.reshape(63, 63), 60)
    squares = []
    for hand in drawn.reshape(-1, 21, 3):
        pixel = camera.focal / np.median(camera.transform(hand)[:, 2])
        noise = LANDMARK_NOISE * pixel * random.normal(size=(21, 2))
        placed = place_playing_hand(camera, camera.project(hand) + noise, Side.RIGHT)
        off, stated = placed.landmarks - hand, np.zeros((21, 3, 3))
        for k, (i, j) in enumerate(UPPER):
            stated[:, i, j] = stated[:, j, i] = placed.covariance[:, k]
        squares.append(np.einsum('ji,jik,jk->j', off, np.linalg.inv(stated), off).mean() / 3)
    assert 0.8 < np.mean(squares) < 1.2


def test_a_hand_taken_for_its_mirror_image_is_placed_by_what_is_right_of_it(rig, playing):
    camera, hand = rig.camera('front'), playing[1]
    pixels = camera.project(hand)[SWAPPED]
    placed = place_playing_hand(camera, pixels, Side.RIGHT)
    off = np.linalg.norm(placed.landmarks - hand, axis=1)
    assert off.mean() < 0.025 and off[list(KEPT)].mean() < 0.02
    deviation = np.sqrt(placed.covariance[:, [0, 3, 5]].sum(axis=1))
    plain = place_playing_hand(camera, camera.project(hand), Side.RIGHT)
    sure = np.sqrt(plain.covariance[:, [0, 3, 5]].sum(axis=1))
    thumb_and_little = [4, 20]
    assert (deviation[thumb_and_little] > 1.15 * sure[thumb_and_little]).all()


@pytest.mark.parametrize('name', VIEWS)
def test_a_fist_and_a_hand_far_above_the_keys_do_not_play(rig, playing, name):
    camera, hand = rig.camera(name), playing[1]
    for strange in (make_fist(hand), hand + (0, 0, 0.3)):
        assert place_playing_hand(camera, camera.project(strange), Side.RIGHT) is None


def test_landmarks_that_are_not_seen_are_guessed_and_too_few_are_refused(rig, playing):
    camera, hand = rig.camera('front'), playing[0]
    pixels = camera.project(hand)
    pixels[13:] = np.nan
    placed = place_playing_hand(camera, pixels, Side.LEFT)
    off = np.linalg.norm(placed.landmarks - hand, axis=1)
    deviation = np.sqrt(placed.covariance[:, [0, 3, 5]].sum(axis=1))
    assert np.isfinite(placed.landmarks).all() and (off < 3 * deviation).all()
    pixels[5:] = np.nan
    assert place_playing_hand(camera, pixels, Side.LEFT) is None
    assert place_playing_hand(camera, np.full((21, 2), np.nan), Side.LEFT) is None


def test_a_camera_below_the_keys_shows_no_playing_hand(playing):
    camera = look_at('low', (0.0, -0.8, -0.3), (0.0, 0.0, -0.3))
    away = playing[1] - (0, 0, 0.6)
    assert place_playing_hand(camera, camera.project(away), Side.RIGHT) is None


def test_a_hand_that_is_elsewhere_is_not_pulled_to_the_keys(rig, playing):
    camera = rig.camera('top')
    away = playing + (0, 0, 0.35)  # half way up to the camera
    view = view_of(camera, away, (1, 2), T0)
    sight = (camera, view, 1)
    palm = 0.0865
    plain = place_hand(camera, view.pixels[1], view.world[1], palm)
    found = LoneView(over_keys=True).place(T0, Side.RIGHT, sight, palm)
    np.testing.assert_array_equal(found.landmarks, plain.landmarks)


def test_what_is_known_of_a_hand_that_several_views_saw_counts_too(rig, playing):
    camera = rig.camera('top')
    view = view_of(camera, playing, (1, 2), T0)
    sight, lifted = (camera, view, 1), playing[1] + (0, 0, 0.06)
    seen = view_of(camera, np.stack([playing[0], lifted]), (1, 2), T0)
    memory = LoneView(over_keys=True)
    memory.remember(T0, Side.RIGHT, [(camera, seen, 1), sight], lifted)
    soon = replace(seen, stamp=T0 + 16_666_667)
    placed = memory.place(soon.stamp, Side.RIGHT, (camera, soon, 1), 0.0865)
    # A sixtieth of a second later it is as high as it was, to a few centimetres: the keys pull by little.
    off = placed.landmarks.mean(axis=0) - lifted.mean(axis=0)
    assert np.linalg.norm(off) < 0.03
