"""Measures of triangulated hands, the same for every solver.

Letters: V views, S sets, J joints, B bones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import BONES, LANDMARKS, PALM, Side
from pianokpm_ros.geometry.association import SIDES, associate
from pianokpm_ros.geometry.bones import measure_bones
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulation import solve_equally, triangulate

FloatArray = NDArray[np.floating]
Refiner = Callable[[Side, FloatArray, FloatArray], FloatArray]
Solver = Callable[[Sequence[Camera], FloatArray], FloatArray]

NEIGHBOURS = 4
"""Hands of the same side before and after that tell what is usual at a time; 1.5 s of `charuco_4cam`."""

ENOUGH = 10
"""Fewer hands don't tell how much bones vary."""

SOUND = 15.0
"""A hand whose median reprojection error is beyond this is none [px]."""


@dataclass(frozen=True, eq=False)
class Sighted:
    """A hand in one set: its pixels in each view, (V, 21, 2), NaN where not seen."""

    index: int
    stamp: int
    side: Side
    pixels: FloatArray


@dataclass
class Score:
    """What a solver made of the hands."""

    hands: int = 0
    sound: int = 0
    views: float = float('nan')
    error: tuple[float, float] = (float('nan'),) * 2
    bones: tuple[float, float] = (float('nan'),) * 2
    left_out: tuple[float, float] = (float('nan'),) * 2
    points: list[FloatArray] = field(default_factory=list)

    def row(self) -> list[str]:
        """Return the cells of a table."""
        return [
            str(self.hands),
            str(self.sound),
            f'{self.views:.2f}',
            '{:.2f} / {:.1f}'.format(*self.error),
            '{:.1%} / {:.1%}'.format(*self.bones),
            '{:.2f} / {:.1f}'.format(*self.left_out),
        ]


HEADINGS = (
    'hands',
    f'below {SOUND:.0f} px',
    'views',
    'reprojection px median / p90',
    'bone CV / against the hands just before and after',
    'one view left out: shift mm median / p90',
)


def solve_robust(cameras: Sequence[Camera], pixels: FloatArray) -> FloatArray:
    """The pipeline's own solver."""
    return triangulate(cameras, pixels).points


SOLVERS: dict[str, Solver] = {'DLT': solve_equally, 'ours': solve_robust}


def tell_apart(cameras: Sequence[Camera], sets: Sequence[FrameSet]) -> list[Sighted]:
    """Return the hands of all sets that two views see."""
    last: dict[Side, FloatArray] = {}
    found = []
    for index, frames in enumerate(sets):
        used = [i for i, c in enumerate(cameras) if c.name in frames.views]
        views = [frames.views[cameras[i].name] for i in used]
        choices = associate([cameras[i] for i in used], views, last)
        for column, side in enumerate(SIDES):
            pixels = np.full((len(cameras), 21, 2), np.nan)
            for i, view, choice in zip(used, views, choices, strict=True):
                if choice[column] >= 0:
                    pixels[i] = view.pixels[choice[column]]
            if np.isfinite(pixels[:, 0, 0]).sum() >= 2:
                found.append(Sighted(index, frames.stamp, side, pixels))
                last[side] = solve_equally(cameras, pixels)[list(PALM)].mean(axis=0)
    return found


def robust_cv(lengths: FloatArray) -> FloatArray:
    """Return 1.4826 MAD over median of (S, B) lengths, (B,)."""
    middle = np.nanmedian(lengths, axis=0)
    return 1.4826 * np.nanmedian(np.abs(lengths - middle), axis=0) / middle


def steady_cv(lengths: FloatArray) -> FloatArray:
    """Return the CV of (S, B) lengths against their medians over the `NEIGHBOURS`, without slow changes, (B,)."""
    usual = [
        np.nanmedian(lengths[max(0, i - NEIGHBOURS) : i + NEIGHBOURS + 1], axis=0)
        for i in range(len(lengths))
    ]
    return 1.4826 * np.nanmedian(np.abs(lengths / usual - 1), axis=0)


