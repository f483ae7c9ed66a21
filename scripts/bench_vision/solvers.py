"""Part 5: processor time for two hands of 21 landmarks in four views, ours against aniposelib."""

import logging
import time
from collections.abc import Callable

import cv2
import numpy as np
from rich.console import Console

from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.triangulation import solve_equally

from . import measures
from .footage import make_table

ROUNDS = 200
SLOW, SELDOM = 20_000, 20
"""Calls slower than this [us] are timed only in every so many rounds."""


def make_group(rig: Rig):
    """Return aniposelib's cameras of a rig, None where it is not installed or lacks something (0.8: jax)."""
    try:
        from aniposelib.cameras import Camera as AniposeCamera
        from aniposelib.cameras import CameraGroup
    except ImportError:
        return None
    group = CameraGroup(
        [
            AniposeCamera(
                matrix=c.matrix.copy(),
                dist=c.distortion.copy(),
                size=c.size,
                rvec=cv2.Rodrigues(np.array(c.rotation))[0].ravel(),
                tvec=c.translation.copy(),
                name=c.name,
            )
            for c in rig.cameras
        ]
    )
    try:
        group.triangulate(np.zeros((len(rig.cameras), 1, 2)))
    except ImportError as error:
        logging.getLogger(__name__).error('aniposelib is left out: %s', error)
        return None
    return group


def bench_solvers(rig: Rig, console: Console) -> None:
    """Print the times, undistortion included everywhere, measured in turns."""
    rng = np.random.default_rng(0)
    points = rng.uniform((-0.2, -0.1, 0.0), (0.2, 0.1, 0.1), (42, 3))
    pixels = np.stack([c.project(points) for c in rig.cameras])
    pixels += rng.normal(0, 1, pixels.shape)
    cameras, group = rig.cameras, make_group(rig)
    ways: dict[str, Callable[[], np.ndarray]] = {
        'ours, linear': lambda: solve_equally(cameras, pixels),
        'ours, robust, with covariance': lambda: measures.solve_robust(cameras, pixels),
    }
    if group is not None:
        ways['aniposelib triangulate'] = lambda: group.triangulate(pixels)
        ways['aniposelib triangulate_ransac'] = lambda: group.triangulate_ransac(
            pixels, min_cams=2
        )[0]
    taken = _time_in_turns(ways)
    first = next(iter(taken.values()))
    table = make_table(
        f'42 landmarks in {len(cameras)} views, 1 px of noise',
        'us of processor time a frame',
        'times ours, linear',
        'mean error mm',
    )
    for name, way in ways.items():
        off = 1e3 * np.linalg.norm(way() - points, axis=1).mean()
        table.add_row(name, f'{taken[name]:.0f}', f'{taken[name] / first:.1f}', f'{off:.2f}')
    console.print(table)
    if group is None:
        console.print('aniposelib is not installed: `make bench-vision` installs it')


def _time_in_turns(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median processor time of each call [us]; busy moments hit all alike."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()  # compiles what is compiled at the first call
    slow = {name for name, way in ways.items() if _time(way) > SLOW}
    for i in range(ROUNDS):
        for name, way in ways.items():
            if name not in slow or i % SELDOM == 0:
                times[name].append(_time(way))
    return {name: float(np.median(t)) for name, t in times.items()}


def _time(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return 1e6 * (time.process_time() - start)
