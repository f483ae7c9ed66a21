"""The same motion explained with other assumptions: which conclusions depend on the model?

A variant changes one assumption between the keys' forces and the activations, `light` all that make
the model a light one. What is compared is the order of a muscle's activations over time (Spearman's
rank correlation), not their size, which a recording's normalisation would hide anyway.
Letters: T samples, U muscles, J joints, M measured muscles (6).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.dynamics import MUSCLE_RATE, Load, compute_load
from pianokpm_training.simulation.excitation import (
    co_contraction,
    effort_weights,
    excite,
    measured,
)
from pianokpm_training.simulation.hand import HandModel, build_hand
from pianokpm_training.simulation.optimisation import share_load
from pianokpm_training.simulation.people import Pianist
from pianokpm_training.simulation.take import HandTake
from scipy.stats import spearmanr

FloatArray = NDArray[np.floating]

OTHER_ARMS = 0.2
"""Log-normal deviation of the moment arms of another anatomist's hand; published arms differ as much."""

SMALLEST = 0.02
"""Activations below this count as this much when effort is raised to the third power."""

PASSES = 4
"""Times the cubic effort is approximated by a quadratic one."""


@dataclass(frozen=True, eq=False)
class Problem:
    """What the muscles are asked to do, and how.

    Attributes:
        load: torques and muscles.
        weight: (U,) of effort.
        floor: (T, M) co-contraction.
        cubic: minimise the third power of activations instead of the square.
    """

    load: Load
    weight: FloatArray
    floor: FloatArray
    cubic: bool = False


Change = Callable[[Problem, HandTake, HandModel], Problem]


def _without_floor(problem: Problem, take: HandTake, hand: HandModel) -> Problem:
    return replace(problem, floor=np.zeros_like(problem.floor))


def _equal_effort(problem: Problem, take: HandTake, hand: HandModel) -> Problem:
    return replace(problem, weight=np.ones_like(problem.weight))


def _cubic(problem: Problem, take: HandTake, hand: HandModel) -> Problem:
    return replace(problem, cubic=True)


def _other_arms(problem: Problem, take: HandTake, hand: HandModel) -> Problem:
    random = np.random.default_rng([hand.body.seed, 77])
    shape = problem.load.arms.shape[1:]
    factor = np.exp(OTHER_ARMS * np.clip(random.normal(size=shape), -2.5, 2.5))
    return replace(problem, load=replace(problem.load, arms=problem.load.arms * factor))


def _constant_muscles(problem: Problem, take: HandTake, hand: HandModel) -> Problem:
    """Moment arms of the mean posture, forces without length and speed."""
    load = problem.load
    arms = np.broadcast_to(load.arms.mean(axis=0), load.arms.shape)
    strength = np.broadcast_to(hand.model.actuator_gainprm[:, 2], load.strength.shape)
    return replace(problem, load=replace(load, arms=arms, strength=strength))


def _no_impact(problem: Problem, take: HandTake, hand: HandModel) -> Problem:
    """Keys push back with what they weigh, however they are struck."""
    forces = np.minimum(take.forces, 0.5)
    load = compute_load(hand, take.motion, forces)
    return replace(problem, load=replace(problem.load, torque=load.torque))


def _light(problem: Problem, take: HandTake, hand: HandModel) -> Problem:
    for change in (_constant_muscles, _other_arms, _equal_effort, _cubic, _without_floor):
        problem = change(problem, take, hand)
    return problem


VARIANTS: dict[str, tuple[str, Change]] = {
    'no co-contraction': ('only the optimum of effort', _without_floor),
    'equal effort': ('no habit, forearm muscles as welcome as those of the hand', _equal_effort),
    'cubic effort': ('the third power of activations is minimised, not the square', _cubic),
    'other arms': (f'moment arms vary by another {OTHER_ARMS:.0%}', _other_arms),
    'constant muscles': ('arms of the mean posture, no force-length-velocity', _constant_muscles),
    'no impact': ('keys push back with 0.5 N at most', _no_impact),
    'light': ('constant muscles with other arms, equal cubic effort, no co-contraction', _light),
}
"""By name: what is assumed instead, and the change."""


def activate(take: HandTake, pianist: Pianist, variant: str | None = None) -> FloatArray:
    """Find the measured muscles' activations with a variant's assumptions, (T, M); None = the model's own."""
    hand = build_hand(pianist.body)
    floor = co_contraction(take.load.time, take.plan.notes, pianist.nerves)
    problem = Problem(take.load, effort_weights(hand, pianist.nerves), floor)
    if variant is not None:
        problem = VARIANTS[variant][1](problem, take, hand)
    share = _share_cubic if problem.cubic else _share
    wanted = share(problem)[:, measured(hand)] + problem.floor
    return excite(np.clip(wanted, 0.0, 1.0), MUSCLE_RATE)[1]


def _share(problem: Problem) -> FloatArray:
    return share_load(problem.load, problem.weight).activation


def _share_cubic(problem: Problem) -> FloatArray:
    """Minimise |a|^3 by weighting the square with the last answer's a."""
    weight = np.broadcast_to(problem.weight, problem.load.strength.shape)
    for _ in range(PASSES):
        activation = share_load(problem.load, weight).activation
        weight = problem.weight * np.maximum(activation, SMALLEST)
    return activation


def correlate(take: HandTake, pianist: Pianist, variant: str) -> FloatArray:
    """Spearman's correlation of each measured muscle between the model and a variant, (M,); NaN = never moves."""
    other = activate(take, pianist, variant)
    return np.array(
        [
            spearmanr(a, b).statistic if np.ptp(a) > 1e-3 and np.ptp(b) > 1e-3 else np.nan
            for a, b in zip(take.activation.T, other.T, strict=True)
        ]
    )
