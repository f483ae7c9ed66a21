"""Joint angles from planned fingertips: differential inverse kinematics with joint limits (mink, daqp).

The wrist's place follows the hand's, the arm's direction follows the place on the keyboard, and the
joints stay near a relaxed posture as far as the fingertips allow.
"""

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.hand import PRONATION, HandModel
from pianokpm_training.simulation.people import Technique
from pianokpm_training.simulation.plan import CLEARANCE, RATE, Plan, surface
from pianokpm_training.simulation.requirements import SimulationError, require
from scipy import signal

FloatArray = NDArray[np.floating]

SHOULDER = 0.25
"""Where along the keyboard the right arm points straight ahead [m]."""

POSTURE = {
    'pro_sup': PRONATION,
    'flexion': -0.15,
    'cmc_abduction': 0.0,
    **{f'mcp{i}_flexion': 0.42 for i in '2345'},
    **{f'pm{i}_flexion': v for i, v in zip('2345', (0.65, 0.72, 0.68, 0.55), strict=True)},
    **{f'md{i}_flexion': 0.28 for i in '2345'},
}
"""Relaxed joint angles [rad]; the others are 0."""

STIFFNESS = {
    **{'arm_x': 0.10, 'arm_y': 0.10, 'arm_z': 0.15},
    **{'arm_yaw': 0.03, 'arm_pitch': 0.03, 'arm_roll': 0.03},
}
JOINT_STIFFNESS = 0.005
BOUND, LOOSE = np.ones(3), np.array([0.08, 0.08, 0.8])
"""Weights along x, y, z of fingertips that play and that rest [1/m]; of arm [1/m, 1/rad] and joints [1/rad] above."""

GRAZE = 0.002
"""Resting fingertips stay this far above the keys [m]."""

FAR = 0.004
"""A fingertip further than this from its target at key-down has missed its key [m]."""

SMOOTHING = 32.0
"""Corner of the low-pass over joint angles [Hz]; strokes of 36 ms pass."""


@dataclass(frozen=True, eq=False)
class Motion:
    """What a hand does.

    Attributes:
        time: (T,) [s] at `RATE`.
        angles: (T, J) coordinates of the hand model [rad; m].
        landmarks: (T, 21, 3) [m].
        pads: (T, 5, 3) [m].
    """

    time: FloatArray
    angles: FloatArray
    landmarks: FloatArray
    pads: FloatArray


def relaxed_posture(hand: HandModel, technique: Technique) -> FloatArray:
    """Angles of the hand above the keys, (J,)."""
    posture = np.zeros(len(hand.joints))
    for name, angle in POSTURE.items():
        bent = name.startswith(('pm', 'md'))
        posture[hand.joint(name)] = angle * (technique.curve if bent else 1.0)
    posture[hand.joint('arm_pitch')] = -0.30
    return posture


def follow_plan(hand: HandModel, plan: Plan, technique: Technique) -> Motion:
    """Move the hand along its plan."""
    wanted = _posture_course(hand, plan, technique)
    angles = _solve(hand, plan, wanted)
    corner = signal.butter(2, SMOOTHING, fs=RATE, output='sos')
    limits = hand.limits
    if len(angles) > 20:
        angles = np.clip(signal.sosfiltfilt(corner, angles, axis=0), limits[:, 0], limits[:, 1])
    landmarks, pads = place_sites(hand, angles)
    return Motion(plan.time, angles, landmarks, pads)


