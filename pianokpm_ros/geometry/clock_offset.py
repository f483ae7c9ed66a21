"""How much older than its stamps each camera's pictures are, from the hands' own motion.

With wrong delays a moving hand's views don't meet in space. The delays are those for which they
meet best, found one camera at a time.
Letters: V views, T times, N points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import LANDMARK_COUNT, PALM, Side
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.hand_size import measure_extents
from pianokpm_ros.geometry.triangulation import solve_linear, stack_projections
from pianokpm_ros.records import HandLandmarks

FloatArray = NDArray[np.floating]

CAP = 0.25
"""Distances beyond this count no more: another hand, a wrong detection [lengths of the hand in the picture]."""

MAX_GAP = 0.4
"""Two frames further apart than this [s] are not interpolated between."""

MIN_TIMES = 20
MIN_SPEED = 0.17
"""A hand that moves less than this in most views tells nothing of time [lengths of the hand in the picture / s]."""


class DelayError(PianokpmError, ValueError):
    """The delays can't be estimated from these records."""


@dataclass(frozen=True)
class Delays:
    """Estimated delays.

    Attributes:
        delay: of each camera, the promptest has 0 [s].
        before: mean distance of the palms' pictures from where the other views put them [lengths of the hand],
            capped.
        after: likewise with the delays.
    """

    delay: dict[str, float]
    before: float
    after: float


class _Track:
    """One side's palm in one view over time."""

    def __init__(self, records: Sequence[HandLandmarks], side: Side) -> None:
        rows = [(r.stamp, r.pixels[list(r.side).index(side)]) for r in records if side in r.side]
        self.time = np.array([stamp for stamp, _ in rows]) * 1e-9
        hands = np.array([p for _, p in rows]).reshape(len(rows), LANDMARK_COUNT, 2)
        self.pixels = hands[:, list(PALM)]
        self.length = float(np.nanmedian(measure_extents(hands))) if rows else np.nan

    def at(self, times: FloatArray) -> FloatArray:
        """Return (T, N, 2) pixels between frames, NaN beyond them and in gaps."""
        result = np.full((len(times), *self.pixels.shape[1:]), np.nan)
        if len(self.time) < 2:
            return result
        right = np.clip(np.searchsorted(self.time, times), 1, len(self.time) - 1)
        left = right - 1
        step = self.time[right] - self.time[left]
        part = (times - self.time[left]) / step
        good = (part >= 0) & (part <= 1) & (step <= MAX_GAP)
        mixed = self.pixels[left] + part[:, None, None] * (self.pixels[right] - self.pixels[left])
        result[good] = mixed[good]
        return result

    @property
    def speed(self) -> float:
        """Return how quickly the hand moves when it moves [lengths / s]."""
        if len(self.time) < 2:
            return 0.0
        move = np.linalg.norm(np.diff(self.pixels.mean(axis=1), axis=0), axis=1)
        return float(np.percentile(move / np.diff(self.time), 75)) / self.length


def estimate_delays(
    cameras: Sequence[Camera], records: Mapping[str, Sequence[HandLandmarks]], reach: float = 0.25
) -> Delays:
    """Estimate the delays of cameras whose sides are told apart already.

    Args:
        cameras: calibrated; at least two.
        records: of each camera, in order of time.
        reach: largest delay looked for [s].
    """
    tracks = {s: [_Track(records[c.name], s) for c in cameras] for s in (Side.LEFT, Side.RIGHT)}
    tracks = {s: t for s, t in tracks.items() if sum(len(v.time) >= MIN_TIMES for v in t) >= 2}
    fast = [v.speed for t in tracks.values() for v in t]
    if not tracks or np.median(fast) < MIN_SPEED:
        raise DelayError(
            'asked to find the delays of cameras from moving hands, found '
            f'{"too few hands" if not tracks else "hands that rest"}; wave both hands for ten seconds'
        )
    times = {s: np.unique(np.concatenate([v.time for v in t])) for s, t in tracks.items()}
    delay = np.zeros(len(cameras))
    before = _cost(cameras, tracks, times, delay)
    for step, width in ((reach / 10, reach), (reach / 50, reach / 6), (reach / 250, reach / 40)):
        for _ in range(2):
            for v in range(1, len(cameras)):
                tries = delay[v] + np.arange(-width, width + step / 2, step)
                costs = [_cost(cameras, tracks, times, _with(delay, v, x)) for x in tries]
                delay[v] = tries[int(np.argmin(costs))]
    after = _cost(cameras, tracks, times, delay)
    delay = delay - delay.min()
    return Delays({c.name: float(d) for c, d in zip(cameras, delay, strict=True)}, before, after)


def _with(delay: FloatArray, index: int, value: float) -> FloatArray:
    changed = delay.copy()
    changed[index] = value
    return changed


def _cost(
    cameras: Sequence[Camera],
    tracks: Mapping[Side, Sequence[_Track]],
    times: Mapping[Side, FloatArray],
    delay: FloatArray,
) -> float:
    """Return the mean capped distance of the palms' pictures from their place in space [lengths of the hand]."""
    total = []
    for side, views in tracks.items():
        # A picture that is older than its stamp shows at `stamp + delay` what was at `stamp`.
        pixels = np.stack([t.at(times[side] + d) for t, d in zip(views, delay, strict=True)])
        flat = pixels.reshape(len(cameras), -1, 2)
        rays = np.stack([c.normalize(p) for c, p in zip(cameras, flat, strict=True)])
        points = solve_linear(stack_projections(cameras), rays)
        for camera, seen, track in zip(cameras, flat, views, strict=True):
            off = np.linalg.norm(camera.project(points) - seen, axis=1) / track.length
            total.append(np.minimum(off[np.isfinite(off)], CAP))
    every = np.concatenate(total)
    return float(every.mean()) if len(every) else CAP
