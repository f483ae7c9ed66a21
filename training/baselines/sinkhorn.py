"""Debiased Sinkhorn divergence of clouds, to train with: p = 2, blur 0.05, as `pianokpm_ros.emg.transport` scores.

Gradients follow from the optimal potentials held fixed (Feydy et al. 2019).
Letters: B clouds, N points, M dimensions.
"""

import math

import torch
from torch import Tensor

BLUR = 0.05


def sinkhorn_divergence(
    first: Tensor, second: Tensor, blur: float = BLUR, scaling: float = 0.5, iterations: int = 3
) -> Tensor:
    """Return the (B,) divergences of uniformly weighted (B, N, M) clouds.

    Args:
        first: differentiable.
        second: the target.
        blur: entropic smoothing, in the unit of the points.
        scaling: ratio of successive blurs while annealing from the diameter of the cube from -1 to 1.
        iterations: steps at the final blur.
    """
    steps = _schedule(2.0 * first.shape[-1] ** 0.5, blur, scaling, iterations)
    left, right = torch.cat([first, first, second]), torch.cat([second, first, second])
    cross, own, target = _transport(left, right, steps).chunk(3)
    return cross - 0.5 * (own + target)


def _schedule(diameter: float, blur: float, scaling: float, iterations: int) -> list[float]:
    steps = [max(diameter, blur) ** 2]
    while steps[-1] * scaling**2 > blur**2:
        steps.append(steps[-1] * scaling**2)
    return steps + [blur**2] * iterations


def _transport(first: Tensor, second: Tensor, steps: list[float]) -> Tensor:
    cost = _cost(first, second)
    with torch.no_grad():
        f, g = torch.zeros_like(cost[:, :, 0]), torch.zeros_like(cost[:, 0])
        for epsilon in steps:
            f_new, g_new = _soft(cost, g, epsilon), _soft(cost.mT, f, epsilon)
            f, g = 0.5 * (f + f_new), 0.5 * (g + g_new)
        g = _soft(cost.mT, f, steps[-1])
    # The other potential is optimal, so the gradient is through the cost alone; through both it would count twice.
    f = _soft(cost, g, steps[-1])
    return f.mean(dim=1) + g.mean(dim=1)


def _cost(first: Tensor, second: Tensor) -> Tensor:
    """Half the squared distances; as a product of matrices a GPU would round them to more than the blur's square."""
    pairs = zip(first.unbind(-1), second.unbind(-1), strict=True)
    return 0.5 * sum((x[:, :, None] - y[:, None]).square() for x, y in pairs)


def _soft(cost: Tensor, potential: Tensor, epsilon: float) -> Tensor:
    """Soft minimum of cost - potential over the last dimension."""
    shifted = (potential[:, None] - cost) / epsilon
    return -epsilon * (torch.logsumexp(shifted, dim=-1) - math.log(cost.shape[-1]))
