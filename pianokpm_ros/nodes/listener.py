"""An ordinary ROS node inside a command: hears a graph and tells a `LiveState`."""

import importlib
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from pianokpm_ros.health_names import find_node
from pianokpm_ros.messages import MessageError, from_message, stamp_of
from pianokpm_ros.nodes.base import LATCHED, LISTEN, start_ros
from pianokpm_ros.view.live_state import LiveState

ACTIVITY = 'pianokpm/msg/MuscleActivity'
WAKE = 0.1


class Listener(Node):
    """Subscribe to topics of the graph; only estimates are looked into, the rest is counted.

    It begins to listen when all nodes are up; where they wait for it, nothing is sent before they are connected.
    """

    def __init__(
        self,
        name: str,
        topics: dict[str, str],
        nodes: Iterable[str],
        state: LiveState,
        namespace: str = '',
        use_sim_time: bool = False,
    ) -> None:
        """Set up.

        Args:
            name: of the node.
            topics: type of each topic, relative names.
            nodes: names of those that must have been heard on /diagnostics.
            state: is told what is heard.
            namespace: of the graph.
            use_sim_time: whether the graph follows /clock.
        """
        sim = Parameter('use_sim_time', value=use_sim_time)
        super().__init__(name, namespace=namespace.strip('/'), parameter_overrides=[sim])
        self._state, self._topics, self._missing = state, topics, set(nodes)
        self.create_subscription(Time, 'playback/start', self._start, LATCHED)
        self.create_subscription(Time, 'playback/end', lambda _: state.end(self.now), LATCHED)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, 10)
        self._waiting = self.create_timer(WAKE, self._wait)

    def _wait(self) -> None:
        if not self._missing:
            self._waiting.cancel()
            self._listen()

    def _listen(self) -> None:
        for topic, datatype in self._topics.items():
            package, _, kind = datatype.split('/')
            message = getattr(importlib.import_module(f'{package}.msg'), kind)
            looked_into = datatype == ACTIVITY
            handle = partial(self._take if looked_into else self._count, topic)
            self.create_subscription(message, topic, handle, LISTEN, raw=not looked_into)

    @property
    def now(self) -> int:
        """Time on the ROS clock [ns]."""
        return self.get_clock().now().nanoseconds

    def _start(self, message: Time) -> None:
        self._state.start(stamp_of(message))

    def _count(self, topic: str, _: bytes) -> None:
        self._state.count(topic, self.now)

    def _take(self, topic: str, message: Any) -> None:
        now = self.now
        try:
            self._state.take(topic, from_message(message), now)
        except MessageError as error:
            self._state.complain(topic, str(error))

    def _diagnose(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if node := find_node(status.name, self.get_namespace()):
                good = status.level == DiagnosticStatus.OK
                self._missing.discard(node.rpartition('/')[2])
                self._state.complain(node, '' if good else status.message)


class ListenerThread:
    """Run a listener in a thread; a context that ends it."""

    def __init__(self, make: Callable[[], Listener]) -> None:
        """Take what makes the listener, once ROS is there."""
        self._make = make
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name='listener')

    def __enter__(self) -> Listener:
        # Ctrl-C belongs to the command.
        start_ros(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self._node = self._make()
        self._thread.start()
        return self._node

    def _run(self) -> None:
        executor = EventsExecutor()
        executor.add_node(self._node)
        while not self._stopping.is_set():
            executor.spin_once(timeout_sec=WAKE)
        executor.remove_node(self._node)

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(timeout=2.0)
        self._node.destroy_node()
        rclpy.try_shutdown()
