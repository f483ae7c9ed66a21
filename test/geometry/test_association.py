from itertools import product

import numpy as np
import pytest

from pianokpm_ros.anatomy import PALM, Side
from pianokpm_ros.geometry.association import (
    BEHIND,
    JUMP_CAP,
    JUMP_SCALE,
    LONE_VIEW,
    PIXEL_CAP,
    PIXEL_SCALE,
    SIDES,
    SWITCH,
    _hand_costs,
    list_choices,
)
from pianokpm_ros.geometry.triangulation import solve_linear, stack_projections

from .test_triangulator import view_of


def cost_of_one(cameras, views, combination, last):
    """Return the cost of one way of calling the hands, computed hand by hand."""
    total = 0.0
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
        residual = []
        for (camera, _, _), ray in zip(seen, rays, strict=True):
            local = camera.transform(points)
            error = (local[:, :2] / local[:, 2:] - ray) * camera.focal
            residual.append(np.where(local[:, 2:] > 0, error, BEHIND))
        total += len(seen) * min(np.sqrt(np.mean(np.square(residual))) / PIXEL_SCALE, PIXEL_CAP)
        own, other = last.get(side), last.get(SIDES[1 - column])
        if own is not None:
            total += min(np.linalg.norm(points.mean(axis=0) - own) / JUMP_SCALE, JUMP_CAP)
        elif other is not None:
            total += SWITCH * max(0, 1 - np.linalg.norm(points.mean(axis=0) - other) / JUMP_SCALE)
    return total


@pytest.mark.parametrize('known', [(), (Side.LEFT,), (Side.RIGHT,), SIDES])
def test_all_ways_at_once_cost_what_each_costs_alone(rig, hands, known):
    views = [
        view_of(camera, hands[: 1 + (i != 2)], (1, 2)[: 1 + (i != 2)], noise=3.0, seed=i)
        for i, camera in enumerate(rig.cameras)
    ]
    last = {s: hands[SIDES.index(s), list(PALM)].mean(axis=0) + 0.02 for s in known}
    ways = list(product(*(list_choices(v) for v in views)))
    assert len(ways) == 16
    found = _hand_costs(rig.cameras, views, np.array(ways), last)
    expected = [cost_of_one(rig.cameras, views, w, last) for w in ways]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert len(set(np.round(found, 6))) > 1
