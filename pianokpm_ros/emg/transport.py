"""Debiased Sinkhorn divergence between two point clouds, as the published work scores it (p = 2, blur 0.05).

S(a, b) = OT(a, b) - (OT(a, a) + OT(b, b)) / 2 with cost |x - y|^2 / 2 and entropic weight blur^2,
after Feydy et al. 2019, in the log domain with symmetric updates and epsilon scaling. Letters: N,
L points, M dimensions.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

FloatArray = NDArray[np.floating]


def sinkhorn_divergence(
    first: ArrayLike,
    second: ArrayLike,
    blur: float = 0.05,
    scaling: float = 0.5,
    iterations: int = 20,
) -> float:
    """Compute the debiased divergence of two uniformly weighted clouds.

    Args:
        first: (N, M) points.
        second: (L, M) points.
        blur: standard deviation of the entropic smoothing, in the unit of the points.
        scaling: ratio of successive blurs while annealing from the clouds' diameter.
        iterations: steps at the final blur.
    """
    first, second = _cloud(first), _cloud(second)
    together = np.concatenate([first, second])
    diameter = max(float(np.linalg.norm(np.ptp(together, axis=0))), blur)
    steps = _schedule(diameter, blur, scaling, iterations)
    cross = _transport(first, second, steps)
    return cross - 0.5 * (_transport(first, first, steps) + _transport(second, second, steps))


def _cloud(points: ArrayLike) -> FloatArray:
    points = np.asarray(points, np.float64)
    points = points[np.isfinite(points).all(axis=-1)]
    if points.ndim != 2 or not len(points):
        raise ValueError(
            f'asked for a cloud of (N, M) points, found none that is finite in shape {points.shape}'
        )
    return points


def _schedule(diameter: float, blur: float, scaling: float, iterations: int) -> list[float]:
    steps = [diameter**2]
    while steps[-1] * scaling**2 > blur**2:
        steps.append(steps[-1] * scaling**2)
    return steps + [blur**2] * iterations


def _transport(first: FloatArray, second: FloatArray, steps: list[float]) -> float:
    cost = 0.5 * np.maximum(
        (first**2).sum(1)[:, None] + (second**2).sum(1)[None] - 2 * first @ second.T, 0.0
    )
    f, g = np.zeros(len(first)), np.zeros(len(second))
    log_n, log_l = -np.log(len(first)), -np.log(len(second))
    for epsilon in steps:
        f_new = -epsilon * logsumexp((g[None] - cost) / epsilon + log_l, axis=1)
        g_new = -epsilon * logsumexp((f[:, None] - cost) / epsilon + log_n, axis=0)
        f, g = 0.5 * (f + f_new), 0.5 * (g + g_new)
    epsilon = steps[-1]
    f_last = -epsilon * logsumexp((g[None] - cost) / epsilon + log_l, axis=1)
    g_last = -epsilon * logsumexp((f[:, None] - cost) / epsilon + log_n, axis=0)
    return float(f_last.mean() + g_last.mean())
