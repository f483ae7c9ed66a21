"""Smooth courses through knots, and slow random drift; all can be asked at any time."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.floating]


def minimum_jerk(part: ArrayLike) -> FloatArray:
    """Go from 0 to 1 as a reaching hand does (Flash and Hogan 1985); flat before 0 and after 1."""
    u = np.clip(part, 0.0, 1.0)
    return u**3 * (10.0 - 15.0 * u + 6.0 * u**2)


def follow(times: ArrayLike, values: ArrayLike, at: ArrayLike) -> FloatArray:
    """Move from knot to knot, resting an instant at each.

    Args:
        times: (K,) [s], ascending.
        values: (K, ...).
        at: (T,) [s].

    Returns:
        (T, ...), held before the first and after the last knot.
    """
    times, values, at = (np.asarray(a, np.float64) for a in (times, values, at))
    if len(times) == 1:
        return np.broadcast_to(values[0], (len(at), *values.shape[1:]))
    after = np.clip(np.searchsorted(times, at, side='right'), 1, len(times) - 1)
    span = np.maximum(times[after] - times[after - 1], 1e-9)
    weight = minimum_jerk((at - times[after - 1]) / span)
    weight = weight.reshape(-1, *[1] * (values.ndim - 1))
    return values[after - 1] + weight * (values[after] - values[after - 1])


class Drift:
    """Slow random motion: a sum of sines with random phases, unit deviation, any number of channels."""

    def __init__(
        self, rng: np.random.Generator, channels: int, band: tuple[float, float], terms: int = 6
    ) -> None:
        self._frequency = rng.uniform(*band, (terms, channels))
        self._phase = rng.uniform(0, 2 * np.pi, (terms, channels))

    def __call__(self, at: ArrayLike) -> FloatArray:
        """Return (T, channels) at (T,) [s]."""
        angle = 2 * np.pi * np.asarray(at)[:, None, None] * self._frequency + self._phase
        return np.sqrt(2.0 / len(self._phase)) * np.sin(angle).sum(axis=1)
