"""A publisher in a process of its own and a subscriber here, with what the subscriber's commands were."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

from pianokpm_ros.client import ClientOptions, Command, State
from pianokpm_ros.client.subscriber import ActivitySubscriber

ROOT = Path(__file__).resolve().parents[2]
TOPIC = 'test_activity/right'
TICK = 0.002


class LiveClient:
    """Subscribe, and ask for a command each `TICK`; a context that ends its publisher."""

    def __init__(self, use_sim_time: bool = False, **arguments: object) -> None:
        self._context = Context()
        rclpy.init(args=[], context=self._context)
        sim = Parameter('use_sim_time', value=use_sim_time)
        self.node = rclpy.create_node(
            'test_client', context=self._context, parameter_overrides=[sim]
        )
        self.subscriber = ActivitySubscriber(self.node, TOPIC, **arguments)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.run: list[tuple[int, Command]] = []
        self.node.create_timer(TICK, self._tick, clock=self.subscriber.clock)
        self.publisher: subprocess.Popen | None = None

    def _tick(self) -> None:
        now = self.subscriber.steady  # the command's own: slopes are judged by it
        self.run.append((now, self.subscriber.guard.command(now)))

    def publish(self, *arguments: str) -> None:
        """Start the publisher."""
        self.stop_publisher()
        command = [sys.executable, '-m', 'test.client.synthetic_publisher', TOPIC, *arguments]
        self.publisher = subprocess.Popen(command, cwd=ROOT, env=child_environment())

    def signal(self, number: int) -> int:
        """Send a signal to the publisher; returns when, on the steady clock [ns]."""
        os.kill(self.publisher.pid, number)
        return self.subscriber.steady

    def spin(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Run for a while, or until something is so; returns whether it is."""
        end = time.monotonic() + seconds
        while not until() and time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.05)
        return until()

    def reach(self, state: State, seconds: float = 90.0) -> None:
        """Run until a state is reached."""
        reached = self.spin(seconds, lambda: bool(self.run) and self.run[-1][1].state == state)
        assert reached, f'{state.name} not reached; last was {self.run[-1] if self.run else None}'

    def stop_publisher(self) -> None:
        """End the publisher, whatever it does."""
        if self.publisher is not None:
            self.publisher.send_signal(signal.SIGKILL)
            self.publisher.wait()
            self.publisher = None

    def __enter__(self) -> 'LiveClient':
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_publisher()
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)


def child_environment() -> dict[str, str]:
    """Return an environment in which a child finds the wheels' libraries by itself, on this machine alone."""
    environment = {k: v for k, v in os.environ.items() if k != '_ROS_WHEELS_BOOTSTRAP_COMPLETE'}
    environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    return environment


def reaction(
    run: list[tuple[int, Command]], injected: int, options: ClientOptions
) -> dict[str, float]:
    """Return when a client reacted: [s] after the last usable estimate; NaN = it never did.

    The keys are `hold` (end of the hold), `zero` and `passive`, and `injected`, the fault's own time.
    """
    after = [(t, c) for t, c in run if t >= injected]
    # silence is counted from the last usable estimate: its time is the same in all commands of the outage
    lost_at = next((t * 1e-9 - c.silent for t, c in after if c.silent > options.hold), None)
    if lost_at is None:
        return dict.fromkeys(('injected', 'hold', 'zero', 'passive'), float('nan'))

    def first(condition: Callable[[Command], bool]) -> float:
        return next((t * 1e-9 - lost_at for t, c in after if condition(c)), float('nan'))

    return {
        'injected': injected * 1e-9 - lost_at,
        'hold': first(lambda c: c.state <= State.RAMPING),
        'zero': first(lambda c: max(c.value) == 0),
        'passive': first(lambda c: c.state == State.PASSIVE),
    }
