"""Train the rebuilt published network, and estimate with it.

Loss, optimiser and windows are those of the description; steps, batch and rate come from a file, because the published
200 epochs take days without a GPU. `decoder: parallel` trains the autoregressive decoder by fixed-point passes over all
samples at once, `loop` sample by sample; estimates always come from the loop.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pianokpm_training.baselines.published_inputs import (
    STEP,
    WINDOW,
    Windows,
    cut_windows,
    join_windows,
)
from pianokpm_training.baselines.published_network import PublishedNetwork
from pianokpm_training.baselines.sinkhorn import sinkhorn_divergence
from pianokpm_training.evaluation.takes import Estimate, Take
from torch import Tensor

WEIGHTS, NOTES = 'weights.pt', 'training.json'
PASSES = 2
"""Fixed-point passes without gradient before the one with it: outputs hardly depend on those before."""

CLIP = 1.0
FULL = 99.5
"""Percentile of the training envelopes that becomes 1, as the released EMG spans -1 to 1."""

Report = Callable[[int, int, str], None]


@dataclass(frozen=True)
class PublishedSettings:
    """How it is trained; the defaults are the published ones.

    Attributes:
        seed: of weights and order.
        epochs: through all windows, at most.
        seconds: of processor time, at most; 0 = no limit.
        batch: windows a step.
        rate: learning rate.
        halve: epochs after which the rate is halved; 0 = one-cycle over `seconds` instead.
        decoder: `loop`, or `parallel`.
        transport: weight of the Sinkhorn term.
        points: samples of each window in the Sinkhorn term; 1024 = all.
        device: of torch.
    """

    seed: int = 1
    epochs: int = 200
    seconds: float = 0.0
    batch: int = 64
    rate: float = 1e-4
    halve: int = 20
    decoder: str = 'loop'
    transport: float = 1.0
    points: int = WINDOW
    device: str = 'cpu'


@dataclass(eq=False)
class Published:
    """The trained network as an estimator.

    Attributes:
        network: trained.
        scale: (M,) MVC that stands for 1.
        notes: how it was trained, and its curve.
    """

    network: PublishedNetwork
    scale: NDArray
    notes: dict[str, Any] = field(default_factory=dict)
    name: str = 'PianoKPM Net, rebuilt'

    def estimate(self, take: Take) -> Estimate:
        """Estimate whole seconds; what is left at the end stays unknown, as published."""
        windows = cut_windows(take)
        mean = np.full(take.truth.shape, np.nan)
        if not len(windows.stamp):
            return Estimate(mean)
        with torch.no_grad():
            latent = self.network.encode(*_tensors(windows))
            found = self.network.decode(latent).numpy()
        found = (found + 1) / 2 * self.scale
        stamp, found = windows.stamp.reshape(-1), found.reshape(-1, found.shape[-1])
        inside = (take.stamp >= stamp[0]) & (take.stamp <= stamp[-1])
        for m in range(found.shape[1]):
            mean[inside, m] = np.interp(take.stamp[inside], stamp, found[:, m])
        return Estimate(mean)

    def save(self, folder: Path) -> None:
        """Write weights and notes."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {'network': self.network.state_dict(), 'scale': torch.from_numpy(self.scale)}
        torch.save(state, folder / f'.{WEIGHTS}')
        (folder / f'.{WEIGHTS}').replace(folder / WEIGHTS)
        (folder / NOTES).write_text(json.dumps(self.notes, indent=1) + '\n')


def load_published(folder: Path) -> Published:
    """Read what `save` wrote."""
    state = torch.load(folder / WEIGHTS, weights_only=True, map_location='cpu')
    network = PublishedNetwork()
    network.load_state_dict(state['network'])
    notes = json.loads((folder / NOTES).read_text())
    return Published(network.eval(), state['scale'].numpy(), notes)


def _tensors(windows: Windows) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(windows.pose).float(), torch.from_numpy(windows.keys).float()


def train_published(
    takes: Sequence[Take], settings: PublishedSettings, report: Report = lambda *_: None
) -> Published:
    """Train on takes."""
    windows = join_windows([cut_windows(t, STEP) for t in takes])
    scale = np.maximum(np.nanpercentile(windows.target, FULL, axis=(0, 1)), 1e-3)
    target = np.clip(windows.target / scale, 0, 1) * 2 - 1
    torch.manual_seed(settings.seed)
    network = PublishedNetwork().to(settings.device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.rate)
    rng, curve, began = np.random.default_rng(settings.seed), [], time.process_time()
    done, step = 0.0, 0
    per_epoch = max(1, len(target) // settings.batch)
    while step < settings.epochs * per_epoch and done < 1.0:
        if step % per_epoch == 0:
            order = rng.permutation(len(target))
        where = np.sort(order[step % per_epoch * settings.batch :][: settings.batch])
        _set_rate(optimiser, settings, step / per_epoch, done)
        loss, error = _learn(network, optimiser, windows, target, where, settings)
        step += 1
        spent = time.process_time() - began
        done = spent / settings.seconds if settings.seconds else step / settings.epochs / per_epoch
        curve.append((round(spent, 1), round(loss, 5), round(error, 5)))
        report(int(1000 * min(done, 1.0)), 1000, f'step {step}, loss {loss:.4f}')
    notes = {
        'settings': asdict(settings),
        'windows': len(target),
        'steps': step,
        'epochs': round(step / per_epoch, 3),
        'seconds': round(time.process_time() - began),
        'curve': curve,
        'curve_columns': ['processor seconds', 'loss', 'squared error in units of -1..1'],
    }
    return Published(network.eval().cpu(), scale, notes)


def _set_rate(
    optimiser: torch.optim.Optimizer, settings: PublishedSettings, epoch: float, done: float
) -> None:
    if settings.halve:
        factor = 0.5 ** (int(epoch) // settings.halve)
    else:  # up within a tenth, then down to nothing
        factor = min(done / 0.1, 1.0) * 0.5 * (1 + np.cos(np.pi * max(done - 0.1, 0) / 0.9))
    for group in optimiser.param_groups:
        group['lr'] = settings.rate * max(factor, 1e-3)


def _learn(
    network: PublishedNetwork,
    optimiser: torch.optim.Optimizer,
    windows: Windows,
    target: NDArray,
    where: NDArray[np.int64],
    settings: PublishedSettings,
) -> tuple[float, float]:
    parts = (windows.pose[where], windows.keys[where], target[where])
    pose, keys, wanted = (torch.from_numpy(p).float().to(settings.device) for p in parts)
    latent = network.encode(pose, keys)
    found = network.decode(latent) if settings.decoder == 'loop' else _parallel(network, latent)
    error = (found - wanted).square().mean()
    chosen = np.linspace(0, WINDOW - 1, settings.points).round().astype(np.int64)
    distance = sinkhorn_divergence(found[:, chosen], wanted[:, chosen]).mean()
    loss = error + settings.transport * distance
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
    optimiser.step()
    return float(loss.detach()), float(error.detach())


def _parallel(network: PublishedNetwork, latent: Tensor) -> Tensor:
    with torch.no_grad():
        guess = torch.zeros(*latent.shape[:2], 6, device=latent.device)
        for _ in range(PASSES):
            guess = network.decode_guided(latent, guess)
    return network.decode_guided(latent, guess)
