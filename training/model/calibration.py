"""Make the deviation true: on persons or recordings not trained on, as many errors lie within it as it promises.

Letters: T ticks, L look-aheads, M muscles.
"""

from collections.abc import Sequence

import numpy as np
import torch
from pianokpm_training.model.dataset import Example
from pianokpm_training.model.fit import predict
from pianokpm_training.model.network import DEVIATION_FLOOR, MuscleNetwork
from pianokpm_training.model.windows import hide_keys
from scipy.stats import norm

from pianokpm_ros.emg.metrics import COVERAGE_LEVELS
from pianokpm_ros.muscle.features import Scaling

LIMITS = (0.2, 10.0)


def calibrate(network: MuscleNetwork, scaling: Scaling, examples: Sequence[Example]) -> None:
    """Scale each deviation, in place, so that intervals of 50, 80 and 95 % cover that much on average."""
    if not examples:
        return
    errors, spreads = [], []
    for i, example in enumerate(examples):
        silent = np.full(len(example.features), i % 2 == 1)
        mean, deviation = predict(network, scaling, hide_keys(example.features, silent))
        errors.append(np.abs(example.target - mean))
        spreads.append((deviation - DEVIATION_FLOOR) / network.calibration.numpy())
    error, spread = np.concatenate(errors), np.concatenate(spreads)
    factors = [
        np.nanquantile(
            np.maximum(error / norm.ppf(0.5 + p / 2) - DEVIATION_FLOOR, 0) / spread, p, 0
        )
        for p in COVERAGE_LEVELS
    ]
    factor = np.clip(np.mean(factors, axis=0), *LIMITS)
    network.calibration.copy_(torch.from_numpy(factor.astype(np.float32)))
