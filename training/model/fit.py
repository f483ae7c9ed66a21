"""Fit the network to examples and calibrate its deviation.

Letters: B windows, T ticks, F features, L look-aheads, M muscles.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pianokpm_training.model.dataset import Example
from pianokpm_training.model.network import DEVIATION_FLOOR, MuscleNetwork
from pianokpm_training.model.settings import TrainSettings
from torch import Tensor, nn

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.muscle.features import FEATURE_COUNT, Scaling

CHECKPOINT = 'checkpoint.pt'
CHECKPOINT_STEPS = 100
CLIP = 1.0
ROOT_PI = float(np.sqrt(np.pi))

Report = Callable[[int, float], None]
"""Called with the number of steps done and the newest loss."""


def crps(mean: Tensor, deviation: Tensor, target: Tensor) -> Tensor:
    """Mean continuous ranked probability score of normal forecasts, in the target's unit; NaN targets don't count.

    Gneiting and Raftery 2007, equation 21. Unlike the likelihood it can't be won by shrinking a deviation.
    """
    known = torch.isfinite(target)
    z = (torch.nan_to_num(target) - mean) / deviation
    normal = torch.distributions.Normal(0.0, 1.0)
    density, part = normal.log_prob(z).exp(), normal.cdf(z)
    score = deviation * (z * (2 * part - 1) + 2 * density - 1 / ROOT_PI)
    return (score * known).sum() / known.sum().clamp(min=1)


class WindowSampler:
    """Draw windows from examples, each tick as likely; short examples are padded with what doesn't count."""

    def __init__(self, examples: Sequence[Example], scaling: Scaling, window: int) -> None:
        self._features = [torch.from_numpy(scaling.apply(e.features)) for e in examples]
        self._targets = [torch.from_numpy(e.target) for e in examples]
        lengths = np.array([len(f) for f in self._features], float)
        self._chance, self._window = lengths / lengths.sum(), window

    def draw(self, rng: np.random.Generator, batch: int) -> tuple[Tensor, Tensor]:
        """Return (B, T, F) features and (B, T, L, M) targets."""
        picks = [
            self._cut(int(i), rng) for i in rng.choice(len(self._chance), batch, p=self._chance)
        ]
        features, targets = zip(*picks, strict=True)
        return torch.stack(features), torch.stack(targets)

    def _cut(self, index: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        features, targets = self._features[index], self._targets[index]
        start = int(rng.integers(max(len(features) - self._window, 0) + 1))
        features = features[start : start + self._window]
        targets = targets[start : start + self._window]
        missing = self._window - len(features)
        if missing:
            features = nn.functional.pad(features, (0, 0, 0, missing))
            targets = nn.functional.pad(targets, (0, 0, 0, 0, 0, missing), value=torch.nan)
        return features, targets


def fit_network(
    settings: TrainSettings,
    examples: Sequence[Example],
    scaling: Scaling,
    folder: Path,
    report: Report,
) -> MuscleNetwork:
    """Train; goes on from a checkpoint in the folder, and leaves one every hundred steps."""
    torch.manual_seed(settings.seed)
    network = MuscleNetwork(FEATURE_COUNT, len(settings.lookaheads), len(MUSCLES), settings.width)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.rate, total_steps=settings.steps, pct_start=0.1
    )
    parts = {'network': network, 'optimiser': optimiser, 'schedule': schedule}
    done = _restore(folder / CHECKPOINT, parts)
    sampler = WindowSampler(examples, scaling, settings.window)
    for step in range(done, settings.steps):
        rng = np.random.default_rng([settings.seed, 4, step])  # the same after a restart
        features, targets = sampler.draw(rng, settings.batch)
        mean, deviation, _ = network(features, network.start(len(features)))
        loss = crps(mean, deviation, targets)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimiser.step()
        schedule.step()
        if (step + 1) % CHECKPOINT_STEPS == 0 or step + 1 == settings.steps:
            _save(folder / CHECKPOINT, step + 1, parts)
        report(step + 1, float(loss.detach()))
    return network.eval()


def _save(path: Path, done: int, parts: dict) -> None:
    part = path.with_suffix('.part')
    torch.save({'done': done} | {name: p.state_dict() for name, p in parts.items()}, part)
    part.replace(path)


def _restore(path: Path, parts: dict) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state['done'])


def predict(
    network: MuscleNetwork, scaling: Scaling, example: Example
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the (T, L, M) means and deviations of an example."""
    with torch.no_grad():
        features = torch.from_numpy(scaling.apply(example.features))[None]
        mean, deviation, _ = network(features, network.start(1))
    return mean[0].numpy(), deviation[0].numpy()


def calibrate(network: MuscleNetwork, scaling: Scaling, examples: Sequence[Example]) -> None:
    """Scale each deviation so that 68 % of the errors on persons not trained on lie within it, in place."""
    errors, spreads = [], []
    for example in examples:
        mean, deviation = predict(network, scaling, example)
        errors.append(np.abs(example.target - mean))
        spreads.append((deviation - DEVIATION_FLOOR) / network.calibration.numpy())
    error, spread = np.concatenate(errors), np.concatenate(spreads)
    ratio = np.maximum(error - DEVIATION_FLOOR, 0.0) / spread
    factor = np.nanquantile(ratio, 0.6827, axis=0)
    network.calibration.copy_(torch.from_numpy(np.clip(factor, 0.3, 3.0).astype(np.float32)))
