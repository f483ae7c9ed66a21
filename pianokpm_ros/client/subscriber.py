"""Wire an `ActivityGuard` to a topic: deadline and liveliness requested, faults passed on. Needs rclpy.

```
subscriber = ActivitySubscriber(node, 'muscle_activity/right')
node.create_timer(0.001, lambda: drive(subscriber.command()), clock=subscriber.clock)
```
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pianokpm.msg import MuscleActivity as MuscleActivityMessage
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import LivelinessPolicy, QoSProfile, ReliabilityPolicy

from pianokpm_ros.client.guard import ActivityGuard, Command
from pianokpm_ros.client.options import ClientOptions
from pianokpm_ros.client.screening import Fault
from pianokpm_ros.messages import MessageError, from_message
from pianokpm_ros.records import MuscleActivity

DEADLINE = 0.05
LEASE = 0.2
"""What the nodes of this package offer [s]; a subscriber may ask for as much or for longer."""


@dataclass(frozen=True)
class Link:
    """What the middleware says about the publisher.

    Attributes:
        publishers: alive by their leases.
        missed: deadlines so far.
        lost: how often the last publisher went away.
        incompatible: publishers that offer less than was asked for, and are not heard.
    """

    publishers: int = 0
    missed: int = 0
    lost: int = 0
    incompatible: int = 0


class ActivitySubscriber:
    """Hear the estimate of one hand through a guard; all calls from the node's executor.

    Attributes:
        guard: state machine, counts of faults.
        link: what the middleware says.
        newest: last estimate that could be read, usable or not; None = none yet.
        clock: steady, the guard's, for the timer that asks for commands. A timer on the ROS clock stands still where
            that is set back or a replay is paused: the actuator would keep its last command.
    """

    def __init__(
        self,
        node: Node,
        topic: str,
        options: ClientOptions | None = None,
        on_estimate: Callable[[MuscleActivity, Fault], None] | None = None,
        deadline: float | None = DEADLINE,
        lease: float | None = LEASE,
    ) -> None:
        """Subscribe.

        Args:
            node: to subscribe with.
            topic: such as `muscle_activity/right`.
            options: limits.
            on_estimate: called with each estimate and why it was not used.
            deadline: to ask for [s]; None for publishers that offer none, such as a bag player.
            lease: of liveliness to ask for [s], likewise.
        """
        self.guard = ActivityGuard(options)
        self.link = Link()
        self.newest: MuscleActivity | None = None
        self._node, self._on_estimate = node, on_estimate
        self.clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.subscription = node.create_subscription(
            MuscleActivityMessage,
            topic,
            self._receive,
            make_profile(deadline, lease),
            event_callbacks=SubscriptionEventCallbacks(
                deadline=self._miss if deadline else None,
                liveliness=self._live if lease else None,
                incompatible_qos=self._mismatch,
            ),
        )

    @property
    def steady(self) -> int:
        """The time on that clock [ns]."""
        return self.clock.now().nanoseconds

    def command(self) -> Command:
        """Return what may be acted on now."""
        return self.guard.command(self.steady)

    def _receive(self, message: MuscleActivityMessage) -> None:
        try:
            activity = from_message(message)
        except MessageError as error:
            self.guard.refuse(Fault.MALFORMED, self.steady)
            self._node.get_logger().warning(str(error), throttle_duration_sec=1.0)
            return
        now = self._node.get_clock().now().nanoseconds
        fault = self.guard.push(activity, self.steady, now)
        self.newest = activity
        if self._on_estimate is not None:
            self._on_estimate(activity, fault)

    def _miss(self, event: Any) -> None:
        self.link = Link(
            self.link.publishers, event.total_count, self.link.lost, self.link.incompatible
        )
        self.guard.refuse(Fault.DEADLINE, self.steady)

    def _live(self, event: Any) -> None:
        lost = bool(self.link.publishers) and not event.alive_count
        self.link = Link(
            event.alive_count, self.link.missed, self.link.lost + lost, self.link.incompatible
        )
        if lost:
            self.guard.lose(self.steady)

    def _mismatch(self, event: Any) -> None:
        self.link = Link(self.link.publishers, self.link.missed, self.link.lost, event.total_count)
        self._node.get_logger().error(
            f'{self.subscription.topic_name}: a publisher offers less than was asked for (policy '
            f'{event.last_policy_kind}) and is not heard; ask for no deadline and lease to hear it'
        )


def make_profile(deadline: float | None, lease: float | None) -> QoSProfile:
    """Return the quality of service to ask for; [s], None = not asked for."""
    profile = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
    if deadline is not None:
        profile.deadline = Duration(nanoseconds=round(deadline * 1e9))
    if lease is not None:
        profile.liveliness = LivelinessPolicy.AUTOMATIC
        profile.liveliness_lease_duration = Duration(nanoseconds=round(lease * 1e9))
    return profile
