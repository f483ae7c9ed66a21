"""What the cameras saw of the board, grouped by moment.

Letters: C corners.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.geometry.calibration.board import Board, BoardView, CalibrationError

FloatArray = NDArray[np.floating]

PIXEL_NOISE = 0.5
"""1 sigma of a corner of a board that rests [px]."""

TIMING_NOISE = 0.004
"""1 sigma of a stamp against the true middle of the exposure of that part of the picture [s]: rolling shutters
read for 10 to 30 ms."""

MAX_GAP = 0.5
"""Pictures further apart than this [s] tell nothing of the speed in between."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """The board in one picture of one camera.

    Attributes:
        camera: its name.
        stamp: [ns].
        view: corners.
        noise: 1 sigma of a corner [px]; grows with the board's speed in the picture, since neither
            stamps nor a rolling shutter tell exactly when a moving corner was there.
        velocity: (C, 2) of the corners in the picture [px/s], 0 where unknown; None = not looked at.
        lag: how much later than the time of its moment it is stamped [s].
    """

    camera: str
    stamp: int
    view: BoardView
    noise: float = PIXEL_NOISE
    velocity: FloatArray | None = None
    lag: float = 0.0

    def at_offset(self, offset: float) -> FloatArray:
        """Return the (C, 2) pixels of the time of its moment, by a camera that sees the world `offset` late [s]."""
        if self.velocity is None:
            return self.view.pixels
        return self.view.pixels - (offset + self.lag) * self.velocity


@dataclass(frozen=True, eq=False)
class Moment:
    """The board at one time, in one or several cameras."""

    sightings: tuple[Sighting, ...]

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras that saw it."""
        return tuple(s.camera for s in self.sightings)


def weigh_by_speed(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Return one camera's sightings, in order of time, with their velocity and the noise that it adds."""
    velocities = [_velocity(sightings, i) for i in range(len(sightings))]
    with np.errstate(invalid='ignore'):
        speeds = np.array([float(np.median(np.linalg.norm(v, axis=1))) for v in velocities])
    known = np.isfinite(speeds)
    # Nothing before and after to compare with: taken for a board in usual motion.
    speeds[~known] = np.median(speeds[known]) if known.any() else 0.0
    noise = np.hypot(PIXEL_NOISE, speeds * TIMING_NOISE)
    return [
        replace(s, noise=float(n), velocity=np.nan_to_num(v))
        for s, n, v in zip(sightings, noise, velocities, strict=True)
    ]


def _velocity(sightings: Sequence[Sighting], index: int) -> FloatArray:
    """Return (C, 2) velocities from the neighbours in time [px/s], NaN without any.

    Corners that a neighbour lacks get the median motion of the others: a board is stiff.
    """
    here, slopes = sightings[index], []
    for other in sightings[max(index - 1, 0) : index + 2]:
        time = (other.stamp - here.stamp) * 1e-9
        if time == 0 or abs(time) > MAX_GAP:
            continue
        _, i, j = np.intersect1d(here.view.ids, other.view.ids, return_indices=True)
        if len(i):
            move = np.full(here.view.pixels.shape, np.nan)
            move[i] = (other.view.pixels[j] - here.view.pixels[i]) / time
            slopes.append(np.where(np.isfinite(move), move, np.nanmedian(move, axis=0)))
    return np.mean(slopes, axis=0) if slopes else np.full(here.view.pixels.shape, np.nan)


def group_moments(
    sightings: Mapping[str, Sequence[Sighting]], tolerance: int, count: int = 80
) -> list[Moment]:
    """Group sightings whose stamps lie within `tolerance` [ns]; keep the `count` best.

    Moments that more cameras share and in which the board moves less are better; of those that show
    it at the same place one is enough.
    """
    waiting = sorted((s for v in sightings.values() for s in v), key=lambda s: s.stamp)
    moments: list[Moment] = []
    while waiting:
        first, group = waiting[0].stamp, {}
        for s in waiting:
            if s.stamp > first + tolerance:
                break
            group.setdefault(s.camera, s)
        taken = set(map(id, group.values()))
        waiting = [s for s in waiting if id(s) not in taken]
        moments.append(_at_one_time(list(group.values())))
    return _spread(moments, count)


def shift_stamps(
    sightings: Mapping[str, Sequence[Sighting]], offsets: Mapping[str, float]
) -> dict[str, list[Sighting]]:
    """Return sightings stamped with the time at which the world was as they show it."""
    return {
        n: [replace(s, stamp=s.stamp + round(1e9 * offsets[n])) for s in seen]
        for n, seen in sightings.items()
    }


def _at_one_time(group: Sequence[Sighting]) -> Moment:
    """Make a moment, whose time is the mean of the stamps."""
    first = group[0].stamp
    middle = sum(s.stamp - first for s in group) / len(group)
    return Moment(tuple(replace(s, lag=1e-9 * (s.stamp - first - middle)) for s in group))


def _spread(moments: list[Moment], count: int) -> list[Moment]:
    """Keep the best of neighbours in time, in as many spans as may be kept."""
    if len(moments) <= count:
        return moments
    spans = np.array_split(np.arange(len(moments)), count)
    return [moments[max(span, key=lambda i: _worth(moments[i]))] for span in spans]


def _worth(moment: Moment) -> float:
    return sum(len(s.view.ids) / s.noise for s in moment.sightings) * len(moment.sightings)


def check_layout(board: Board, sightings: Sequence[Sighting]) -> float:
    """Return how far corners are from where a flat board of this layout has them, in squares; median of views.

    A wrong number of columns gives numbers to corners that don't fit their places: whole squares.
    """
    off = [_flatness(board, s.view) for s in sightings]
    off = [o for o in off if np.isfinite(o)]
    if not off:
        raise CalibrationError('asked to check a board that no picture shows')
    return float(np.median(off))


def _flatness(board: Board, view: BoardView) -> float:
    plane = board.points[view.ids, :2] / board.square
    matrix, _ = cv2.findHomography(view.pixels, plane)
    if matrix is None:
        return float('inf')
    back = cv2.perspectiveTransform(view.pixels[:, None], matrix)[:, 0]
    return float(np.median(np.linalg.norm(back - plane, axis=1)))
