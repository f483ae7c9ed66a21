"""Train the rebuilt published network.

Loss, optimiser and windows are those of the description; steps, batch and rate come from a file, because the published
200 epochs of the loop take days without a GPU. The last layer begins at the mean of what is learned: its outputs count
a hundredth, and from nothing the first thousand steps would only go to that mean. `decoder: parallel` trains the
autoregressive decoder by fixed-point passes over all samples at once, `loop` sample by sample. With takes to validate
on, the weights of the epoch that was best on them are kept. Letters: B windows, T samples, C channels, M muscles.
"""

import copy
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pianokpm_training.baselines.published import Published
from pianokpm_training.baselines.published_inputs import (
    STEP,
    WINDOW,
    PoseScale,
    Windows,
    cut_windows,
    fit_pose_scale,
    join_windows,
)
from pianokpm_training.baselines.published_network import (
    MUSCLES,
    OUTPUT_SCALE,
    PublishedNetwork,
)
from pianokpm_training.baselines.sinkhorn import sinkhorn_divergence
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.evaluation.takes import Take
from pianokpm_training.model.devices import prepare_device
from pianokpm_training.model.hardware import describe_device
from pianokpm_training.model.settings import SettingsError, check_numbers, fill, read_yaml
from torch import Tensor

PASSES = 2
"""Fixed-point passes without gradient before the one with it: outputs hardly depend on those before."""

DECODERS, DEVICES = ('loop', 'parallel'), ('cpu', 'cuda')
MAY_BE_ZERO = ('seed', 'seconds', 'rate', 'halve', 'transport', 'more')

CLIP = 1.0
MOST_VALIDATED = 512
"""Windows to validate on after each epoch, at most, evenly picked."""

FULL = 99.5
"""Percentile of the training envelopes that becomes 1, as the released EMG spans -1 to 1."""

