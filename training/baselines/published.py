"""The rebuilt published network as an estimator; `published_training` trains it.

Letters: M muscles.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pianokpm_training.baselines.published_inputs import PoseScale, cut_windows
from pianokpm_training.baselines.published_network import PublishedNetwork
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.evaluation.takes import Estimate, Take
from pianokpm_training.model.saving import save_tensors

WEIGHTS, NOTES = 'weights.pt', 'training.json'


@dataclass(eq=False)
class Published:
    """The trained network as an estimator.

    Attributes:
        network: trained.
        scale: (M,) MVC that stands for 1.
        pose_scale: of the places in the pictures.
        notes: how it was trained, and its curve.
    """

    network: PublishedNetwork
    scale: NDArray
    pose_scale: PoseScale
    notes: dict[str, Any] = field(default_factory=dict)
    name: str = 'PianoKPM Net, rebuilt'

    def estimate(self, take: Take) -> Estimate:
        """Estimate whole seconds; what is left at the end stays unknown, as published."""
        windows = cut_windows(take)
        mean = np.full(take.truth.shape, np.nan)
        if not len(windows.stamp):
            return Estimate(mean)
        with torch.no_grad():
            pose = torch.from_numpy(self.pose_scale.apply(windows.pose)).float()
            latent = self.network.encode(pose, torch.from_numpy(windows.keys).float())
            found = self.network.decode(latent).numpy()
        found = (found + 1) / 2 * self.scale
        stamp, found = windows.stamp.reshape(-1), found.reshape(-1, found.shape[-1])
        inside = (take.stamp >= stamp[0]) & (take.stamp <= stamp[-1])
        for m in range(found.shape[1]):
            mean[inside, m] = np.interp(take.stamp[inside], stamp, found[:, m])
        return Estimate(mean)

    def save(self, folder: Path) -> None:
        """Write it into a folder, the weights last."""
        folder.mkdir(parents=True, exist_ok=True)
        numbers = {'scale': self.scale, **vars(self.pose_scale)}
        state = {n: torch.from_numpy(v) for n, v in numbers.items()}
        state['network'] = self.network.state_dict()
        (folder / NOTES).write_text(json.dumps(self.notes, indent=1) + '\n')
        save_tensors(folder / WEIGHTS, state)


def load_published(folder: Path) -> Published:
    """Read what `save` wrote."""
    try:
        state = torch.load(folder / WEIGHTS, weights_only=True, map_location='cpu')
        network = PublishedNetwork()
        network.load_state_dict(state['network'])
        notes = json.loads((folder / NOTES).read_text())
        pose_scale = PoseScale(state['mean'].numpy(), state['deviation'].numpy())
        scale = state['scale'].numpy()
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, UnpicklingError) as error:
        raise DataError(
            f'asked to read the rebuilt network in {folder}: {error}; remove the folder to train it anew'
        ) from error
    return Published(network.eval(), scale, pose_scale, notes)
