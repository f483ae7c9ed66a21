"""From motion and key forces to joint torques, muscle lengths and moment arms.

Letters: T samples at `MUSCLE_RATE`, J hand joints (23), U muscles (42).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.hand import BASE_JOINTS, HandModel
from pianokpm_training.simulation.kinematics import Motion
from pianokpm_training.simulation.lengths import (
    fibre_lengths,
    force_length,
    force_velocity,
    normal_lengths,
)
from pianokpm_training.simulation.plan import RATE
from scipy import signal

FloatArray = NDArray[np.floating]

STRIDE = 2
MUSCLE_RATE = RATE / STRIDE
FASTEST = 10.0
"""Largest shortening speed [optimal fibre lengths / s]; MuJoCo's default of 1.5 would leave fast fingers powerless."""

ACCELERATION_CORNER = 20.0
"""Corner of the low-pass over accelerations [Hz]: twice differentiated angles are noisy above."""


@dataclass(frozen=True, eq=False)
class Load:
    """What the muscles must do.

    Attributes:
        time: (T,) [s].
        joints: J names.
        torque: (T, J) the muscles' torque about each hand joint [N m].
        arms: (T, U, J) change of each muscle's length with each joint [m/rad]; a pull F gives the torque -F arms.
        strength: (T, U) largest active force in this posture and at this speed [N].
    """

    time: FloatArray
    joints: tuple[str, ...]
    torque: FloatArray
    arms: FloatArray
    strength: FloatArray


def compute_load(hand: HandModel, motion: Motion, forces: FloatArray) -> Load:
    """Do inverse dynamics with the keys' forces on the pads, (T at RATE, 5) [N], upwards."""
    velocity, acceleration = _rates(motion.angles)
    first = len(BASE_JOINTS)
    rows = [
        (torque[first:], arms[:, first:], length)
        for torque, arms, length in _inverse(hand, motion.angles, velocity, acceleration, forces)
    ]
    torque, arms, length = map(np.array, zip(*rows, strict=True))
    speed = np.einsum('tuj,tj->tu', arms, velocity[::STRIDE, first:])
    return Load(
        motion.time[::STRIDE],
        hand.joints[first:],
        torque,
        arms * _arm_factors(hand),
        _strength(hand, length, speed),
    )


def _rates(angles: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Velocity and low-passed acceleration of (T at RATE, J) joint angles."""
    velocity = np.gradient(angles, axis=0) * RATE
    acceleration = np.gradient(velocity, axis=0) * RATE
    if len(acceleration) > 20:
        corner = signal.butter(2, ACCELERATION_CORNER, fs=RATE, output='sos')
        acceleration = signal.sosfiltfilt(corner, acceleration, axis=0)
    return velocity, acceleration


def _inverse(
    hand: HandModel,
    angles: FloatArray,
    velocity: FloatArray,
    acceleration: FloatArray,
    forces: FloatArray,
) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
    """Yield the torque needed at each joint, moment arms (muscles, joints) and lengths of muscles at every stride."""
    model, data = hand.model, mujoco.MjData(hand.model)
    model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_CONSTRAINT)
    pads, jacobian = hand.site_ids('pad'), np.zeros((3, model.nv))
    arms = np.zeros((model.nu, model.nv))
    for i in range(0, len(angles), STRIDE):
        data.qpos[:], data.qvel[:], data.qacc[:] = angles[i], velocity[i], acceleration[i]
        mujoco.mj_inverse(model, data)
        needed = data.qfrc_inverse.copy()
        for finger in np.flatnonzero(forces[i]):
            mujoco.mj_jacSite(model, data, jacobian, None, pads[finger])
            needed -= jacobian[2] * forces[i, finger]
        sparse = (data.moment_rownnz, data.moment_rowadr, data.moment_colind)
        mujoco.mju_sparse2dense(arms, data.actuator_moment.ravel(), *sparse)
        yield needed, arms.copy(), data.actuator_length.copy()


def _strength(hand: HandModel, length: FloatArray, speed: FloatArray) -> FloatArray:
    """Largest active force of each muscle at (T, U) path lengths [m] and lengthening speeds [m/s], (T, U) [N]."""
    fibre, _ = fibre_lengths(hand.model)
    most = hand.model.actuator_gainprm[:, 2]
    active = force_length(normal_lengths(hand.model, length))
    curve = active * force_velocity(speed / (FASTEST * fibre))
    return most * np.maximum(curve, 0.05)


def _arm_factors(hand: HandModel) -> FloatArray:
    """Each person's own factors on the moment arms, (U, J)."""
    random = np.random.default_rng([hand.body.seed, 1])
    shape = (hand.model.nu, hand.model.nv - len(BASE_JOINTS))
    return np.exp(hand.body.arm_spread * np.clip(random.normal(size=shape), -2.5, 2.5))
