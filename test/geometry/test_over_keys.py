"""One camera over a keyboard whose place is known: the keys tell how far away a hand is."""

from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import FINGERTIPS, Side, Status
from pianokpm_ros.geometry.lone_view import LoneView
from pianokpm_ros.geometry.over_keys import HEIGHT_DEVIATION, reach_keys
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.single_view import place_hand
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.records import KEYBOARD_FRAME
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import load_take

from .conftest import look_at
from .test_triangulator import T0, view_of

VIEWS = ('top', 'left', 'right', 'front')


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


def farther(camera, landmarks, factor):
    """Move a hand along the line of sight; its picture stays."""
    return camera.centre + factor * (landmarks - camera.centre)


@pytest.mark.parametrize('name', VIEWS)
@pytest.mark.parametrize('factor', [0.8, 1.0, 1.3])
def test_a_hand_at_the_wrong_distance_is_told_to_come_to_the_keys(rig, playing, name, factor):
    camera, hand = rig.camera(name), grow(playing[1], 1.0)
    found, deviation = reach_keys(camera, farther(camera, hand, factor))
    assert found == pytest.approx(1 / factor, rel=1e-6)
    # Seen from above at 0.7 m a centimetre of height is a centimetre of distance; from 0.35 m high at an angle, two.
    assert deviation == pytest.approx(HEIGHT_DEVIATION / (factor * camera.centre[2]), rel=1e-6)


@pytest.mark.parametrize('height', [0.04, -0.3])
def test_a_camera_level_with_the_keys_or_below_tells_nothing(playing, height):
    assert reach_keys(look_at('low', (0.0, -0.8, height)), playing[1]) is None


def place(rig, hands, name, frame_id):
    """Place hands by one view; returns (2,) how far their middles are off [m], and the poses."""
    triangulator = HandTriangulator(Rig((rig.camera(name),), frame_id))
    poses = triangulator.process(
        FrameSet(T0, {name: view_of(rig.camera(name), hands, (1, 2), T0)})
    )
    found = [poses[s] for s in (Side.LEFT, Side.RIGHT)]
    off = [p.landmarks.mean(axis=0) - h.mean(axis=0) for p, h in zip(found, hands, strict=True)]
    return np.linalg.norm(off, axis=1), found


@pytest.mark.parametrize('larger', [0.85, 1.15])
@pytest.mark.parametrize('name', VIEWS)
def test_people_with_large_and_small_hands_are_placed_where_they_play(rig, playing, name, larger):
    """By its size alone a hand 15 % larger seems to be 15 % nearer, ten centimetres."""
    hands = [grow(h, larger) for h in playing]
    without, _ = place(rig, hands, name, 'rig')
    with_keys, poses = place(rig, hands, name, KEYBOARD_FRAME)
    assert (with_keys < 0.5 * without).all()
    for pose, off in zip(poses, with_keys, strict=True):
        assert pose.status == Status.DEGRADED and pose.frame_id == KEYBOARD_FRAME
        assert off < 3 * np.median(pose.deviation) < 0.1


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
    # A sixtieth of a second later it is as high as it was, to a few millimetres: the keys pull by little.
    off = placed.landmarks.mean(axis=0) - lifted.mean(axis=0)
    assert np.linalg.norm(off) < 0.03
