"""A publisher process for fault tests: estimates at 60 Hz, offered as the nodes of this package offer them.

SIGUSR1 begins a fault, SIGUSR2 ends it.
"""

import argparse
import random
import signal
import sys

import numpy as np
import rclpy
from pianokpm.msg import MuscleActivity as Message
from rclpy.qos import QoSProfile

from pianokpm_ros.client.subscriber import DEADLINE, LEASE, make_profile
from pianokpm_ros.messages import to_message
from test.client.streams import make_activity

FAULTS = {
    'nan': {'value': np.nan},
    'confidence': {'confidence': 0.05},
    'jump': {},
    'drop': {},
    'none': {},
}
JUMP = 5_000_000_000


def main() -> None:
    """Publish until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument('topic')
    parser.add_argument('--fault', choices=FAULTS, default='none')
    parser.add_argument('--drop', type=float, default=0.1, help='part lost with --fault drop')
    parser.add_argument('--plain', action='store_true', help='offer default QoS')
    parser.add_argument('--rate', type=float, default=60.0)
    arguments = parser.parse_args()
    rclpy.init(args=[])
    node = rclpy.create_node('synthetic_publisher')
    profile = QoSProfile(depth=10) if arguments.plain else make_profile(DEADLINE, LEASE)
    publisher = node.create_publisher(Message, arguments.topic, profile)
    draw = random.Random(1)
    sent, faulty = 0, False

    def switch(number: int, _: object) -> None:
        nonlocal faulty
        faulty = number == signal.SIGUSR1

    signal.signal(signal.SIGUSR1, switch)
    signal.signal(signal.SIGUSR2, switch)

    def send() -> None:
        nonlocal sent
        sent += 1
        if faulty and arguments.fault == 'drop' and draw.random() < arguments.drop:
            return
        now = node.get_clock().now().nanoseconds
        stamp = now + JUMP * (faulty and arguments.fault == 'jump')
        changes = FAULTS[arguments.fault] if faulty else {}
        publisher.publish(to_message(make_activity(stamp, sequence=sent, **changes)))

    node.create_timer(1 / arguments.rate, send)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        sys.exit(0)


if __name__ == '__main__':
    main()