Report = Callable[[int, int, str], None]
Loss = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class PublishedSettings:
    """How it is trained; the defaults are the published ones.

    Attributes:
        seed: of weights and order.
        epochs: through all windows, at most.
        seconds: of processor time, at most, or of a GPU's; 0 = no limit.
        batch: windows a step.
        rate: learning rate.
        halve: epochs after which the rate is halved; 0 = one-cycle over `seconds`, or `epochs`, instead.
        decoder: `loop`, or `parallel`.
        transport: weight of the Sinkhorn term.
        points: samples of each window in the Sinkhorn term; 1024 = all.
        more: recordings of each further data set, evenly picked, at most; 0 = all.
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
    more: int = 0
    device: str = 'cpu'

    def __post_init__(self) -> None:
        check_numbers(self, MAY_BE_ZERO)
        if self.decoder not in DECODERS or self.device not in DEVICES or self.points > WINDOW:
            raise SettingsError(
                f'asked for decoder = {self.decoder}, device = {self.device} and points = {self.points}; there are '
                f'{", ".join(DECODERS)}; {", ".join(DEVICES)}; at most {WINDOW} points'
            )


def read_published(path: Path) -> PublishedSettings:
    """Read settings from a YAML file of `name: value` lines."""
    return fill(PublishedSettings, read_yaml(path), path)


def train_published(
    takes: Iterable[Take],
    settings: PublishedSettings,
    report: Report = lambda *_: None,
    validation: Iterable[Take] = (),
) -> Published:
    """Train on takes, read once, and keep what does best on those to validate on, if there are any."""
    prepare_device(torch.device(settings.device))
    windows = _known(join_windows([cut_windows(t, STEP) for t in takes]))
    if not len(windows.stamp):
        raise DataError(
            'asked to train the rebuilt PianoKPM Net on recordings without a second in which all six muscles are known'
        )
    scale = np.maximum(np.nanpercentile(windows.target, FULL, axis=(0, 1)), 1e-3)
    pose_scale = fit_pose_scale(windows.pose)
    run = _Run(_Learned(windows, scale, pose_scale, settings.device), settings)
    asked = _validation(validation, scale, pose_scale, settings.device) if validation else None
    while not run.over:
        loss = run.step()
        if asked and run.done % run.per_epoch == 0:
            run.look(asked)
        report(int(1000 * min(run.part, 1.0)), 1000, f'step {run.done}, loss {loss:.4f}')
    return Published(run.finish(), scale, pose_scale, run.describe())


class _Learned:
    """Windows where the network learns, (B, T, C) each."""

    def __init__(
        self, windows: Windows, scale: NDArray, pose_scale: PoseScale, device: str
    ) -> None:
        target = np.clip(windows.target / scale, 0, 1) * 2 - 1
        pose = pose_scale.apply(windows.pose)
        parts = (pose, windows.keys, target.astype(np.float32))
        self._parts = [torch.from_numpy(p).to(device) for p in parts]

    def __len__(self) -> int:
        return len(self._parts[0])

    def mean(self) -> Tensor:
        """Return the (M,) means of the targets."""
        return self._parts[2].mean(dim=(0, 1))

    def batch(self, where: NDArray[np.int64]) -> list[Tensor]:
        """Return poses, keys and targets of some windows."""
        chosen = torch.from_numpy(where).to(self._parts[0].device)
        return [p[chosen].float() for p in self._parts]


def _validation(
    takes: Iterable[Take], scale: NDArray, pose_scale: PoseScale, device: str
) -> _Learned:
    windows = _known(join_windows([cut_windows(t) for t in takes]))
    count = len(windows.stamp)
    kept = np.linspace(0, count - 1, min(count, MOST_VALIDATED)).round().astype(np.int64)
    return _Learned(_choose(windows, kept), scale, pose_scale, device)


def _known(windows: Windows) -> Windows:
    """Leave out windows in which EMG was lost: one unknown sample would make the loss unknown, then the weights."""
    known = np.isfinite(windows.target).all(axis=(1, 2))
    return windows if known.all() else _choose(windows, known)


def _choose(windows: Windows, which: NDArray) -> Windows:
    return Windows(*(v[which] for v in vars(windows).values()))


class _Run:
    """A training run of the published network."""

    def __init__(self, windows: _Learned, settings: PublishedSettings) -> None:
        torch.manual_seed(settings.seed)
        self._windows, self._settings = windows, settings
        self._network = PublishedNetwork().to(settings.device)
        with torch.no_grad():
            self._network.decoder[-1].bias.copy_(windows.mean() / OUTPUT_SCALE)
        self._loss_of = _loss_of(self._network, settings)
        self._optimiser = torch.optim.AdamW(self._network.parameters(), lr=settings.rate)
        self._rng = np.random.default_rng(settings.seed)
        # Beside a GPU the processor only waits.
        self._clock = time.perf_counter if settings.device == 'cuda' else time.process_time
        self._began, self._spent = self._clock(), 0.0
        self.per_epoch = max(1, len(windows) // settings.batch)
        self.done = 0
        self._order = np.arange(len(windows))
        self._curve: list[tuple[float, float, float]] = []
        self._looks: list[tuple[float, float]] = []
        self._best: dict[str, Tensor] | None = None

    @property
    def part(self) -> float:
        """How much of the run is done, 0 to 1; one with a budget of time ends by that."""
        settings = self._settings
        steps = self.done / settings.epochs / self.per_epoch
        return max(steps, self._spent / settings.seconds if settings.seconds else 0.0)

    @property
    def over(self) -> bool:
        return self.part >= 1.0

    def step(self) -> float:
        """Learn from the next windows; returns the loss."""
        settings, place = self._settings, self.done % self.per_epoch
        if place == 0:
            self._order = self._rng.permutation(len(self._windows))
        where = np.sort(self._order[place * settings.batch :][: settings.batch])
        _set_rate(self._optimiser, settings, self.done / self.per_epoch, self.part)
        loss, error = self._learn(self._windows.batch(where))
        self.done += 1
        self._spent = self._clock() - self._began
        self._curve.append((round(self._spent, 1), round(loss, 5), round(error, 5)))
        return loss

    def _learn(self, batch: Sequence[Tensor]) -> tuple[float, float]:
        loss, error = self._loss_of(*batch)
        self._optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), CLIP)
        self._optimiser.step()
        return float(loss.detach()), float(error)

    def look(self, asked: _Learned) -> None:
        """Score the windows to validate on; remember the weights if they are the best so far."""
        total, size = 0.0, self._settings.batch
        self._network.eval()
        for first in range(0, len(asked), size):
            pose, keys, wanted = asked.batch(np.arange(first, min(first + size, len(asked))))
            with torch.no_grad():
                found = _parallel(self._network, self._network.encode(pose, keys))
                total += float((found - wanted).square().mean(dim=(1, 2)).sum())
        self._network.train()
        error = total / len(asked)
        if not self._looks or error < min(e for _, e in self._looks):
            self._best = copy.deepcopy(self._network.state_dict())
        self._looks.append((round(self.done / self.per_epoch, 3), round(error, 6)))

    def finish(self) -> PublishedNetwork:
        """Return the best network, or the last one if none was looked at."""
        if self._best is not None:
            self._network.load_state_dict(self._best)
        return self._network.eval().cpu()

    def describe(self) -> dict[str, Any]:
        """Say how it was trained."""
        return {
            'settings': asdict(self._settings),
            'hardware': describe_device(torch.device(self._settings.device)),
            'windows': len(self._windows),
            'steps': self.done,
            'epochs': round(self.done / self.per_epoch, 3),
            'seconds': round(self._spent),
            'validation': self._looks,
            'validation_columns': ['epoch', 'squared error in units of -1..1'],
            'curve': self._curve,
            'curve_columns': ['seconds', 'loss', 'squared error in units of -1..1'],
        }


def _set_rate(
    optimiser: torch.optim.Optimizer, settings: PublishedSettings, epoch: float, done: float
) -> None:
    if settings.halve:
        factor = 0.5 ** (int(epoch) // settings.halve)
    else:  # up within a tenth, then down to nothing
        factor = min(done / 0.1, 1.0) * 0.5 * (1 + np.cos(np.pi * max(done - 0.1, 0) / 0.9))
    for group in optimiser.param_groups:
        group['lr'] = settings.rate * max(factor, 1e-3)


def _loss_of(network: PublishedNetwork, settings: PublishedSettings) -> Loss:
    """Return what tells loss and squared error of a batch; on a GPU compiled, or it would wait for the processor."""
    chosen = np.linspace(0, WINDOW - 1, settings.points).round().astype(np.int64)
    where = torch.from_numpy(chosen).to(settings.device)

    def loss_of(pose: Tensor, keys: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        latent = network.encode(pose, keys)
        looped = settings.decoder == 'loop'
        found = network.decode(latent) if looped else _parallel(network, latent)
        error = (found - wanted).square().mean()
        distance = sinkhorn_divergence(found[:, where], wanted[:, where]).mean()
        return error + settings.transport * distance, error.detach()

    if settings.device == 'cuda' and settings.decoder == 'parallel':
        return torch.compile(loss_of, mode='reduce-overhead')
    return loss_of


def _parallel(network: PublishedNetwork, latent: Tensor) -> Tensor:
    """Decode (B, T, C) latents to (B, T, M) by fixed-point passes over all samples at once."""
    with torch.no_grad():
        guess = latent.new_zeros(*latent.shape[:2], MUSCLES)
        for _ in range(PASSES):
            guess = network.decode_guided(latent, guess)
    return network.decode_guided(latent, guess)
