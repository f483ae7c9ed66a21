"""Decide which hand in each view is the person's left and which the right.

The detector's own labels agree across views only in about 95 % of hands. So every way of calling
the hands is scored: how well each side triangulates, how many labels it contradicts, how far the
hands would have jumped.
Letters: V views, H hands.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import PALM, Side
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.triangulation import solve_linear, stack_projections
from pianokpm_ros.records import HandLandmarks

FloatArray = NDArray[np.floating]

SIDES = (Side.LEFT, Side.RIGHT)
PIXEL_SCALE = 10.0
"""Reprojection error that weighs as much as one contradicted label [px]."""

PIXEL_CAP = 4.0
JUMP_SCALE = 0.1
"""Jump of a palm between two sets that weighs as much as one contradicted label [m]."""

JUMP_CAP = 2.0
SWITCH = 1.0
"""Cost of calling a hand otherwise than a moment ago, when it alone was known: one view's label is not enough."""

LONE_VIEW = 1.5
"""Cost of a side that only one of several views sees: two lone hands may be one hand with a wrong label."""

SAME_HAND = 0.25
"""Two detections in one view whose palms are nearer than this part of the hand's size are one hand."""

MAX_VIEWS = 6
"""Beyond this many views with hands, the most certain ones decide and the others follow their labels."""

Choice = tuple[int, int]
"""Index of the left and of the right hand in a view, -1 = none."""


def distinct_hands(view: HandLandmarks) -> list[int]:
    """Return the indices of at most two hands, best score first, without second detections of the same hand."""
    kept: list[int] = []
    palms = view.pixels[:, list(PALM)].mean(axis=1)
    sizes = np.ptp(view.pixels, axis=1).max(axis=1) if view.count else np.zeros(0)
    for index in np.argsort(-view.score, kind='stable').tolist():
        if not np.isfinite(palms[index]).all():
            continue
        if all(np.linalg.norm(palms[index] - palms[k]) > SAME_HAND * sizes[k] for k in kept):
            kept.append(index)
    return kept[:2]


def list_choices(view: HandLandmarks) -> list[Choice]:
    """List the ways to call a view's hands, the detector's own first."""
    hands = distinct_hands(view)
    if not hands:
        return [(-1, -1)]
    choices = (
        [(hands[0], -1), (-1, hands[0])]
        if len(hands) == 1
        else [(hands[0], hands[1]), (hands[1], hands[0])]
    )
    return sorted(choices, key=lambda c: _label_cost(view, c))


def _label_cost(view: HandLandmarks, choice: Choice) -> float:
    return sum(
        float(view.score[i])
        for side, i in zip(SIDES, choice, strict=True)
        if i >= 0 and view.side[i] not in (side, Side.UNKNOWN)
    )


def associate(
    cameras: Sequence[Camera], views: Sequence[HandLandmarks], last: dict[Side, FloatArray]
) -> list[Choice]:
    """Call the hands of all views.

    Args:
        cameras: V of them.
        views: V records, in the same order.
        last: (3,) place of each side's palm a moment ago [m], where it was known.

    Returns:
        A choice for each view.
    """
    choices = [list_choices(v) for v in views]
    open_views = [i for i, c in enumerate(choices) if len(c) > 1]
    open_views.sort(key=lambda i: -float(views[i].score.max()))
    for i in open_views[MAX_VIEWS:]:
        choices[i] = choices[i][:1]
    combinations = list(product(*choices))
    if len(combinations) == 1:
        return list(combinations[0])
    rays = _palm_rays(cameras, views)
    costs = [_cost(cameras, views, rays, c, last) for c in combinations]
    return list(combinations[int(np.argmin(costs))])


def _palm_rays(cameras: Sequence[Camera], views: Sequence[HandLandmarks]) -> list[FloatArray]:
    return [c.normalize(v.pixels[:, list(PALM)]) for c, v in zip(cameras, views, strict=True)]


def _cost(
    cameras: Sequence[Camera],
    views: Sequence[HandLandmarks],
    rays: list[FloatArray],
    combination: Sequence[Choice],
    last: dict[Side, FloatArray],
) -> float:
    cost = sum(_label_cost(v, c) for v, c in zip(views, combination, strict=True))
    for column, side in enumerate(SIDES):
        seen = [(i, choice[column]) for i, choice in enumerate(combination) if choice[column] >= 0]
        if len(seen) == 1 and len(views) > 1:
            cost += LONE_VIEW
        elif len(seen) > 1:
            cost += _geometry_cost(
                [cameras[i] for i, _ in seen],
                np.stack([rays[i][h] for i, h in seen]),
                last.get(side),
                last.get(SIDES[1 - column]),
            )
    return cost


def _geometry_cost(
    cameras: Sequence[Camera],
    rays: FloatArray,
    last: FloatArray | None,
    other: FloatArray | None,
) -> float:
    points = solve_linear(stack_projections(cameras), rays)
    residual = []
    for camera, ray in zip(cameras, rays, strict=True):
        local = camera.transform(points)
        with np.errstate(divide='ignore', invalid='ignore'):
            residual.append(
                np.where(local[:, 2:] > 0, (local[:, :2] / local[:, 2:] - ray) * camera.focal, 1e3)
            )
    error = np.nan_to_num(np.sqrt(np.nanmean(np.square(residual))), nan=1e3)
    cost = len(cameras) * min(error / PIXEL_SCALE, PIXEL_CAP)
    known = last if last is not None else other
    if known is not None:
        jump = np.nan_to_num(np.linalg.norm(np.nanmean(points, axis=0) - known), nan=1.0)
        jump /= JUMP_SCALE
        cost += min(jump, JUMP_CAP) if last is not None else SWITCH * max(0.0, 1.0 - jump)
    return float(cost)
