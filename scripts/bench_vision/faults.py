"""Part 6: what one bad view of several costs, and whether it is named."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from rich.console import Console

from pianokpm_ros.anatomy import Status
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.takes import Take

from .footage import make_table
from .studio import errors_of, track

FREEZE_AT = 30
"""Index of the frame that a frozen view goes on showing."""

LATE = 0.040
TURN = 1.0
"""Of the wrong calibration [degrees]."""

Sets = Sequence[FrameSet]


def make_faults(rig: Rig, sets: Sets, name: str, rate: float) -> dict[str, tuple[Rig, Sets]]:
    """Return what a triangulator is given under each fault of one camera."""
    late = max(1, round(LATE * rate))

    def spoil(change: Callable) -> Sets:
        return [
            replace(s, views={**s.views, name: replace(change(i, s.views[name]), stamp=s.stamp)})
            for i, s in enumerate(sets)
        ]

    def empty(_, view):
        return view.empty(view.stamp, view.camera, view.frame_id, view.size, view.sequence)

    return {
        'none': (rig, sets),
        'black': (rig, spoil(empty)),
        'frozen': (rig, spoil(lambda i, v: sets[min(i, FREEZE_AT)].views[name])),
        'late by 40 ms': (rig, spoil(lambda i, v: sets[max(i - late, 0)].views[name])),
        'hands swapped': (rig, spoil(lambda i, v: replace(v, side=v.side[::-1].copy()))),
        'calibration off by 1 degree': (_turn_camera(rig, name), sets),
    }


def print_faults(take: Take, sets: Sets, console: Console) -> None:
    """Print the table of one spoilt view."""
    name = take.rig.names[-1]
    table = make_table(
        f'faults of one view of {len(take.rig.names)} ({name})',
        'mean error mm',
        'p99 mm',
        'poses OK',
        'view off by px',
        'named suspect',
    )
    for words, (rig, spoilt) in make_faults(take.rig, sets, name, take.performance.rate).items():
        poses, triangulator = track(rig, spoilt)
        rows = errors_of(take, poses)
        sound = np.mean([p.status == Status.OK for pair in poses for p in pair.values()])
        table.add_row(
            words,
            f'{np.nanmean(rows):.1f}',
            f'{np.nanpercentile(rows, 99):.1f}',
            f'{sound:.0%}',
            f'{triangulator.check.errors.get(name, np.nan):.1f}',
            ', '.join(triangulator.check.suspects) or '-',
        )
    console.print(table)


def _turn_camera(rig: Rig, name: str) -> Rig:
    camera = rig.camera(name)
    turn = cv2.Rodrigues(np.array([0, np.deg2rad(TURN), 0.0]))[0]
    turned = replace(
        camera, rotation=turn @ camera.rotation, translation=turn @ camera.translation
    )
    return Rig(tuple(turned if c.name == name else c for c in rig.cameras), rig.frame_id)
