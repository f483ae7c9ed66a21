"""Fit the network to examples: checkpoints, early stopping, curves.

Letters: B windows, T ticks, F features, L look-aheads, M muscles.
"""

import copy
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pianokpm_training.model.dataset import Example
from pianokpm_training.model.devices import Place
from pianokpm_training.model.exact import Learner, hand_error
from pianokpm_training.model.examples import fit_exact_scaling
from pianokpm_training.model.gains import fit_gains
from pianokpm_training.model.hardware import describe_hardware
from pianokpm_training.model.layout import SPACE, Layout
from pianokpm_training.model.network import MuscleNetwork
from pianokpm_training.model.saving import save_tensors
from pianokpm_training.model.settings import SettingsError, TrainSettings
from pianokpm_training.model.windows import WindowSampler, hide_keys
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.muscle.features import Scaling

CHECKPOINT, CURVE, BOARD = 'checkpoint.pt', 'curve.jsonl', 'tensorboard'
CLIP = 1.0
LEVELS = 8
"""Strangers' levels that each window is scored with: with one alone the chance of the draw hides what is learned."""

TOGETHER = 32
"""Examples of the validation that are looked at in one pass."""

ROOT_PI = float(np.sqrt(np.pi))

Report = Callable[[int, float, float | None], None]
"""Called with the number of steps done, the newest loss, and the newest validation score."""


def crps(mean: Tensor, deviation: Tensor, target: Tensor) -> Tensor:
    """Mean continuous ranked probability score of normal forecasts, in the target's unit; NaN targets don't count.

    Gneiting and Raftery 2007, equation 21. Unlike the likelihood it can't be won by shrinking a deviation.
    """
    known = torch.isfinite(target)
    return _crps_each(mean, deviation, target).sum() / known.sum().clamp(min=1)


def _crps_each(mean: Tensor, deviation: Tensor, target: Tensor) -> Tensor:
    """The score of each sample; 0 where the target is NaN."""
    z = (torch.nan_to_num(target) - mean) / deviation
    density = torch.exp(-0.5 * z**2) / float(np.sqrt(2 * np.pi))
    score = deviation * (z * torch.erf(z / 2**0.5) + 2 * density - 1 / ROOT_PI)
    return score * torch.isfinite(target)


def _score_levels(mean: Tensor, deviation: Tensor, target: Tensor, levels: Tensor) -> Tensor:
    """Score against the targets of (N, B, M) persons' levels."""
    scores = [crps(mean, deviation, target * level[:, None, None]) for level in levels]
    return torch.stack(scores).mean()


def build_network(settings: TrainSettings, layout: Layout = SPACE) -> MuscleNetwork:
    """Make an untrained network; the same from the same seed."""
    torch.manual_seed(settings.seed)
    return MuscleNetwork(
        layout.count,
        len(settings.lookaheads),
        len(MUSCLES),
        settings.width,
        settings.layers,
        settings.dropout,
    )


