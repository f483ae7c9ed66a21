from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from pianokpm_ros.anatomy import PALM, Side
from pianokpm_ros.geometry.association import (
    BEHIND,
    ENDS,
    ERROR_CAP,
    ERROR_SCALE,
    JUMP_CAP,
    JUMP_SCALE,
    LONE_VIEW,
    NO_HAND,
    SIDES,
    SIZE_RATIO,
    SWITCH,
    _hand_costs,
    associate,
    list_choices,
)
from pianokpm_ros.geometry.triangulation import solve_linear, stack_projections

from .test_triangulator import view_of


def cost_of_one(cameras, views, combination, last):
    """Return the cost of one way of calling the hands, computed hand by hand."""
    total, sizes = 0.0, []
    for column, side in enumerate(SIDES):
        seen = [
            (c, v, p[column])
            for c, v, p in zip(cameras, views, combination, strict=True)
            if p[column] >= 0
        ]
        if len(seen) < 2:
            total += LONE_VIEW * (len(seen) == 1)
            continue
        rays = np.stack([c.normalize(v.pixels[h, list(PALM)]) for c, v, h in seen])
        points = solve_linear(stack_projections([c for c, _, _ in seen]), rays)
        away, ahead, extents = [], [], []
        for (camera, view, hand), ray in zip(seen, rays, strict=True):
            local = camera.transform(points)
            away.append(local[:, :2] / local[:, 2:] - ray)
            ahead.append(local[:, 2:] > 0)
            extent = np.ptp(view.pixels[hand].astype(float), axis=0).max()
            extents.append(extent / camera.focal)
        parts = np.where(ahead, away / np.mean(extents), BEHIND)
        total += len(seen) * min(np.sqrt(np.mean(np.square(parts))) / ERROR_SCALE, ERROR_CAP)
        wrist, knuckle = (points[PALM.index(end)] for end in ENDS)
        sizes.append(np.linalg.norm(wrist - knuckle))
        own, other = last.get(side), last.get(SIDES[1 - column])
        if own is not None:
            total += min(np.linalg.norm(points.mean(axis=0) - own) / JUMP_SCALE, JUMP_CAP)
        elif other is not None:
            total += SWITCH * max(0, 1 - np.linalg.norm(points.mean(axis=0) - other) / JUMP_SCALE)
    if len(sizes) == 2:
        total += NO_HAND * min(abs(np.log(sizes[1] / sizes[0])) / SIZE_RATIO, 1.0) ** 2
    return total + sum(cost_of_unusual(s) for s in sizes)


def cost_of_unusual(size):
    """Nothing from 70 to 120 mm, all of it from 45 mm down and 160 mm up, unless lengths are in another unit."""
    if not 0.015 < size < 0.48:
        return 0.0
    small, large = np.log(size / 0.07) / np.log(0.045 / 0.07), np.log(size / 0.12) / np.log(4 / 3)
    return NO_HAND * min(max(small, large, 0.0), 1.0) ** 2


@pytest.mark.parametrize('known', [(), (Side.LEFT,), (Side.RIGHT,), SIDES])
def test_all_ways_at_once_cost_what_each_costs_alone(rig, hands, known):
    views = [
        view_of(camera, hands[: 1 + (i != 2)], (1, 2)[: 1 + (i != 2)], noise=3.0, seed=i)
        for i, camera in enumerate(rig.cameras)
    ]
    last = {s: hands[SIDES.index(s), list(PALM)].mean(axis=0) + 0.02 for s in known}
    ways = list(product(*(list_choices(v) for v in views)))
    assert len(ways) == 16
    found = _hand_costs(rig.cameras, views, np.array(ways), last, np.nan)
    expected = [cost_of_one(rig.cameras, views, w, last) for w in ways]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert len(set(np.round(found, 6))) > 1


@pytest.mark.parametrize(('size', 'further'), [(np.nan, 0.5), (np.nan, 0.42), (0.09, 0.15)])
@pytest.mark.parametrize('called', [(1, 2), (1, 1), (2, 2)])
def test_two_views_of_different_hands_make_no_small_one_between_them(
    rig, hands, size, further, called
):
    """Each of two cameras sees the hand furthest from it; their rays meet above the keyboard, where no hand is."""
    apart = hands + np.array([[[-further, 0, 0]], [[further, 0, 0]]])
    cameras = [rig.camera(n) for n in ('left', 'right')]
    views = [
        view_of(camera, apart[hand : hand + 1], (label,))
        for camera, hand, label in zip(cameras, (1, 0), called, strict=True)
    ]
    choice = associate(cameras, views, {}, size)
    assert {c.index(0) for c in choice} == {0, 1}, 'one is the left hand, the other the right'


def test_a_calibration_in_another_unit_does_not_part_a_hand_from_itself(rig, hands):
    views = [view_of(c, hands[:1], (1,)) for c in rig.cameras[:2]]
    huge = [replace(c, translation=100.0 * c.translation) for c in rig.cameras[:2]]
    assert associate(huge, views, {}) == [(0, -1), (0, -1)]
