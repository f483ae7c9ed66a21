"""Debiased Sinkhorn divergence of clouds, to train with: p = 2, blur 0.05, as `pianokpm_ros.emg.transport` scores.

Gradients follow from the optimal potentials held fixed (Feydy et al. 2019).
Letters: B clouds, N points, M dimensions.
"""

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
        scaling: ratio of successive blurs while annealing from the clouds' diameter.
        iterations: steps at the final blur.
    """
    steps = _schedule(first.detach(), second, blur, scaling, iterations)
    cross = _transport(first, second, steps)
    own = _transport(first, first, steps), _transport(second, second, steps)
    return cross - 0.5 * (own[0] + own[1])


def _schedule(
    first: Tensor, second: Tensor, blur: float, scaling: float, iterations: int
) -> list[float]:
    both = torch.cat([first, second], dim=1)
    extent = (both.amax(dim=1) - both.amin(dim=1)).norm(dim=-1).max()
    steps = [max(float(extent), blur) ** 2]
    while steps[-1] * scaling**2 > blur**2:
        steps.append(steps[-1] * scaling**2)
    return steps + [blur**2] * iterations


def _transport(first: Tensor, second: Tensor, steps: list[float]) -> Tensor:
    with torch.no_grad():
        cost = _cost(first, second)
        f, g = torch.zeros_like(cost[:, :, 0]), torch.zeros_like(cost[:, 0])
        for epsilon in steps:
            f_new, g_new = _soft(cost, g, epsilon), _soft(cost.mT, f, epsilon)
            f, g = 0.5 * (f + f_new), 0.5 * (g + g_new)
        g = _soft(cost.mT, f, steps[-1])
    # The other potential is optimal, so the gradient is through the cost alone; through both it would count twice.
    f = _soft(_cost(first, second), g, steps[-1])
    return f.mean(dim=1) + g.mean(dim=1)


def _cost(first: Tensor, second: Tensor) -> Tensor:
    square = (first**2).sum(-1)[:, :, None] + (second**2).sum(-1)[:, None]
    return 0.5 * (square - 2 * first @ second.mT).clamp(min=0)


def _soft(cost: Tensor, potential: Tensor, epsilon: float) -> Tensor:
    """Soft minimum of cost - potential over the last dimension."""
    count = torch.log(torch.tensor(float(cost.shape[-1])))
    return -epsilon * (torch.logsumexp((potential[:, None] - cost) / epsilon, dim=-1) - count)
