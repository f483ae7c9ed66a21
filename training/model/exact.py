"""The exact hand, which simulated recordings hold: what a network learns to see through the front end's errors.

A muscle's envelope alone teaches slowly where fingers are. Beside the muscles the network has to tell the exact hand
of a moment ago while it learns, from what was seen until now; that part of it is left behind afterwards.
Letters: T ticks, E features of the exact hand.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import Recording
from pianokpm_training.model.network import MuscleNetwork
from pianokpm_training.sessions.ticks import pose_series
from torch import Tensor, nn

from pianokpm_ros.anatomy import Side
from pianokpm_ros.muscle.batch import batch_features
from pianokpm_ros.muscle.features import PLACE, SHAPE
from pianokpm_ros.muscle.timebase import TICK

Half = NDArray[np.float16]

COLUMNS = slice(SHAPE.start, PLACE.stop)
"""Features that are asked of the exact hand: its shape, how fingers move, where it is over the keys."""

LARGEST_HALF = 6e4
"""Features are clipped to this, which half precision still holds."""

EXACT_COUNT = COLUMNS.stop - COLUMNS.start
DELAY = 5
"""How long ago the hand is that is asked for [ticks]: with what came since, it can be told better."""


class ExactHand:
    """A recording's exact hand, computed once for all ways to see it; empty where the recording has none."""

    def __init__(self, recording: Recording) -> None:
        truth, side = recording.pose_truth, Side(recording.info.side)
        self._stretches = list(batch_features(pose_series(truth), side)) if truth else []

    def at(self, ticks: NDArray[np.int64]) -> Half:
        """Return (T, E) features of the hand `DELAY` before given ticks; NaN where it is not known."""
        found = np.full((len(ticks), EXACT_COUNT), np.nan, np.float16)
        for stretch in self._stretches:
            index = (ticks - stretch.stamp[0]) // TICK - DELAY
            inside = (index >= 0) & (index < len(stretch.stamp))
            found[inside] = np.clip(
                stretch.features[index[inside], COLUMNS], -LARGEST_HALF, LARGEST_HALF
            )
        return found


class Learner(nn.Module):
    """A network as it learns: it tells muscles and the exact hand."""

    def __init__(self, network: MuscleNetwork) -> None:
        super().__init__()
        self.network = network
        self.hand = nn.Linear(network.width, EXACT_COUNT)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Take (B, T, F) scaled features; returns (B, T, L, M) means and deviations, and the (B, T, E) scaled hand."""
        memory, _ = self.network.remember(features, self.network.start(len(features)))
        return *self.network.tell(memory), self.hand(memory)


def hand_error(said: Tensor, exact: Tensor) -> Tensor:
    """Mean Huber loss of (B, T, E) scaled features; 0 where nothing is known of the exact hand."""
    known = torch.isfinite(exact)
    error = nn.functional.smooth_l1_loss(said, torch.nan_to_num(exact), reduction='none')
    return (error * known).sum() / known.sum().clamp(min=1)
