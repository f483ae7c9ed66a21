"""Draw windows of examples, and hide keys in some of them so that the network learns to do without.

Letters: B windows, T ticks, F features, L look-aheads, M muscles, E features of the exact hand.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pianokpm_training.model.dataset import Example
from pianokpm_training.model.exact import EXACT_COUNT
from torch import Tensor

from pianokpm_ros.muscle.features import KEYS, KEYS_FLAG, Scaling


def hide_keys(features: NDArray, where: NDArray[np.bool_]) -> NDArray:
    """Return (T, F) unscaled features that know nothing of the keys at (T,) ticks."""
    features = features.copy()
    features[where, KEYS] = np.nan
    features[where, KEYS_FLAG] = 0.0
    return features


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
    """Draw windows from examples, each tick as likely; short examples are padded with what doesn't count."""

    def __init__(
        self,
        examples: Sequence[Example],
        scaling: Scaling,
        window: int,
        hidden: float = 0.0,
        broken: float = 0.0,
        exact_scaling: Scaling | None = None,
    ) -> None:
        self._examples, self._scaling, self._window = examples, scaling, window
        self._silence, self._exact_scaling = (hidden, broken), exact_scaling
        lengths = np.array([len(e.features) for e in examples], float)
        self._chance = lengths / lengths.sum()

    def draw(self, rng: np.random.Generator, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return (B, T, F) features, (B, T, L, M) targets and the (B, T, E) exact hand."""
        picks = [
            self._cut(int(i), rng) for i in rng.choice(len(self._chance), batch, p=self._chance)
        ]
        features, targets, hands = (
            torch.from_numpy(np.stack(p)) for p in zip(*picks, strict=True)
        )
        return features, targets, hands

    def _cut(self, index: int, rng: np.random.Generator) -> tuple[NDArray, NDArray, NDArray]:
        example, window = self._examples[index], self._window
        start = int(rng.integers(max(len(example.features) - window, 0) + 1))
        part = example.features[start : start + window]
        silent = draw_silence(rng, len(part), *self._silence)
        features = self._scaling.apply(hide_keys(part, silent).astype(np.float32))
        targets = example.target[start : start + window]
        hands = self._exact(example, start, len(part))
        missing = window - len(features)
        if missing:
            features = np.pad(features, ((0, missing), (0, 0)))
            targets = np.pad(targets, ((0, missing), (0, 0), (0, 0)), constant_values=np.nan)
            hands = np.pad(hands, ((0, missing), (0, 0)), constant_values=np.nan)
        return features, targets, hands

    def _exact(self, example: Example, start: int, count: int) -> NDArray[np.float32]:
        """Return the scaled exact hand at (T,) ticks; NaN where it is unknown or not asked for."""
        scaling = self._exact_scaling
        if example.exact is None or scaling is None:
            return np.full((count, EXACT_COUNT), np.nan, np.float32)
        part = example.exact[start : start + count].astype(np.float32)
        return np.where(np.isfinite(part), scaling.apply(part), np.float32(np.nan))