def _judge_bones(sides: Sequence[Side], points: Sequence[FloatArray]) -> tuple[float, float]:
    """Return by how much bones vary, as they are and without slow changes: means of the bones of both hands."""
    rows = [
        (np.mean(robust_cv(x)), np.mean(steady_cv(x))) for x in _lengths_by_side(sides, points)
    ]
    return tuple(np.mean(rows, axis=0).tolist()) if rows else (float('nan'),) * 2


def _lengths_by_side(sides: Sequence[Side], points: Sequence[FloatArray]) -> list[FloatArray]:
    """Return (S, B) lengths of the bones of each hand that was seen often enough [m]."""
    chosen = [[p for s, p in zip(sides, points, strict=True) if s == side] for side in SIDES]
    return [measure_bones(np.stack(c)) for c in chosen if len(c) > ENOUGH]


def rank_bones(
    cameras: Sequence[Camera], hands: Sequence[Sighted], count: int = 3
) -> list[tuple[str, float]]:
    """Return names and CVs, means of both hands, of the bones that vary most and of those that vary least."""
    points = [solve_robust(cameras, h.pixels) for h in hands]
    by_side = _lengths_by_side([h.side for h in hands], points)
    varying = np.mean([robust_cv(lengths) for lengths in by_side], axis=0)
    order = np.argsort(-varying)
    names = [f'{LANDMARKS[a]} to {LANDMARKS[b]}' for a, b in BONES]
    return [(names[i], float(varying[i])) for i in (*order[:count], *order[-count:])]


def score(
    cameras: Sequence[Camera],
    hands: Sequence[Sighted],
    solver: Solver,
    make_refiner: Callable[[], Refiner] | None = None,
) -> Score:
    """Solve all hands, with all views and with each left out; each time by a refiner of its own."""
    points = _solve_all(cameras, hands, solver, make_refiner)
    error = [distances(cameras, h.pixels, p) for h, p in zip(hands, points, strict=True)]
    shifts = []
    for v in range(len(cameras)):
        without = [_leave_out(h, v) for h in hands]
        kept = [i for i, h in enumerate(without) if h is not None]
        other = _solve_all(cameras, [without[i] for i in kept], solver, make_refiner)
        shifts += [np.linalg.norm(points[i] - o, axis=1) for i, o in zip(kept, other, strict=True)]
    every = np.concatenate([e[np.isfinite(e)] for e in error])
    shift = 1e3 * np.concatenate(shifts) if shifts else np.array([np.nan])
    return Score(
        len(hands),
        sum(np.nanmedian(e) <= SOUND for e in error if np.isfinite(e).any()),
        float(np.mean([np.isfinite(h.pixels[:, 0, 0]).sum() for h in hands])),
        (float(np.median(every)), float(np.percentile(every, 90))),
        _judge_bones([h.side for h in hands], points),
        (float(np.nanmedian(shift)), float(np.nanpercentile(shift, 90))),
        points,
    )


def _solve_all(cameras, hands, solver, make_refiner) -> list[FloatArray]:
    points = [solver(cameras, h.pixels) for h in hands]
    if make_refiner is None:
        return points
    refine = make_refiner()
    return [refine(h.side, p, h.pixels) for h, p in zip(hands, points, strict=True)]


def _leave_out(hand: Sighted, view: int) -> Sighted | None:
    if not np.isfinite(hand.pixels[view, 0, 0]) or np.isfinite(hand.pixels[:, 0, 0]).sum() < 3:
        return None
    pixels = hand.pixels.copy()
    pixels[view] = np.nan
    return Sighted(hand.index, hand.stamp, hand.side, pixels)


def distances(cameras: Sequence[Camera], pixels: FloatArray, points: FloatArray) -> FloatArray:
    """Return (V * J,) how far the points' pictures are from (V, J, 2) pixels [px]."""
    return np.concatenate(
        [
            np.linalg.norm(c.project(points) - p, axis=1)
            for c, p in zip(cameras, pixels, strict=True)
        ]
    )
