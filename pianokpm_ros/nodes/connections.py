"""Who must be connected to a node's outputs before it begins, so that nothing is lost at the start."""

import time
from collections.abc import Callable, Sequence

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from pianokpm_ros.nodes.parameters import Parameter, ParameterError

POLL = 0.02
WAIT_PARAMETERS = (
    Parameter('wait_for', [''], 'who must be connected to its outputs first: `node topic` each'),
    Parameter('wait_timeout', 30.0, 'longest time to wait for them [s]', 0.0, 600.0),
)


class Connections:
    """Tells which of the listeners that a node waits for are not there yet.

    A node that waits takes no input before its own listeners are connected. Where each stage does so, the whole
    chain is connected as soon as the first one has its listeners: to see a subscriber announced, as others can, is
    not yet to be connected to it.
    """

    def __init__(self, node: Node, entries: Sequence[str]) -> None:
        """Set up.

        Args:
            node: whose outputs they listen to; of a topic of others only who is announced can be known.
            entries: `node topic` each.
        """
        self._node = node
        pairs = [tuple(entry.split()) for entry in entries]
        if any(len(pair) != 2 for pair in pairs):
            raise ParameterError(
                f'wait_for: expected a node and a topic each, found {list(entries)}'
            )
        self._awaited = [(name, node.resolve_topic_name(topic)) for name, topic in pairs]

    def find_missing(self) -> list[str]:
        """Return `node topic` of those that are not connected yet."""
        counts = {p.topic_name: p.get_subscription_count() for p in self._node.publishers}
        return [f'{n} {t}' for n, t in self._awaited if not self._connected(n, t, counts)]

    def _connected(self, name: str, topic: str, counts: dict[str, int]) -> bool:
        there = self._node.get_subscriptions_info_by_topic(topic)
        # The count tells not who is connected: all that are announced are, then this one is too.
        whole = counts.get(topic, len(there)) >= len(there)
        return whole and name in {info.node_name for info in there}

    def call_when_complete(self, timeout: float, begin: Callable[[], None]) -> None:
        """Call `begin` when none is missing, or after `timeout` [s] all the same; at once where none is awaited."""
        if not self._awaited:
            begin()
            return
        end = time.monotonic() + timeout

        def look() -> None:
            missing = self.find_missing()
            if missing and time.monotonic() < end:
                return
            timer.cancel()
            if missing:
                self._node.get_logger().warning(
                    f'waited {timeout:g} s in vain for {", ".join(missing)}; begins without'
                )
            begin()

        # Steady: simulated time may stand still until this node has begun.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        timer = self._node.create_timer(POLL, look, clock=steady)
