"""What it costs to look at half of the views of each moment, in turns: half the work."""

from collections.abc import Sequence

import numpy as np
from rich.console import Console

from pianokpm_ros.geometry.alignment import ViewAligner
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.hands.engine import HandEngine
from pianokpm_ros.hands.guided_workers import GuidedWorkers
from pianokpm_ros.records import HandLandmarks
from pianokpm_ros.takes import Take

from .studio import errors_of, truth_at

START = 4
"""Frames of all views at first, so that each has found the hands; they don't count."""

ALL, TURNS, HALF = 'all views', 'half of them in turns, brought to one time', 'the same half'


def print_turns(take: Take, frames: Sequence[dict], console: Console) -> None:
    """Print the error of all views, of half in turns, and of one half alone, on the same frames."""
    names = take.rig.names
    # By turns each half has views from far apart: their order in the rig goes round the player.
    halves = (names[::2], names[1::2])
    looks = {
        ALL: [names] * len(frames),
        TURNS: [names if i < START else halves[i % 2] for i in range(len(frames))],
        HALF: [halves[0]] * len(frames),
    }
    words = []
    for way, plan in looks.items():
        mean, worst, speed = _measure(take, frames, plan)
        words.append(f'{way} {mean:.2f} / {worst:.1f} mm')
    console.print(
        f'looking at views of {take.performance.rate:.0f} frames/s (mean / p99; fingertips move by '
        f'{speed:.2f} m/s, p95): ' + ', '.join(words)
    )


def _measure(
    take: Take, frames: Sequence[dict], plan: Sequence[Sequence[str]]
) -> tuple[float, float, float]:
    workers = GuidedWorkers(take.rig, HandEngine('full'))
    aligner, triangulator = ViewAligner(), HandTriangulator(take.rig)
    newest: dict[str, HandLandmarks] = {}
    poses, stamps = [], []
    for together, names in zip(frames, plan, strict=True):
        newest.update(workers.process({n: together[n] for n in names}))
        together = FrameSet(max(r.stamp for r in newest.values()), dict(newest))
        together = aligner.align(together)
        poses.append(triangulator.process(together))
        stamps.append(together.stamp)
    workers.close()
    rows = errors_of(take, poses, stamps)[START:]
    tips = np.stack([truth_at(take, s)[:, 4::4] for s in stamps])
    speed = np.linalg.norm(np.diff(tips, axis=0), axis=-1) * take.performance.rate
    return (
        float(np.nanmean(rows)),
        float(np.nanpercentile(rows, 99)),
        float(np.nanpercentile(speed, 95)),
    )
