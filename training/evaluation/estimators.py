"""Model bundles as estimators, and simulated recordings' noise ceiling as one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.evaluation.takes import Estimate, Take
from pianokpm_training.simulation.ceiling import second_envelope

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.muscle.batch import estimate_batch
from pianokpm_ros.muscle.bundle import ModelBundle, load_bundle

OURS = 'ours'
"""How the names of models begin in tables."""


@dataclass(frozen=True, eq=False)
class BundleEstimator:
    """A model bundle, run as `estimate_batch` does; frame by frame it says the same (a test holds it to that)."""

    bundle: ModelBundle
    lookahead: float
    name: str = OURS

    def estimate(self, take: Take) -> Estimate:
        stamp, mean, deviation = estimate_batch(
            self.bundle, take.side, take.poses, take.key_lookup, self.lookahead
        )
        found = np.full((2, *take.truth.shape), np.nan)
        index = np.searchsorted(stamp, take.stamp).clip(0, max(len(stamp) - 1, 0))
        there = stamp[index] == take.stamp if len(stamp) else np.zeros(len(take.stamp), bool)
        found[0, there], found[1, there] = mean[index[there]], deviation[index[there]]
        return Estimate(found[0], found[1], self.bundle.reach)


@dataclass(frozen=True)
class Ceiling:
    """A second recording of the same excitation: what knowing everything but the spikes gives."""

    name: str = 'noise ceiling'

    def estimate(self, take: Take) -> Estimate:
        return Estimate(second_envelope(take.recording))


def open_bundle(folder: Path, lookahead: float | None, name: str = OURS) -> BundleEstimator:
    """Load a model for one look-ahead [s]; None takes its default.

    Raises:
        DataError: for a model of other muscles than takes are scored on.
    """
    bundle = load_bundle(folder)
    if bundle.muscle != MUSCLES:
        raise DataError(
            f'asked to score {bundle.model_id}, which estimates {", ".join(bundle.muscle)}; only models of '
            f'{", ".join(MUSCLES)}, in this order, are scored'
        )
    return BundleEstimator(bundle, bundle.lookaheads[bundle.head(lookahead)], name)
