"""Our model for recordings without a hand in space, such as those of the PianoKPM release: trained and scored in 2D.

The same network, loss, levels and hidden keys as `pianokpm train` has; what is missing is what two uncalibrated
pictures can't give: the hand in space, its place over the keys, other cameras and rates. It is for comparison with the
published network; nodes have no use for it. Letters: M muscles.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.evaluation.takes import Estimate, Take
from pianokpm_training.model.calibration import calibrate
from pianokpm_training.model.dataset import Example, cut_example
from pianokpm_training.model.devices import find_place
from pianokpm_training.model.examples import fit_scaling
from pianokpm_training.model.fit import Run, build_network, predict
from pianokpm_training.model.flat import FLAT
from pianokpm_training.model.network import MuscleNetwork
from pianokpm_training.model.saving import save_tensors
from pianokpm_training.model.settings import TrainSettings, fill

from pianokpm_ros.muscle.features import Scaling

WEIGHTS, NOTES = 'weights.pt', 'training.json'
NAME = 'ours, in 2D'
Report = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class FlatModel:
    """A trained model.

    Attributes:
        network: calibrated.
        scaling: of its features.
        reach: of its intervals, as in `ModelBundle`.
        settings: of the training.
        notes: what it learned from.
    """

    network: MuscleNetwork
    scaling: Scaling
    reach: tuple[float, ...]
    settings: TrainSettings
    notes: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write it into a folder, the weights last."""
        folder.mkdir(parents=True, exist_ok=True)
        numbers = {'mean': self.scaling.mean, 'deviation': self.scaling.deviation}
        state: dict[str, Any] = {n: torch.from_numpy(v) for n, v in numbers.items()}
        state['network'] = self.network.state_dict()
        told = {'reach': list(self.reach), 'settings': self.settings.describe(), **self.notes}
        (folder / NOTES).write_text(json.dumps(told, indent=1) + '\n')
        save_tensors(folder / WEIGHTS, state)


def load_flat(folder: Path) -> FlatModel:
    """Read what `FlatModel.save` wrote."""
    try:
        state = torch.load(folder / WEIGHTS, weights_only=True, map_location='cpu')
        told = json.loads((folder / NOTES).read_text())
        settings = fill(TrainSettings, told.pop('settings'), folder / NOTES)
        network = build_network(settings, FLAT)
        network.load_state_dict(state['network'])
        scaling = Scaling(state['mean'].numpy(), state['deviation'].numpy())
        reach = tuple(told.pop('reach'))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, UnpicklingError) as error:
        raise DataError(
            f'asked to read the model in 2D in {folder}: {error}; remove the folder to train it anew'
        ) from error
    return FlatModel(network.eval(), scaling, reach, settings, told)


def train_flat(
    takes: Iterable[Take],
    settings: TrainSettings,
    validation: Iterable[Take] = (),
    report: Report = lambda *_: None,
) -> FlatModel:
    """Train on takes, read once; those to validate on tell when to stop, and make the deviation true."""
    learned, asked = (
        [e for t in part for e in _make_examples(t, settings.lookaheads)]
        for part in (takes, validation)
    )
    if not learned:
        raise DataError(
            'asked to train in 2D on recordings whose views and envelopes share no time'
        )
    scaling = fit_scaling(e.features for e in learned)
    with find_place(settings) as place, TemporaryDirectory() as folder:
        run = Run(settings, scaling, learned, asked, Path(folder), place, FLAT)
        network = run.train(lambda done, loss, _: report(done, settings.steps, f'CRPS {loss:.4f}'))
        reach = calibrate(network, scaling, asked or learned, FLAT)
        hardware = ', then '.join(run.hardware)
    notes = {
        'persons': len({e.subject for e in learned}),
        'recordings': len(learned),
        'steps': run.done,
        'seconds': round(run.seconds),
        'hardware': hardware,
    }
    return FlatModel(network, scaling, reach, settings, notes)


def check_lookaheads(settings: TrainSettings, asked: Sequence[float]) -> None:
    """Refuse look-aheads [s] that a model in 2D with these settings has not."""
    missing = [v for v in asked if v not in settings.lookaheads]
    if missing:
        raise DataError(
            f'asked for a look-ahead of {missing[0]:g} s in 2D; the model has '
            f'{", ".join(f"{v:g}" for v in settings.lookaheads)} s'
        )


def _make_examples(take: Take, lookaheads: tuple[float, ...]) -> list[Example]:
    cut = (
        cut_example(take.subject, stretch, take.recording.envelope, lookaheads)
        for stretch in take.stretches
    )
    return [example for example in cut if example is not None]


@dataclass(frozen=True, eq=False)
class FlatEstimator:
    """A model in 2D with one of its look-aheads [s]."""

    model: FlatModel
    lookahead: float
    name: str = NAME

    def estimate(self, take: Take) -> Estimate:
        head = self.model.settings.lookaheads.index(self.lookahead)
        found = np.full((2, *take.truth.shape), np.nan)
        for stretch in take.stretches:
            told = predict(self.model.network, self.model.scaling, stretch.features)
            for values, out in zip(told, found, strict=True):
                take.spread(stretch, values[:, head], self.lookahead, out)
        return Estimate(found[0], found[1], self.model.reach)
