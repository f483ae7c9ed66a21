"""Assist as needed: torque for five finger joints from the activity of six hand muscles. No ROS.

Each muscle pulls one finger sideways. A joint is helped in the direction its muscles work in, in
proportion to how much they work, and the more so the longer they work above a chosen effort; help that
is not needed is forgotten again (Emken, Benitez, Reinkensmeyer, "Human-robot cooperative movement
training", J. NeuroEng. Rehabil. 2007, use the same law with a movement error in place of effort).
Letters: M muscles, J joints.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.client import Command, State

FloatArray = NDArray[np.floating]

JOINTS = (
    'thumb_abduction',
    'index_abduction',
    'middle_abduction',
    'ring_abduction',
    'little_abduction',
)

PULLS = np.array(
    # ADM  APB  1DI  2DI  3DI  4DI
    [
        [0, 1, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 0, 1, -1, 0],
        [0, 0, 0, 0, 0, 1],
        [1, 0, 0, 0, 0, 0],
    ],
    float,
)
"""(J, M): which way each muscle turns each joint; 2DI and 3DI pull the middle finger opposite ways."""

assert PULLS.shape == (len(JOINTS), len(MUSCLES))


@dataclass(frozen=True)
class AssistanceOptions:
    """How much to help.

    Attributes:
        strongest: torque at full activity and full need [N m]; a person's own interossei make about 0.5.
        effort: activity that a person should manage alone, 0..1.
        learning: how fast need grows, for each unit of activity beyond `effort` [1/s].
        forgetting: time constant with which need that is not fed goes away [s].
        least: need that is always there, 0..1.
    """

    strongest: float = 0.3
    effort: float = 0.06
    learning: float = 8.0
    forgetting: float = 4.0
    least: float = 0.3


class Assistance:
    """Turn guarded commands into torques."""

    def __init__(self, options: AssistanceOptions | None = None) -> None:
        """Begin with the least need."""
        self.options = options or AssistanceOptions()
        self.need = np.full(len(JOINTS), self.options.least)

    def step(self, command: Command, seconds: float) -> FloatArray | None:
        """Return the torque of each joint (J,) [N m], None = let go.

        Args:
            command: of the guard, muscles in the order of `MUSCLES`.
            seconds: since the last step.
        """
        if command.state == State.PASSIVE:
            return None
        value = np.asarray(command.value)
        self._learn(np.abs(PULLS) @ value, seconds)
        return self.options.strongest * self.need * (PULLS @ value)

    def _learn(self, work: FloatArray, seconds: float) -> None:
        o = self.options
        change = (
            o.learning * np.maximum(work - o.effort, 0.0) - (self.need - o.least) / o.forgetting
        )
        self.need = np.clip(self.need + change * seconds, o.least, 1.0)
