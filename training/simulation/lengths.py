"""Fit the ranges of muscle lengths to postures of the hand, and read the muscle curves from the model.

MuJoCo puts the ends of `lengthrange` at 0.75 and 1.05 of a muscle's optimal fibre length.
"""

import mujoco
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

WRIST_REACH = {'deviation': 0.25, 'flexion': 0.6, 'pro_sup': 0.4}
"""How far from the middle the wrist is sampled [rad]; fingers are sampled over their whole range."""

SAMPLES = 600
TAILS = (2.0, 98.0)
"""Percentiles taken as the ends: extreme corners of all joints at once are no postures."""


def fit_length_ranges(model: mujoco.MjModel, seed: int = 1) -> dict[str, FloatArray]:
    """Return the range of each muscle's path length over random postures, by muscle name [m]."""
    random = np.random.default_rng(seed)
    data = mujoco.MjData(model)
    lengths = np.empty((SAMPLES, model.nu))
    limits = np.array([_sampled_range(model, j) for j in range(model.njnt)])
    for i in range(SAMPLES):
        data.qpos[:] = random.uniform(limits[:, 0], limits[:, 1])
        mujoco.mj_kinematics(model, data)
        mujoco.mj_tendon(model, data)
        lengths[i] = data.ten_length
    low, high = np.percentile(lengths, TAILS, axis=0)
    return {model.actuator(i).name: np.array([low[i], high[i]]) for i in range(model.nu)}


def _sampled_range(model: mujoco.MjModel, joint: int) -> tuple[float, float]:
    from pianokpm_training.simulation.hand import PRONATION

    if not model.jnt_limited[joint]:
        return (0.0, 0.0)
    name, (low, high) = model.joint(joint).name, model.jnt_range[joint]
    reach = WRIST_REACH.get(name)
    if reach is None:
        return (low, high)
    middle = PRONATION if name == 'pro_sup' else 0.0
    return (max(low, middle - reach), min(high, middle + reach))


def normal_lengths(model: mujoco.MjModel, length: FloatArray) -> FloatArray:
    """Convert (T, U) path lengths [m] to parts of the optimal fibre length."""
    fibre, slack = fibre_lengths(model)
    return (length - slack) / fibre


def fibre_lengths(model: mujoco.MjModel) -> tuple[FloatArray, FloatArray]:
    """Optimal fibre length and tendon slack length of each muscle, (U,) each [m]."""
    low, high = model.actuator_gainprm[:, 0], model.actuator_gainprm[:, 1]
    ends = model.actuator_lengthrange
    fibre = (ends[:, 1] - ends[:, 0]) / (high - low)
    return fibre, ends[:, 0] - low * fibre


def force_length(length: FloatArray) -> FloatArray:
    """Active force over length, both normalised: MuJoCo's curve with its default ends 0.5 and 1.6."""
    low, high = 0.5, 1.6
    left, right = 0.5 * (low + 1), 0.5 * (1 + high)
    pieces = [
        0.5 * np.clip((length - low) / (left - low), 0, 1) ** 2,
        1 - 0.5 * ((1 - length) / (1 - left)) ** 2,
        1 - 0.5 * ((length - 1) / (right - 1)) ** 2,
        0.5 * np.clip((high - length) / (high - right), 0, 1) ** 2,
    ]
    return np.select([length <= left, length <= 1, length <= right], pieces[:3], pieces[3])


def force_velocity(velocity: FloatArray, most: float = 1.2) -> FloatArray:
    """Force over velocity [fibre lengths / s over the largest, positive lengthening]: MuJoCo's curve."""
    extra = most - 1.0
    lengthening = np.where(velocity <= extra, most - (extra - velocity) ** 2 / extra, most)
    shortening = np.where(velocity <= -1, 0.0, (velocity + 1) ** 2)
    return np.where(velocity <= 0, shortening, lengthening)
