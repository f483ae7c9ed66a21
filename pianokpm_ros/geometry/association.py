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
from pianokpm_ros.geometry.hand_size import ENDS, POSSIBLE, USUAL, measure_extents
from pianokpm_ros.geometry.triangulation import solve_linear, stack_projections
from pianokpm_ros.records import HandLandmarks

FloatArray = NDArray[np.floating]

SIDES = (Side.LEFT, Side.RIGHT)
ERROR_SCALE = 0.12
"""Error in the pictures that weighs as much as one contradicted label, in parts of the hand's length there."""

ERROR_CAP = 4.0
JUMP_SCALE = 0.1
"""Jump of a palm between two sets that weighs as much as one contradicted label [m]."""

JUMP_CAP = 2.0
SWITCH = 1.0
"""Cost of calling a hand otherwise than a moment ago, when it alone was known: one view's label is not enough."""

LONE_VIEW = 1.5
"""Cost of a side that only one of several views sees: two lone hands may be one hand with a wrong label."""

NO_HAND = 4.5
"""Cost of a hand of no person's size, or not of this person's: two views that each see another hand make a small one
between them. More than that these are told apart against a label. Unusual sizes cost a part of it."""

OTHER_UNIT = 3.0
"""Beyond this many times of what is possible the calibration's lengths are in another unit: that tells nothing."""

SIZE_RATIO = 0.25
"""Palms whose sizes differ by this (logarithm) are not of one person; triangulated ones vary by 10 %."""

SAME_HAND = 0.25
"""Two detections in one view whose palms are nearer than this part of the hand's size are one hand."""

BEHIND = 10.0
"""Error of a point that lies behind a camera or can't be solved, in parts of the hand's length."""

MAX_VIEWS = 6
"""Beyond this many views with hands, the most certain ones decide and the others follow their labels."""

Choice = tuple[int, int]
"""Index of the left and of the right hand in a view, -1 = none."""


def distinct_hands(view: HandLandmarks) -> list[int]:
    """Return the indices of at most two hands, best score first, without second detections of the same hand."""
    kept: list[int] = []
    palms = view.pixels[:, list(PALM)].mean(axis=1)
    sizes = measure_extents(view.pixels)
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
    sides, scores = view.side.tolist(), view.score.tolist()
    return sum(
        scores[i]
        for side, i in zip(SIDES, choice, strict=True)
        if i >= 0 and sides[i] not in (side, Side.UNKNOWN)
    )


def associate(
    cameras: Sequence[Camera],
    views: Sequence[HandLandmarks],
    last: dict[Side, FloatArray],
    size: float = np.nan,
) -> list[Choice]:
    """Call the hands of all views.

    Args:
        cameras: V of them.
        views: V records, in the same order.
        last: (3,) place of each side's palm a moment ago [m], where it was known.
        size: of this person's hands, from the wrist to the knuckle of the index finger [m]; NaN = not known.

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
    costs = _label_costs(views, combinations) + _hand_costs(
        cameras, views, np.array(combinations), last, size
    )
    return list(combinations[int(np.argmin(costs))])


def _label_costs(
    views: Sequence[HandLandmarks], combinations: Sequence[Sequence[Choice]]
) -> FloatArray:
    """Return (C,) how much the combinations contradict the detectors' labels."""
    known = [
        {choice: _label_cost(view, choice) for choice in set(column)}
        for view, column in zip(views, zip(*combinations, strict=True), strict=True)
    ]
    return np.array([sum(k[c] for k, c in zip(known, one, strict=True)) for one in combinations])


def _hand_costs(
    cameras: Sequence[Camera],
    views: Sequence[HandLandmarks],
    combinations: NDArray[np.int64],
    last: dict[Side, FloatArray],
    size: float,
) -> FloatArray:
    """Return (C,) how badly the sides of (C, V, 2) combinations triangulate, how far they jump, how odd their size is.

    All hands that the combinations ask for are solved at once, each only once.
    """
    count, width = combinations.shape[:2]
    picked = np.concatenate([combinations[:, :, 0], combinations[:, :, 1]])
    hands, inverse = np.unique(picked, axis=0, return_inverse=True)
    seen = (hands >= 0).sum(axis=1)
    errors, points = _triangulate_palms(cameras, views, hands)
    palms = _mean(points, (1,))
    costs = np.where(seen > 1, seen * np.minimum(errors / ERROR_SCALE, ERROR_CAP), 0.0)
    length = np.where(seen > 1, _measure(points), np.nan)
    costs += size_costs(length, size)
    costs[(seen == 1) & (width > 1)] = LONE_VIEW
    total = np.zeros(count)
    for column, side in enumerate(SIDES):
        moved = _move_costs(palms, last.get(side), last.get(SIDES[1 - column]))
        own = costs + np.where(seen > 1, moved, 0.0)
        total += own[inverse.reshape(2, count)[column]]
    left, right = length[inverse.reshape(2, count)]
    return total + np.where(np.isfinite(left), size_costs(right, left), 0.0)


