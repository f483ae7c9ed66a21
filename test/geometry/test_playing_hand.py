"""One camera over a keyboard whose place is known: hands are placed as playing hands are."""

from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import FINGERTIPS, Side, Status
from pianokpm_ros.geometry import playing_hand
from pianokpm_ros.geometry.mirrored import KEPT, SWAPPED
from pianokpm_ros.geometry.playing_hand import load_playing_hands, place_playing_hand
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.single_view import SINGLE_VIEW_NOISE
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


def place_shown(camera, pixels, side):
    """Place the hand that one picture shows."""
    unknown = np.full((1, 21, 3), np.nan, np.float32)
    view = replace(
        view_of(camera, np.zeros((1, 21, 3)), (int(side),), T0),
        pixels=np.asarray(pixels, np.float32)[None], world=unknown,
    )  # fmt: skip
    return place_playing_hand([(camera, view, 0)], side)


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
        placed = place_shown(camera, camera.project(hand), side)
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
    right = place_shown(facing, facing.project(hand), Side.RIGHT)
    left = place_shown(opposite, opposite.project(hand * MIRROR), Side.LEFT)
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
        noise = SINGLE_VIEW_NOISE * pixel * random.normal(size=(21, 2))
        placed = place_shown(camera, camera.project(hand) + noise, Side.RIGHT)
        off, stated = placed.landmarks - hand, np.zeros((21, 3, 3))
        for k, (i, j) in enumerate(UPPER):
            stated[:, i, j] = stated[:, j, i] = placed.covariance[:, k]
        squares.append(np.einsum('ji,jik,jk->j', off, np.linalg.inv(stated), off).mean() / 3)
    assert 0.8 < np.mean(squares) < 1.2


def test_a_hand_taken_for_its_mirror_image_is_placed_by_what_is_right_of_it(rig, playing):
    camera, hand = rig.camera('front'), playing[1]
    pixels = camera.project(hand)[SWAPPED]
    placed = place_shown(camera, pixels, Side.RIGHT)
    off = np.linalg.norm(placed.landmarks - hand, axis=1)
    assert off.mean() < 0.025 and off[list(KEPT)].mean() < 0.02
    deviation = np.sqrt(placed.covariance[:, [0, 3, 5]].sum(axis=1))
    plain = place_shown(camera, camera.project(hand), Side.RIGHT)
    sure = np.sqrt(plain.covariance[:, [0, 3, 5]].sum(axis=1))
    thumb_and_little = [4, 20]
    assert (deviation[thumb_and_little] > 1.15 * sure[thumb_and_little]).all()


@pytest.mark.parametrize('name', VIEWS)
def test_a_fist_and_a_hand_far_above_the_keys_do_not_play(rig, playing, name):
    camera, hand = rig.camera(name), playing[1]
    for strange in (make_fist(hand), hand + (0, 0, 0.3)):
        assert place_shown(camera, camera.project(strange), Side.RIGHT) is None


def test_landmarks_that_are_not_seen_are_guessed_and_too_few_are_refused(rig, playing):
    camera, hand = rig.camera('front'), playing[0]
    pixels = camera.project(hand)
    pixels[13:] = np.nan
    placed = place_shown(camera, pixels, Side.LEFT)
    off = np.linalg.norm(placed.landmarks - hand, axis=1)
    deviation = np.sqrt(placed.covariance[:, [0, 3, 5]].sum(axis=1))
    assert np.isfinite(placed.landmarks).all() and (off < 3 * deviation).all()
    pixels[5:] = np.nan
    assert place_shown(camera, pixels, Side.LEFT) is None
    assert place_shown(camera, np.full((21, 2), np.nan), Side.LEFT) is None


def test_of_two_views_the_one_that_looks_more_like_a_playing_hand_decides(rig, playing):
    hand, random, sights = playing[1], np.random.default_rng(2), []
    for name, noise in (('front', 2.0), ('top', 0.0)):
        view = view_of(rig.camera(name), hand[None], (2,), T0)
        pixels = view.pixels + noise * random.normal(size=view.pixels.shape).astype(np.float32)
        sights.append((rig.camera(name), replace(view, pixels=pixels), 0))
    noisy, clear = (place_playing_hand([s], Side.RIGHT) for s in sights)
    assert noisy is not None and np.abs(noisy.landmarks - clear.landmarks).max() > 0.005
    for order in (sights, sights[::-1]):
        found = place_playing_hand(order, Side.RIGHT)
        np.testing.assert_array_equal(found.landmarks, clear.landmarks)


@pytest.mark.parametrize('name', VIEWS)
def test_more_steps_change_nothing(rig, playing, name, monkeypatch):
    camera = rig.camera(name)
    pixels = camera.project(grow(playing[1], 1.2) + (0.2, 0.05, 0.0))
    few = place_shown(camera, pixels, Side.RIGHT)
    monkeypatch.setattr(playing_hand, 'STEPS', 30)
    many = place_shown(camera, pixels, Side.RIGHT)
    np.testing.assert_allclose(few.landmarks, many.landmarks, atol=1e-4)


def test_a_camera_below_the_keys_shows_no_playing_hand(playing):
    camera = look_at('low', (0.0, -0.8, -0.3), (0.0, 0.0, -0.3))
    away = playing[1] - (0, 0, 0.6)
    assert place_shown(camera, camera.project(away), Side.RIGHT) is None


def test_a_hand_that_is_elsewhere_is_not_pulled_to_the_keys(rig, playing):
    away = playing + (0, 0, 0.35)  # half way up to the camera
    _, (plain, _) = place(rig, away, 'top', 'rig')
    _, (found, _) = place(rig, away, 'top', KEYBOARD_FRAME)
    np.testing.assert_array_equal(found.landmarks, plain.landmarks)


def test_of_views_that_contradict_each_other_the_one_that_shows_a_playing_hand_decides(
    rig, playing
):
    """One of two views shows the fingers elsewhere: all of it nearly meets in space, and is far from any hand."""
    hands, names, poses = playing, ('top', 'front'), {}
    for frame_id in ('rig', KEYBOARD_FRAME):
        views = {n: view_of(rig.camera(n), hands, (1, 2), T0) for n in names}
        bent = views['front'].pixels.copy()
        bent[1, 5:] = bent[1, 5:][::-1]
        views['front'] = replace(views['front'], pixels=bent)
        cameras = tuple(rig.camera(n) for n in names)
        triangulator = HandTriangulator(Rig(cameras, frame_id))
        poses[frame_id] = triangulator.process(FrameSet(T0, views))
        assert triangulator.check.views['front'].count == 2  # the camera is judged all the same
    off = {f: np.linalg.norm(p[Side.RIGHT].landmarks - hands[1], axis=1) for f, p in poses.items()}
    assert all(p[Side.RIGHT].status == Status.DEGRADED for p in poses.values())
    assert off[KEYBOARD_FRAME].mean() < 0.015 < 0.5 * off['rig'].mean()
    assert (poses[KEYBOARD_FRAME][Side.RIGHT].views == 1).all()
    assert poses[KEYBOARD_FRAME][Side.LEFT].status == Status.OK
