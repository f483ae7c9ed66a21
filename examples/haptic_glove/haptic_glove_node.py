"""A haptic glove that lets each finger feel how hard its muscles work beyond an easy level.

    source activate.bash
    python examples/haptic_glove/haptic_glove_node.py --ros-args -p side:=right -p easy:=0.1

Publishes `haptic_glove/intensity`: one number from 0 to 255 a finger, thumb first, as the motor drivers of
such gloves take it; a driver for a real glove subscribes to it. Silence, doubt and faults switch it off.
"""

import sys
from collections.abc import Sequence

import rclpy
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node
from std_msgs.msg import UInt8MultiArray

from pianokpm_ros.anatomy import FINGERS, MUSCLE_FINGER, MUSCLES
from pianokpm_ros.client import Command, State
from pianokpm_ros.client.subscriber import ActivitySubscriber

PERIOD = 0.02
WEAKEST, STRONGEST = 60, 255
"""Motors don't turn below the first; the second is full power."""


def find_intensities(command: Command, easy: float, hard: float) -> list[int]:
    """Return 0..255 for each finger, thumb first.

    Args:
        command: of the guard, muscles in the order of `MUSCLES`.
        easy: activity up to which nothing is felt.
        hard: activity that is felt most.
    """
    if command.state == State.PASSIVE:
        return [0] * len(FINGERS)
    return [_intensity(work, easy, hard) for work in _work_of_fingers(command.value)]


def _work_of_fingers(values: Sequence[float]) -> list[float]:
    """Return the largest activity among the muscles of each finger."""
    muscles = list(zip(MUSCLES, values, strict=True))
    return [max((v for m, v in muscles if MUSCLE_FINGER[m] == f), default=0.0) for f in FINGERS]


def _intensity(work: float, easy: float, hard: float) -> int:
    part = min(max((work - easy) / (hard - easy), 0.0), 1.0)
    return round(WEAKEST + part * (STRONGEST - WEAKEST)) if part else 0


class HapticGloveNode(Node):
    """Follow the estimate of one hand at 50 Hz."""

    def __init__(self) -> None:
        super().__init__('haptic_glove')
        side = self.declare_parameter('side', 'right').value
        if side not in ('left', 'right'):
            raise ValueError(f'side must be left or right, found {side!r}')
        number = ParameterDescriptor(dynamic_typing=True)  # 1 as well as 1.0
        self._easy = float(self.declare_parameter('easy', 0.1, number).value)
        self._hard = float(self.declare_parameter('hard', 0.4, number).value)
        if not 0 <= self._easy < self._hard:
            raise ValueError(f'easy must be less than hard, found {self._easy} and {self._hard}')
        self._subscriber = ActivitySubscriber(self, f'muscle_activity/{side}')
        self._out = self.create_publisher(UInt8MultiArray, 'haptic_glove/intensity', 10)
        self.create_timer(PERIOD, self._drive, clock=self._subscriber.clock)

    def _drive(self) -> None:
        made = find_intensities(self._subscriber.command(), self._easy, self._hard)
        self._out.publish(UInt8MultiArray(data=made))


def main() -> None:
    """Run until Ctrl-C."""
    rclpy.init()
    try:
        rclpy.spin(HapticGloveNode())
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        sys.exit(0)


if __name__ == '__main__':
    main()