def _triangulate_palms(
    cameras: Sequence[Camera], views: Sequence[HandLandmarks], hands: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """Triangulate the palms of (K, V) hands, index in each view, -1 = none.

    Returns:
        (K,) error in the pictures in parts of the hand's length, and (K, L, 3) landmarks of the palm [m].
    """
    landmarks = list(PALM)
    rays = np.full((len(views), len(hands), len(landmarks), 2), np.nan)
    extents = np.full((len(views), len(hands)), np.nan)
    for v, (camera, view) in enumerate(zip(cameras, views, strict=True)):
        known = hands[:, v] >= 0
        rays[v, known] = camera.normalize(view.pixels[:, landmarks])[hands[known, v]]
        extents[v, known] = measure_extents(view.pixels)[hands[known, v]] / camera.focal
    projections = stack_projections(cameras)
    flat = rays.reshape(len(views), -1, 2)
    points = solve_linear(projections, flat)
    local = np.einsum('vij,nj->vni', projections[..., :3], points) + projections[:, None, :, 3]
    ahead = local[..., 2:] > 0
    with np.errstate(divide='ignore', invalid='ignore'):
        away = (local[..., :2] / local[..., 2:] - flat).reshape(rays.shape)
        part = away / _mean(extents, (0,))[:, None, None]
    used = (hands.T >= 0)[:, :, None, None]
    square = np.where(used, np.where(ahead.reshape(*rays.shape[:3], 1), part, BEHIND) ** 2, np.nan)
    return (
        np.nan_to_num(np.sqrt(_mean(square, (0, 2, 3))), nan=BEHIND),
        points.reshape(len(hands), len(landmarks), 3),
    )


def _measure(points: FloatArray) -> FloatArray:
    """Return (K,) from the wrist to the knuckle of the index finger [m] of (K, L, 3) palms."""
    wrist, knuckle = (points[:, PALM.index(end)] for end in ENDS)
    return np.linalg.norm(wrist - knuckle, axis=1)


def size_costs(length: FloatArray, expected: FloatArray | float) -> FloatArray:
    """Return what (K,) lengths from wrist to index knuckle [m] cost that aren't those expected.

    Where nothing is expected (NaN) those that are no usual person's cost something; unknown ones are free.
    """
    with np.errstate(divide='ignore'):
        differs = np.abs(np.log(length / expected)) / SIZE_RATIO
        small, large = (
            np.log(length / usual) / np.log(possible / usual)
            for usual, possible in zip(USUAL, POSSIBLE, strict=True)
        )
    unit = (length > POSSIBLE[0] / OTHER_UNIT) & (length < POSSIBLE[1] * OTHER_UNIT)
    odd = np.where(np.isfinite(expected), differs, np.where(unit, np.maximum(small, large), 0.0))
    return NO_HAND * np.nan_to_num(np.clip(odd, 0.0, 1.0)) ** 2


def _mean(values: FloatArray, axes: tuple[int, ...]) -> FloatArray:
    """Average what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axes)
    total = np.where(known, values, 0.0).sum(axis=axes)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _move_costs(
    palms: FloatArray, last: FloatArray | None, other: FloatArray | None
) -> FloatArray:
    """Return (K,) the cost of how far (K, 3) palms [m] are from where a side was, or of where only the other was."""
    known = last if last is not None else other
    if known is None:
        return np.zeros(len(palms))
    jump = np.nan_to_num(np.linalg.norm(palms - known, axis=1), nan=1.0) / JUMP_SCALE
    return np.minimum(jump, JUMP_CAP) if last is not None else SWITCH * np.maximum(0, 1 - jump)
