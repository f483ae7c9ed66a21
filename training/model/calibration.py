"""Make the deviation true: on persons or recordings not trained on, as many errors lie within it as it promises.

Letters: T ticks, L look-aheads, M muscles.
"""

from collections.abc import Sequence

import numpy as np
import torch
from pianokpm_training.model.dataset import Example
from pianokpm_training.model.fit import predict
from pianokpm_training.model.layout import SPACE, Layout
from pianokpm_training.model.network import DEVIATION_FLOOR, MuscleNetwork
from pianokpm_training.model.windows import hide_keys

from pianokpm_ros.emg.metrics import COVERAGE_LEVELS, NORMAL_REACH, ONE_SIGMA
from pianokpm_ros.muscle.features import Scaling

LIMITS = (0.2, 10.0)


def calibrate(
    network: MuscleNetwork,
    scaling: Scaling,
    examples: Sequence[Example],
    layout: Layout = SPACE,
) -> tuple[float, ...]:
    """Scale each deviation, in place, so that 68 % of the errors lie within it.

    Errors of strangers have heavier tails than a normal distribution, because persons differ: so the intervals of
    `COVERAGE_LEVELS` are learned too.

    Returns:
        How far these intervals reach to either side [deviations], the same for all muscles and look-aheads.
    """
    if not examples:
        return NORMAL_REACH
    errors, spreads = [], []
    for i, example in enumerate(examples):
        silent = np.full(len(example.features), i % 2 == 1)
        mean, deviation = predict(network, scaling, hide_keys(example.features, silent, layout))
        errors.append(np.abs(example.target - mean))
        spreads.append((deviation - DEVIATION_FLOOR) / network.calibration.numpy())
    error, spread = np.concatenate(errors), np.concatenate(spreads)
    factor = np.nanquantile(np.maximum(error - DEVIATION_FLOOR, 0) / spread, ONE_SIGMA, axis=0)
    factor = np.clip(factor, *LIMITS)
    network.calibration.copy_(torch.from_numpy(factor.astype(np.float32)))
    ratio = error / (DEVIATION_FLOOR + spread * factor)
    return tuple(round(float(v), 4) for v in np.nanquantile(ratio, COVERAGE_LEVELS))
