"""Part 2: error against the truth of a filmed simulation, by number of views and by solver."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import cv2
import numpy as np
from rich.console import Console

from pianokpm_ros.anatomy import PALM, Side
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.geometry.bones import BoneSettings
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.smoothing import SmoothingSettings
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulation import solve_equally
from pianokpm_ros.geometry.triangulator import HandTriangulator, TriangulatorSettings
from pianokpm_ros.takes import Take

from . import measures, solvers
from .footage import make_table

REFINED = {
    'raw': None,
    'bones held': TriangulatorSettings(bones=BoneSettings()),
    'bones held, smoothed': TriangulatorSettings(
        bones=BoneSettings(), smoothing=SmoothingSettings()
    ),
}


def detect_take(make: Callable, frames: Sequence[dict]) -> list[FrameSet]:
    """Run a detector on the frames of a take."""
    workers, sets = make(), []
    for together in frames:
        records = workers.process(together)
        sets.append(FrameSet(max(r.stamp for r in records.values()), records))
    workers.close()
    return sets


def truth_at(take: Take, stamp: int) -> np.ndarray:
    """Return (2, 21, 3) true landmarks [m] of the frame with a stamp."""
    return take.performance.landmarks[int(np.argmin(np.abs(take.performance.stamp - stamp)))]


def track(rig: Rig, sets: Sequence[FrameSet], settings: TriangulatorSettings | None = None):
    """Return the poses of all sets, and the triangulator."""
    triangulator = HandTriangulator(rig, settings)
    chosen = [replace(s, views={n: v for n, v in s.views.items() if n in rig.names}) for s in sets]
    return [triangulator.process(s) for s in chosen], triangulator


def errors_of(
    take: Take, poses: Sequence[dict], stamps: Sequence[int] | None = None
) -> np.ndarray:
    """Return (T, 2, 21) distances from the truth [mm], NaN where there is no pose or no truth.

    `stamps` are the times of the frames in the take [ns] where the poses have others.
    """
    return 1e3 * np.linalg.norm(_shifts_of(take, poses, stamps), axis=-1)


def _shifts_of(
    take: Take, poses: Sequence[dict], stamps: Sequence[int] | None = None
) -> np.ndarray:
    rows = []
    for i, pair in enumerate(poses):
        truth = truth_at(take, pair[Side.LEFT].stamp if stamps is None else stamps[i])
        rows.append([pair[s].landmarks - t for s, t in zip(SIDES, truth, strict=True)])
    return np.array(rows)


def print_views(name: str, take: Take, sets: Sequence[FrameSet], console: Console) -> None:
    """Print the error by number of views, the median over the combinations of so many views."""
    table = make_table(
        f'{name}, mean error mm', 'hands found', 'raw, palms laid on the truth', *REFINED
    )
    for count in range(1, len(take.rig.names) + 1):
        means: dict[str, list[float]] = {key: [] for key in ('found', 'aligned', *REFINED)}
        for names in combinations(take.rig.names, count):
            for key, value in _measure(take, take.rig.select(names), sets).items():
                means[key].append(value)
        shares, *errors = (np.median(m) for m in means.values())
        words = f'{count} view{"s" if count > 1 else ""}'
        table.add_row(words, f'{shares:.0%}', *(f'{e:.1f}' for e in errors))
    console.print(table)


def _measure(take: Take, rig: Rig, sets: Sequence[FrameSet]) -> dict[str, float]:
    poses = {name: track(rig, sets, settings)[0] for name, settings in REFINED.items()}
    shifts = 1e3 * _shifts_of(take, poses['raw'])
    aligned = shifts - shifts[:, :, list(PALM)].mean(axis=2, keepdims=True)
    return {
        'found': float(np.isfinite(shifts[:, :, 0, 0]).mean()),
        'aligned': float(np.nanmean(np.linalg.norm(aligned, axis=-1))),
        **{name: float(np.nanmean(errors_of(take, p))) for name, p in poses.items()},
    }


def print_solvers(take: Take, sets: Sequence[FrameSet], console: Console) -> None:
    """Print the error of several solvers on the same landmarks of all views."""
    cameras = take.rig.cameras
    hands = measures.tell_apart(cameras, sets)
    ways: dict[str, Callable] = {
        'plain DLT': solve_equally,
        'ours': measures.solve_robust,
        'OpenCV, first two views': _solve_opencv,
    }
    group = solvers.make_group(take.rig)
    if group is not None:
        ways['aniposelib triangulate'] = lambda c, p: group.triangulate(p)
        ways['aniposelib triangulate_ransac'] = lambda c, p: group.triangulate_ransac(
            p, min_cams=2
        )[0]
    table = make_table('the same landmarks of guided regions full, all views', 'mean mm', 'p95 mm')
    for name, solver in ways.items():
        off = [
            np.linalg.norm(
                solver(cameras, h.pixels) - truth_at(take, h.stamp)[int(h.side) - 1], axis=1
            )
            for h in hands
        ]
        every = 1e3 * np.concatenate(off)
        table.add_row(name, f'{np.nanmean(every):.2f}', f'{np.nanpercentile(every, 95):.1f}')
    console.print(table)


def _solve_opencv(cameras, pixels) -> np.ndarray:
    seen = [i for i in range(len(cameras)) if np.isfinite(pixels[i, 0, 0])][:2]
    rays = [cameras[i].normalize(pixels[i]).T for i in seen]
    matrices = [np.column_stack([cameras[i].rotation, cameras[i].translation]) for i in seen]
    homogeneous = cv2.triangulatePoints(*matrices, *rays)
    return (homogeneous[:3] / homogeneous[3]).T
