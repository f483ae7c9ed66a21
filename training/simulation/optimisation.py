"""Share torques among muscles: min sum w a^2 + |(torque - pull a) / tolerance|^2, 0 <= a <= 1, exactly (daqp).

The optimum shows no co-contraction; `excitation` adds what a person keeps up.
Letters: T samples, J joints, U muscles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.dynamics import Load
from pianokpm_training.simulation.requirements import SimulationError, require

FloatArray = NDArray[np.floating]

TOLERANCE = 0.006
"""Torque left to ligaments, skin and missing muscles that costs as much as a full activation [N m]."""

UNSHARED = {'pro_sup': 0.5}
"""Likewise for joints whose muscles are missing: biceps and supinator turn the forearm."""


@dataclass(frozen=True, eq=False)
class Sharing:
    """How the muscles share the work.

    Attributes:
        activation: (T, U) 0..1.
        reserve: (T, J) torque that they don't give [N m].
    """

    activation: FloatArray
    reserve: FloatArray


def share_load(load: Load, weight: FloatArray) -> Sharing:
    """Find the activations for each sample alone.

    Args:
        load: torques and muscles.
        weight: (U,) of effort, or (T, U).
    """
    solve = require('daqp').solve
    muscles = load.strength.shape[1]
    pull = -load.arms * load.strength[..., None]
    tolerance = np.array([UNSHARED.get(n, TOLERANCE) for n in load.joints])
    scaled = pull / tolerance
    hessian = np.einsum('tuj,tvj->tuv', scaled, scaled) + weight[..., None] * np.eye(muscles)
    linear = -np.einsum('tuj,tj->tu', scaled, load.torque / tolerance)
    activation = np.empty_like(load.strength)
    nothing, most, least = np.zeros((0, muscles)), np.ones(muscles), np.zeros(muscles)
    sense = np.zeros(muscles, np.int32)
    for i in range(len(activation)):
        x, _, flag, _ = solve(hessian[i], linear[i], nothing, most, least, sense)
        if flag < 1:
            raise SimulationError(
                f'the muscle optimisation failed at {load.time[i]:.3f} s (daqp says {flag}); '
                'this is a defect, please report the piece and the seed'
            )
        activation[i] = x
    activation = np.clip(activation, 0.0, 1.0)
    reserve = load.torque - np.einsum('tuj,tu->tj', pull, activation)
    return Sharing(activation, reserve)
