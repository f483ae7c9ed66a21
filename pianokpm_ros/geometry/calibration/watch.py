"""Look for the board in the frames of several sources."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.capture.source import FrameSource
from pianokpm_ros.geometry.calibration.board import Board, CalibrationError
from pianokpm_ros.geometry.calibration.diagnosis import refuse
from pianokpm_ros.geometry.calibration.observations import Sighting
from pianokpm_ros.records import Frame

LOOKED_AT = 600
"""Frames of a file that are looked at; a second of board has some dozens that hardly differ."""

SAMPLES = 12
"""Pictures kept to find out why a board isn't recognised."""


@dataclass
class Watched:
    """What one camera saw.

    Attributes:
        size: (width, height) [px].
        period: time between its frames [ns], NaN with fewer than two.
        sightings: of the board, in order of time.
        samples: some pictures.
    """

    size: tuple[int, int]
    period: float = float('nan')
    sightings: list[Sighting] = field(default_factory=list)
    samples: list[NDArray[np.uint8]] = field(default_factory=list)


def watch_board(
    board: Board,
    source: FrameSource,
    report: Callable[[int, int | None], None] = lambda done, total: None,
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Watched:
    """Look for the board in a source until it ends or for some seconds; refuse if it is hardly ever there.

    Args:
        board: what to look for.
        source: not yet open.
        report: is told how many frames are done, and of how many.
        seconds: for live sources.
        clock: tells the time [s].
    """
    source.open()
    stamps, seen, looked = [], Watched((0, 0)), 0
    try:
        step = max(1, math.ceil((source.count or 0) / LOOKED_AT))
        apart = max(1, (source.count or 7 * SAMPLES) // SAMPLES // step)
        end = clock() + seconds if seconds is not None else math.inf
        while clock() < end and (frame := source.read()) is not None:
            report(frame.sequence + 1, source.count)
            if frame.sequence % step == 0:
                _look(board, source.name, frame, seen, looked % apart == 0)
                looked += 1
            stamps.append(frame.stamp)
    finally:
        source.close()
    if not stamps:
        raise CalibrationError(f'camera {source.name!r} gave no frame')
    seen.period = float(np.median(np.diff(stamps))) if len(stamps) > 1 else float('nan')
    return seen


def _look(board: Board, camera: str, frame: Frame, seen: Watched, keep: bool) -> None:
    height, width = frame.image.shape[:2]
    if seen.size not in ((0, 0), (width, height)):
        raise CalibrationError(
            f'camera {camera!r}: its pictures changed from {seen.size[0]} x {seen.size[1]} to {width} x {height} while '
            'the board was looked for; fix the camera as it will be, a phone too'
        )
    seen.size = (width, height)
    if keep and len(seen.samples) < SAMPLES:
        seen.samples.append(frame.image.copy())
    view = board.find(frame.image)
    if view is not None:
        seen.sightings.append(Sighting(camera, frame.stamp, view))


def check_seen(board: Board, watched: Mapping[str, Watched], least: int) -> None:
    """Refuse, with the reason, cameras that hardly ever saw the board."""
    for name, seen in watched.items():
        if len(seen.sightings) < least:
            if seen.sightings:
                raise CalibrationError(
                    f'camera {name!r}: the board is in {len(seen.sightings)} of its pictures, at least '
                    f'{least} are needed; show it longer, nearer and from more sides'
                )
            raise refuse(name, board, seen.samples)
