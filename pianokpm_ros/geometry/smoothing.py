"""The One Euro filter on points: still when the hand rests, prompt when it moves.

Casiez, Roussel, Vogel, 1 Euro Filter, CHI 2012. First order low pass whose corner rises with speed;
its delay is `1 / (2 pi corner)` for slow motion. As in the paper, speed is measured from the last
smoothed point, so at a steady speed the lag counts as speed too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class SmoothingSettings:
    """A One Euro filter.

    Attributes:
        corner: at rest [Hz].
        rise: how much the corner rises with speed [Hz per m/s].
        speed_corner: of the low pass on the speed [Hz].
        gap: after a longer silence the filter starts anew [ns].
    """

    corner: float = 4.0
    rise: float = 60.0
    speed_corner: float = 3.0
    gap: int = 150_000_000


class PointSmoother:
    """Filters the points of one hand."""

    def __init__(self, settings: SmoothingSettings | None = None) -> None:
        self.settings = settings or SmoothingSettings()
        self._stamp: int | None = None
        self._points: FloatArray | None = None
        self._velocity: FloatArray | None = None

    def reset(self) -> None:
        """Forget everything."""
        self._stamp = self._points = self._velocity = None

    def push(self, stamp: int, points: FloatArray) -> FloatArray:
        """Return (J, 3) smoothed points [m]; a point that was unknown before starts anew, an unknown one stays so."""
        points = np.asarray(points, np.float64)
        step = stamp - self._stamp if self._stamp is not None else 0
        if self._points is None or not 0 < step <= self.settings.gap:
            self._stamp, self._points = stamp, points
            self._velocity = np.zeros_like(points)
            return points
        time = step * 1e-9
        velocity = np.nan_to_num((points - self._points) / time)
        self._velocity += _gain(self.settings.speed_corner, time) * (velocity - self._velocity)
        speed = np.linalg.norm(self._velocity, axis=-1, keepdims=True)
        gain = _gain(self.settings.corner + self.settings.rise * speed, time)
        smooth = self._points + gain * (points - self._points)
        self._points = np.where(np.isfinite(self._points) | np.isnan(points), smooth, points)
        self._stamp = stamp
        return self._points


def _gain(corner: FloatArray | float, time: float) -> FloatArray | float:
    ratio = 2 * np.pi * corner * time
    return ratio / (1 + ratio)