class Run:
    """A training run that can stop after any step and go on from its last checkpoint."""

    def __init__(
        self,
        settings: TrainSettings,
        scaling: Scaling,
        examples: Sequence[Example],
        validation: Sequence[Example],
        folder: Path,
        place: Place,
        layout: Layout = SPACE,
    ) -> None:
        self._settings, self._place, self._folder = settings, place, folder
        self._scaling, self._layout = scaling, layout
        gains = fit_gains([*examples, *validation])
        self._validation = gains.level(validation)
        self._sampler = WindowSampler(
            gains.level(examples),
            scaling,
            settings.window,
            settings.keys_hidden,
            settings.keys_broken,
            fit_exact_scaling(examples),
            place.device,
            layout,
        )
        self._gains = gains
        self.learner = Learner(build_network(settings, layout)).to(place.device)
        self._optimiser = torch.optim.AdamW(
            self.learner.parameters(), lr=settings.rate, weight_decay=1e-2
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, settings.rate, total_steps=settings.steps, pct_start=0.1
        )
        self.done, self.best, self._since = 0, float('inf'), 0
        self._began, self._before = time.monotonic(), 0.0
        self.hardware: list[str] = []
        self._best_weights = copy.deepcopy(self.network.state_dict())
        self._restore()
        if self.done < settings.steps:  # else nothing is left to compute here
            self.hardware = list(dict.fromkeys([*self.hardware, describe_hardware(place)]))
        self._shared = place.spread(self.learner)
        self._board = _open_board(folder) if settings.tensorboard and place.first else None

    @property
    def network(self) -> MuscleNetwork:
        """The network, without what it only needs to learn."""
        return self.learner.network

    @property
    def seconds(self) -> float:
        """How long the optimiser ran, before interruptions too."""
        return self._before + time.monotonic() - self._began

    def train(self, report: Report) -> MuscleNetwork:
        """Train to the end, or until the validation score no longer gets better; returns the best network."""
        settings, score = self._settings, None
        while self.done < settings.steps and not self._tired():
            loss = self._step()
            self.done += 1
            self._need_finite(loss)
            if self.done % settings.validate == 0 or self.done == settings.steps:
                score = self._look(loss)
            if self._place.first:
                report(self.done, loss, score)
        if self._board:
            self._board.close()
        self.network.load_state_dict(self._best_weights)
        return self.network.eval().cpu()

    def _need_finite(self, score: float) -> None:
        """Refuse to go on, and to remember weights, where training has come apart."""
        if not np.isfinite(score):
            raise SettingsError(
                f'the score became {score} at step {self.done}: training came apart; take a lower `rate` than '
                f'{self._settings.rate:g}'
            )

    def _tired(self) -> bool:
        return self._place.agree(self._since >= self._settings.patience)

    def _step(self) -> float:
        settings, place = self._settings, self._place
        # The same windows after a restart, others for each process.
        rng = np.random.default_rng([settings.seed, 4, self.done, place.rank])
        torch.manual_seed(int(rng.integers(2**31)))  # of what drops out
        share = settings.batch // place.count
        features, targets, hands = self._sampler.draw(rng, share)
        levels = torch.from_numpy(self._gains.draw(rng, (LEVELS, share))).to(place.device)
        with place.mixed():
            mean, deviation, hand = self._shared(features)
        score = _score_levels(mean.float(), deviation.float(), targets, levels)
        loss = score + settings.exact_hand * hand_error(hand.float(), hands)
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.learner.parameters(), CLIP)
        self._optimiser.step()
        self._schedule.step()
        return float(score.detach())

    def _look(self, loss: float) -> float | None:
        """Score the validation recordings, remember the best weights, and leave a checkpoint."""
        score = None
        if self._place.first:
            score = validate(self.network, self._scaling, self._validation, self._layout)
            if self._validation:
                self._need_finite(score)
            if not score >= self.best:  # nothing to validate on counts as better
                self.best, self._since = score, 0
                self._best_weights = copy.deepcopy(self.network.state_dict())
            else:
                self._since += 1
            self._save()
            self._write(loss, score)
        return score

    def _write(self, loss: float, score: float) -> None:
        row = {'step': self.done, 'loss': round(loss, 6), 'validation': round(score, 6)}
        with (self._folder / CURVE).open('a') as file:
            file.write(json.dumps(row) + '\n')
        if self._board:
            self._board.add_scalar('loss/train', loss, self.done)
            self._board.add_scalar('loss/validation', score, self.done)
            self._board.flush()

    def _parts(self) -> dict[str, Any]:
        return {'learner': self.learner, 'optimiser': self._optimiser, 'schedule': self._schedule}

    def _save(self) -> None:
        state: dict[str, Any] = {n: p.state_dict() for n, p in self._parts().items()}
        state |= {'done': self.done, 'best': self.best, 'since': self._since}
        state |= {'seconds': self.seconds, 'hardware': self.hardware}
        save_tensors(self._folder / CHECKPOINT, state | {'best_weights': self._best_weights})

    def _restore(self) -> None:
        path = self._folder / CHECKPOINT
        if not path.exists():
            return
        state = torch.load(path, weights_only=True, map_location=self._place.device)
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.done, self.best, self._since = state['done'], state['best'], state['since']
        self._best_weights = state['best_weights']
        self._before, self.hardware = state['seconds'], state['hardware']


def _open_board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise SettingsError(
            'asked for TensorBoard, which is not installed: pip install -r requirements/training.txt'
        ) from error
    return SummaryWriter(str(folder / BOARD))


def predict(
    network: MuscleNetwork, scaling: Scaling, features: NDArray
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the (T, L, M) means and deviations for (T, F) unscaled features."""
    with torch.no_grad():
        device = network.calibration.device
        scaled = torch.from_numpy(scaling.apply(features.astype(np.float32))).to(device)
        mean, deviation, _ = network(scaled[None], network.start(1))
    return mean[0].cpu().numpy(), deviation[0].cpu().numpy()


def validate(
    network: MuscleNetwork,
    scaling: Scaling,
    examples: Sequence[Example],
    layout: Layout = SPACE,
) -> float:
    """Mean CRPS over examples, half of them without keys; NaN without examples."""
    network.eval()
    scores = [
        _score_together(network, scaling, examples[i : i + TOGETHER], i, layout)
        for i in range(0, len(examples), TOGETHER)
    ]
    network.train()
    return float(np.concatenate(scores).mean()) if scores else float('nan')


def _score_together(
    network: MuscleNetwork,
    scaling: Scaling,
    examples: Sequence[Example],
    first: int,
    layout: Layout,
) -> NDArray[np.float64]:
    """Mean CRPS of each of some examples, looked at in one pass; every other one has no keys."""
    device = network.calibration.device
    silent = (np.full(len(e.features), (first + i) % 2 == 1) for i, e in enumerate(examples))
    seen = (
        scaling.apply(hide_keys(e.features, s, layout))
        for e, s in zip(examples, silent, strict=True)
    )
    features = pad_sequence([torch.from_numpy(f) for f in seen], batch_first=True)
    targets = [torch.from_numpy(e.target) for e in examples]
    target = pad_sequence(targets, batch_first=True, padding_value=torch.nan).to(device)
    with torch.no_grad():
        mean, deviation, _ = network(features.to(device), network.start(len(examples)))
        score = _crps_each(mean, deviation, target).double().sum(dim=(1, 2, 3))
    known = torch.isfinite(target).sum(dim=(1, 2, 3)).clamp(min=1)
    return (score / known).cpu().numpy()
