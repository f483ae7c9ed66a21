"""Draw windows of examples, and hide keys in some of them so that the network learns to do without.

Letters: B windows, T ticks, F features, L look-aheads, M muscles, E features of the exact hand.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pianokpm_training.model.dataset import Example
from pianokpm_training.model.exact import EXACT_COUNT
from pianokpm_training.model.layout import SPACE, Layout
from torch import Tensor

from pianokpm_ros.muscle.features import Scaling


def hide_keys(features: NDArray, where: NDArray[np.bool_], layout: Layout = SPACE) -> NDArray:
    """Return (T, F) unscaled features that know nothing of the keys at (T,) ticks."""
    features = features.copy()
    _forget_keys(features, where, layout)
    return features


def _forget_keys(
    features: NDArray | Tensor, where: NDArray[np.bool_] | Tensor, layout: Layout
) -> None:
    """Change (..., F) unscaled features, in place, to know nothing of the keys at (...) ticks."""
    features[where, layout.keys] = np.nan
    features[where, layout.keys_flag] = 0.0


def draw_silence(
    rng: np.random.Generator, count: int, hidden: float, broken: float
) -> NDArray[np.bool_]:
    """Draw at which of (T,) ticks the keys are not heard: all, some stretch, or none."""
    chance, silent = rng.random(), np.zeros(count, bool)
    if chance < hidden:
        silent[:] = True
    elif chance < hidden + broken:
        first, last = np.sort(rng.integers(0, count + 1, 2))
        silent[first:last] = True
        silent = silent if rng.random() < 0.5 else ~silent
    return silent


class WindowSampler:
    """Draw windows from examples, each tick as likely; short examples are padded with what doesn't count.

    The examples lie where the network is trained, so that a GPU need not wait for windows.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        scaling: Scaling,
        window: int,
        hidden: float = 0.0,
        broken: float = 0.0,
        exact_scaling: Scaling | None = None,
        device: torch.device | None = None,
        layout: Layout = SPACE,
    ) -> None:
        self._window, self._silence, self._layout = window, (hidden, broken), layout
        self._scale = _Scale(scaling, device)
        self._scale_exact = _Scale(exact_scaling, device) if exact_scaling else None
        lengths = np.array([len(e.features) for e in examples])
        self._chance, self._last = lengths / lengths.sum(), np.maximum(lengths - window, 0)
        self._parts = [
            tuple(_hold(part, window, device) for part in (e.features, e.target, e.exact))
            for e in examples
        ]
        self._unknown = torch.full((window, EXACT_COUNT), torch.nan, device=device)

    def draw(self, rng: np.random.Generator, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return (B, T, F) features, (B, T, L, M) targets and the (B, T, E) exact hand, unknown ones NaN."""
        drawn = rng.choice(len(self._chance), batch, p=self._chance)
        starts = rng.integers(self._last[drawn] + 1)
        silent = np.stack([draw_silence(rng, self._window, *self._silence) for _ in drawn])
        features, targets, hands = zip(
            *(self._cut(i, start) for i, start in zip(drawn, starts, strict=True)), strict=True
        )
        seen = torch.stack(features)
        _forget_keys(seen, torch.from_numpy(silent).to(seen.device), self._layout)
        return self._scale(seen), torch.stack(targets), self._see_exact(torch.stack(hands))

    def _cut(self, index: int, start: int) -> list[Tensor]:
        parts = self._parts[index]
        return [self._unknown if p is None else p[start : start + self._window] for p in parts]

    def _see_exact(self, hands: Tensor) -> Tensor:
        if self._scale_exact is None:
            return torch.full_like(hands, torch.nan)
        return torch.where(torch.isfinite(hands), self._scale_exact(hands), torch.nan)


class _Scale:
    """`Scaling.apply` for tensors."""

    def __init__(self, scaling: Scaling, device: torch.device | None) -> None:
        parts = (scaling.mean, scaling.deviation)
        self._mean, self._deviation = (
            torch.tensor(p, dtype=torch.float32, device=device) for p in parts
        )
        self._limit = scaling.limit

    def __call__(self, values: Tensor) -> Tensor:
        scaled = (values.float() - self._mean) / self._deviation
        return torch.nan_to_num(scaled, nan=0.0).clamp(-self._limit, self._limit)


def _hold(part: NDArray | None, window: int, device: torch.device | None) -> Tensor | None:
    """Put (T, ...) values on the device, at least a window of them; those that are added are NaN."""
    if part is None:
        return None
    held = torch.from_numpy(part).to(device)
    missing = window - len(part)
    if missing <= 0:
        return held
    return torch.cat([held, held.new_full((missing, *part.shape[1:]), torch.nan)])
