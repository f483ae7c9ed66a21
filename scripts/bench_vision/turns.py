"""What it costs to look at half of the views of each moment, in turns: half the work."""

from collections.abc import Callable, Sequence

import numpy as np
from rich.console import Console

from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.hands.engine import HandEngine
from pianokpm_ros.hands.guided_workers import GuidedWorkers
from pianokpm_ros.hands.turn_workers import TurnWorkers
from pianokpm_ros.takes import Take

from .studio import errors_of, truth_at

START = 4
"""Frames at first that don't count: each view has to find the hands."""


def print_turns(take: Take, frames: Sequence[dict], console: Console) -> None:
    """Print the error of all views, of half of them in turns, and of one half alone, on the same frames."""
    half = take.rig.select(take.rig.names[::2])

    def guided(rig):
        return GuidedWorkers(rig, HandEngine('full'))

    ways: dict[str, Callable] = {
        'all views': lambda: guided(take.rig),
        'half of them in turns': lambda: TurnWorkers(guided(take.rig)),
        f'always {" and ".join(half.names)}': lambda: guided(half),
    }
    words = []
    for way, make in ways.items():
        rows, speed = _measure(take, frames, make())
        words.append(f'{way} {np.nanmean(rows):.2f} / {np.nanpercentile(rows, 99):.1f} mm')
    console.print(
        f'views looked at of {take.performance.rate:.0f} frames/s (mean / p99; fingertips move by {speed:.2f} m/s, '
        'p95): ' + ', '.join(words)
    )


def _measure(take: Take, frames: Sequence[dict], workers) -> tuple[np.ndarray, float]:
    """Return errors [mm] and the speed of fingertips [m/s]."""
    rig = getattr(workers, 'rig', take.rig)
    triangulator = HandTriangulator(rig)
    poses, stamps = [], []
    for together in frames:
        records = workers.process({n: together[n] for n in rig.names})
        if records:
            stamps.append(min(r.stamp for r in records.values()))
            poses.append(triangulator.process(FrameSet(stamps[-1], records)))
    workers.close()
    rows = errors_of(take, poses, stamps)[START:]
    tips = np.stack([truth_at(take, s)[:, 4::4] for s in stamps])
    speed = np.linalg.norm(np.diff(tips, axis=0), axis=-1) * take.performance.rate
    return rows, float(np.nanpercentile(speed, 95))
