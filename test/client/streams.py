"""Make estimates and feed them to a guard on a clock of our own."""

from collections.abc import Callable, Iterable

import numpy as np

from pianokpm_ros.anatomy import MUSCLES, Side, Status
from pianokpm_ros.client import ActivityGuard, Command
from pianokpm_ros.records import Inputs, MuscleActivity, Normalization

MS = 1_000_000
PERIOD = 16_666_667
EPOCH = 1_700_000_000_000_000_000
"""Stamps start here: the ROS clock has nothing to do with the steady one [ns]."""


def make_activity(
    stamp: int,
    value: float | Iterable[float] = 0.5,
    confidence: float = 1.0,
    status: Status = Status.OK,
    muscle: tuple[str, ...] = MUSCLES,
    sequence: int = 0,
) -> MuscleActivity:
    """Make one estimate without an envelope block."""
    activation = np.broadcast_to(np.asarray(value, np.float32), (len(muscle),))
    none = np.zeros((0, len(muscle)), np.float32)
    return MuscleActivity(
        stamp,
        'rig',
        sequence,
        Side.RIGHT,
        status,
        Inputs.POSE,
        muscle,
        activation,
        np.full(len(muscle), 0.05, np.float32),
        confidence,
        0.033,
        1000.0,
        stamp,
        none,
        none,
        Normalization.MODEL,
        'test',
    )


class Bench:
    """A guard, a camera at 60 Hz and a controller at 1 kHz on one steady clock."""

    def __init__(self, guard: ActivityGuard | None = None) -> None:
        self.guard = guard or ActivityGuard()
        self.now, self.frame = 0, 0
        self.offset = EPOCH
        self.commands: list[tuple[int, Command]] = []

    def run(
        self,
        seconds: float,
        make: Callable[[int], MuscleActivity | None] = make_activity,
    ) -> list[tuple[int, Command]]:
        """Run for a while; `make` gets the stamp of each frame, None = no message. Returns the new commands."""
        first = len(self.commands)
        end = self.now + round(seconds * 1e9)
        while self.now < end:
            while self.frame * PERIOD <= self.now:
                activity = make(self.offset + self.frame * PERIOD)
                if activity is not None:
                    self.guard.push(activity, self.now)
                self.frame += 1
            self.commands.append((self.now, self.guard.command(self.now)))
            self.now += MS
        return self.commands[first:]


def silence(stamp: int) -> None:
    """Send nothing."""
