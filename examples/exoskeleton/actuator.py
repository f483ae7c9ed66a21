"""A simulated finger exoskeleton: motors that follow a torque with a delay, joints that swing. No ROS."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class ActuatorOptions:
    """What the motors and joints are like.

    Attributes:
        lag: time constant of the motors [s].
        limit: strongest torque [N m].
        inertia: of finger and motor about the joint [kg m^2].
        stiffness: of the joint's tissue [N m / rad].
        damping: of the joint [N m s / rad].
    """

    lag: float = 0.012
    limit: float = 0.3
    inertia: float = 2e-4
    stiffness: float = 0.5
    damping: float = 0.012


class SimulatedActuators:
    """J joints; `torque` [N m], `angle` [rad] and `speed` [rad/s] are what sensors would tell."""

    def __init__(self, count: int, options: ActuatorOptions | None = None) -> None:
        """Begin at rest."""
        self.options = options or ActuatorOptions()
        self.torque, self.angle, self.speed = (np.zeros(count) for _ in range(3))

    def step(self, wanted: FloatArray | None, seconds: float) -> None:
        """Move on; without a torque the motors are free."""
        o = self.options
        goal = np.zeros_like(self.torque) if wanted is None else np.clip(wanted, -o.limit, o.limit)
        self.torque += (1 - np.exp(-seconds / o.lag)) * (goal - self.torque)
        # Small steps: the joints' own frequency is 8 Hz, explicit integration wants some hundred a period.
        steps = max(1, round(seconds / 0.001))
        for _ in range(steps):
            push = self.torque - o.stiffness * self.angle - o.damping * self.speed
            self.speed += push / o.inertia * seconds / steps
            self.angle += self.speed * seconds / steps
