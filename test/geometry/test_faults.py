"""Faults of single cameras: the error stays bounded and is reported."""

import dataclasses

import cv2
import numpy as np
import pytest

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulator import HandTriangulator

from .test_triangulator import T0, view_of

PERIOD = 16_666_667
COUNT = 90
NOISE = 2.0
FINGERS = (4, 8, 12, 16, 20)


def place_hands(hands, time):
    """Return both hands at a time [s]: sliding along the keys and tapping at 3 Hz."""
    slide = np.array(
        [0.10 * np.sin(2 * np.pi * 0.7 * time), 0.03 * np.sin(2 * np.pi * 1.1 * time), 0]
    )
    moved = hands + slide
    moved[:, FINGERS, 2] += 0.015 * np.sin(2 * np.pi * 3 * time + np.arange(5))
    return moved


def film(rig, hands, index):
    stamp = T0 + index * PERIOD
    views = {
        c.name: view_of(
            c, place_hands(hands, index * PERIOD * 1e-9), (1, 2), stamp, NOISE, 7 * index + i
        )
        for i, c in enumerate(rig.cameras)
    }
    return FrameSet(stamp, views, 0)


def blind(frames, before):
    view = frames.views['left']
    frames.views['left'] = view.empty(view.stamp, 'left', view.frame_id, view.size, 0)


def freeze(frames, before):
    if len(before) > 20:
        frames.views['left'] = dataclasses.replace(before[20].views['left'], stamp=frames.stamp)


def delay(frames, before):
    if len(before) > 3:  # 40 ms are two frames and a half
        frames.views['left'] = dataclasses.replace(before[-2].views['left'], stamp=frames.stamp)


def swap(frames, before):
    view = frames.views['left']
    frames.views['left'] = dataclasses.replace(view, side=view.side[::-1].copy())


def play(rig, hands, spoil, used=None):
    """Return (T, 2, 21) errors [m], the statuses and the triangulator."""
    triangulator, before, errors, statuses = HandTriangulator(used or rig), [], [], []
    for i in range(COUNT):
        frames = film(rig, hands, i)
        before.append(film(rig, hands, i))
        spoil(frames, before)
        poses = triangulator.process(frames)
        truth = place_hands(hands, i * PERIOD * 1e-9)
        pair = [poses[s] for s in (Side.LEFT, Side.RIGHT)]
        errors.append(
            [np.linalg.norm(p.landmarks - t, axis=1) for p, t in zip(pair, truth, strict=True)]
        )
        statuses += [p.status for p in pair]
    return np.array(errors), statuses, triangulator


def turn(rig, degrees):
    """Return the rig with one camera's calibration turned about its vertical axis."""
    camera = rig.camera('left')
    wrong = cv2.Rodrigues(np.array([0, np.deg2rad(degrees), 0.0]))[0]
    turned = dataclasses.replace(
        camera, rotation=wrong @ camera.rotation, translation=wrong @ camera.translation
    )
    return Rig(tuple(turned if c.name == 'left' else c for c in rig.cameras), rig.frame_id)


@pytest.mark.parametrize(
    ('spoil', 'bound', 'suspect'),
    [(blind, 1.5, False), (swap, 1.1, False), (delay, 1.7, False), (freeze, 2.0, True)],
)
def test_one_spoilt_view_of_four_costs_little_and_is_named(rig, hands, spoil, bound, suspect):
    good, statuses, sound = play(rig, hands, lambda frames, before: None)
    bad, spoilt_statuses, spoilt = play(rig, hands, spoil)
    assert set(statuses) == set(spoilt_statuses) == {Status.OK} and sound.check.suspects == ()
    # Without one of four views the noise grows by a sixth and the geometry gets worse: up to half as
    # much again. A view 40 ms late is off by 20 px at most, a frozen one by 120 px: weighted down.
    assert np.median(bad) < bound * np.median(good)
    assert np.percentile(bad, 99) < 3 * np.percentile(good, 99)
    assert (spoilt.check.suspects == ('left',)) == suspect


def test_a_calibration_off_by_a_degree_is_named_and_bounded(rig, hands):
    good, _, _ = play(rig, hands, lambda frames, before: None)
    bad, _, triangulator = play(rig, hands, lambda frames, before: None, used=turn(rig, 1.0))
    # A degree is 10 px at 600 px, against 2 px of noise.
    assert triangulator.check.suspects == ('left',)
    assert 8 < triangulator.check.errors['left'] < 14
    assert np.median(bad) < 2.2 * np.median(good)


def test_two_views_can_not_tell_who_is_wrong(rig, hands):
    pair = rig.select(('top', 'left'))
    _, _, triangulator = play(pair, hands, freeze)
    assert triangulator.check.suspects == ()