def place_sites(hand: HandModel, angles: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Landmarks (T, 21, 3) and pads (T, 5, 3) for (T, J) angles [m]."""
    model, data = hand.model, mujoco.MjData(hand.model)
    chosen = np.concatenate([hand.site_ids('landmark'), hand.site_ids('pad')])
    sites = np.empty((len(angles), len(chosen), 3))
    for i, q in enumerate(angles):
        data.qpos[:] = q
        mujoco.mj_kinematics(model, data)
        sites[i] = data.site_xpos[chosen]
    return sites[:, :21], sites[:, 21:]


def _posture_course(hand: HandModel, plan: Plan, technique: Technique) -> FloatArray:
    """Wanted angles over time: the relaxed posture above the hand's place."""
    relaxed = relaxed_posture(hand, technique)
    offset = _wrist_offset(hand, relaxed)
    course = np.tile(relaxed, (len(plan.time), 1))
    yaw = np.clip(-0.9 * (plan.hand[:, 0] - SHOULDER), -0.45, 0.45)
    course[:, hand.joint('arm_yaw')] = yaw
    # The hand stays nearly along the keys: the wrist gives back what the forearm turns.
    course[:, hand.joint('deviation')] = np.clip(0.6 * yaw, -0.15, 0.35)
    course[:, hand.joint('arm_x')] = plan.hand[:, 0] + offset[0]
    course[:, hand.joint('arm_y')] = plan.hand[:, 1] + offset[1]
    course[:, hand.joint('arm_z')] = technique.wrist_height + plan.bob
    return course


def _wrist_offset(hand: HandModel, posture: FloatArray) -> FloatArray:
    """From the middle finger's pad to the wrist, in the relaxed posture [m]."""
    landmarks, pads = place_sites(hand, posture[None])
    return landmarks[0, 0] - pads[0, 2]


def _make_pad_task(hand: HandModel):
    """Make one mink task of the five fingertips' places: cheaper than five frames with rotations.

    Its `target` is (5, 3) [m]; the error is where the pads are beyond it, (15,), finger by finger.
    """
    mink = require('mink')

    class PadTask(mink.Task):
        def __init__(self) -> None:
            super().__init__(cost=np.ones(15), gain=1.0, lm_damping=0.0)
            self.sites = hand.site_ids('pad')
            self.target = np.zeros((5, 3))

        def compute_error(self, configuration) -> FloatArray:
            return (configuration.data.site_xpos[self.sites] - self.target).ravel()

        def compute_jacobian(self, configuration) -> FloatArray:
            rows = np.empty((15, hand.model.nv))
            for i, site in enumerate(self.sites):
                mujoco.mj_jacSite(
                    configuration.model,
                    configuration.data,
                    rows[3 * i : 3 * i + 3],
                    None,
                    site,
                )
            return rows

    return PadTask()


def _solve(hand: HandModel, plan: Plan, wanted: FloatArray) -> FloatArray:
    """Find the (T, J) angles that bring the pads to the plan's tips, near (T, J) wanted ones: a step a sample."""
    mink = require('mink')
    configuration = mink.Configuration(hand.model)
    pads = _make_pad_task(hand)
    stiffness = np.full(hand.model.nv, JOINT_STIFFNESS)
    for name, value in STIFFNESS.items():
        stiffness[hand.joint(name)] = value
    posture = mink.PostureTask(hand.model, cost=stiffness)
    limits = [mink.ConfigurationLimit(hand.model)]
    weights = (LOOSE + (BOUND - LOOSE) * plan.busy[..., None]).reshape(len(wanted), -1)
    configuration.update(_inside(hand, wanted[0]))
    angles = np.empty_like(wanted)
    for i in range(len(wanted)):
        pads.target, pads.cost = (
            _above_keys(plan, i, configuration.data.site_xpos[pads.sites]),
            weights[i],
        )
        posture.set_target(wanted[i])
        for _ in range(40 if i == 0 else 1):
            try:
                velocity = mink.solve_ik(
                    configuration, (pads, posture), 1.0, 'daqp', limits=limits, damping=1e-5
                )
            except mink.MinkError as error:
                raise SimulationError(
                    f'inverse kinematics failed at {plan.time[i]:.3f} s: {error}; '
                    'this is a defect, please report the piece and the seed'
                ) from error
            configuration.integrate_inplace(velocity, 1.0)
        angles[i] = configuration.q
    return angles


def _above_keys(plan: Plan, i: int, pads: FloatArray) -> FloatArray:
    """Targets of sample i, (5, 3): resting fingers clear the keys below where they are, not where they were planned."""
    target = plan.tips[i].copy()
    floor = surface(pads[:, :2], CLEARANCE) + GRAZE
    target[:, 2] += (1 - plan.busy[i]) * np.maximum(floor - target[:, 2], 0.0)
    return target


def missed_notes(plan: Plan, motion: Motion) -> list[int]:
    """Indices of the notes whose key the fingertip did not reach: chords too wide for this hand."""
    moments = np.clip(np.round([n.onset * RATE for n in plan.notes]), 0, len(motion.time) - 1)
    rows, fingers = moments.astype(int), np.array([n.finger - 1 for n in plan.notes], int)
    if not len(rows):
        return []
    error = motion.pads[rows, fingers] - plan.tips[rows, fingers]
    return np.flatnonzero(np.linalg.norm(error, axis=1) > FAR).tolist()


def _inside(hand: HandModel, angles: FloatArray) -> FloatArray:
    """Keep angles a hair inside their limits, where the solver accepts them."""
    return np.clip(angles, hand.limits[:, 0] + 1e-6, hand.limits[:, 1] - 1e-6)
