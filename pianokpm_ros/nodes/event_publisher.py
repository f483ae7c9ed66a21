"""Send the events of a guided session to the recorder, and listen to what arrives meanwhile."""

import contextlib
import threading
import time
from functools import partial
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from pianokpm.msg import EmgBlock, HandPose, KeyMotion
from rclpy.context import Context
from rclpy.experimental import EventsExecutor
from std_msgs.msg import String

from pianokpm_ros.anatomy import Status
from pianokpm_ros.health_names import name_status
from pianokpm_ros.messages import MessageError, from_message
from pianokpm_ros.nodes.base import LISTEN, start_ros
from pianokpm_ros.protocol.streams import HANDS, StreamWatch
from pianokpm_ros.recording.events import EVENT_TOPIC, SessionEvent
from pianokpm_ros.recording.writer import RecordingError

RECORDER = 'recorder_node'
PATIENCE = 20.0
POLL = 0.1


class EventPublisher:
    """A small node of its own, spun in a thread; a context that ends it."""

    def __init__(self, namespace: str = '', watch: StreamWatch | None = None) -> None:
        """Set up.

        Args:
            namespace: of the graph.
            watch: is told of the recorder, EMG, keys and usable poses; None = nothing is listened to.
        """
        self._context = Context()
        start_ros(context=self._context)
        space = namespace.strip('/')
        self._node = rclpy.create_node('protocol_guide', context=self._context, namespace=space)
        self._topic = EVENT_TOPIC.lstrip('/')
        self._recorder = name_status(f'{space}/{RECORDER}')
        self._events = self._node.create_publisher(String, self._topic, 100)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._spin, name='events', daemon=True)
        if watch is not None:
            self._listen(watch)
        self._thread.start()

    def _listen(self, watch: StreamWatch) -> None:
        def take_emg(message: EmgBlock) -> None:
            with contextlib.suppress(MessageError):  # the recorder keeps it, whatever it is
                watch.heard_emg(from_message(message))

        def take_health(message: DiagnosticArray) -> None:
            for status in message.status:
                if status.name == self._recorder:
                    failed = status.level == DiagnosticStatus.ERROR
                    watch.heard_recorder(status.message if failed else '')

        subscribe = self._node.create_subscription
        subscribe(DiagnosticArray, '/diagnostics', take_health, LISTEN)
        subscribe(EmgBlock, 'emg', take_emg, LISTEN)
        subscribe(KeyMotion, 'keys', lambda _: watch.heard('keys'), LISTEN, raw=True)
        for hand in HANDS:
            take = partial(self._count, watch, hand)
            subscribe(HandPose, f'hands/{hand}', take, LISTEN)

    @staticmethod
    def _count(watch: StreamWatch, hand: str, pose: HandPose) -> None:
        if pose.status >= Status.DEGRADED:
            watch.heard(hand)

    def _spin(self) -> None:
        executor = EventsExecutor(context=self._context)
        executor.add_node(self._node)
        while not self._ending.is_set():
            executor.spin_once(timeout_sec=POLL)
        executor.remove_node(self._node)

    def wait_for_recorder(self, timeout: float = PATIENCE) -> None:
        """Wait until somebody records; raises RecordingError where nobody comes."""
        end = time.monotonic() + timeout
        while not self._is_recorded():
            if time.monotonic() > end:
                raise RecordingError(
                    f'no {RECORDER} listens to {self._topic}: the recorder does not run, or in another namespace'
                )
            time.sleep(POLL)

    def _is_recorded(self) -> bool:
        """Tell whether the recorder listens; the live view does too."""
        there = self._node.get_subscriptions_info_by_topic(self._events.topic_name)
        return RECORDER in {info.node_name for info in there}

    def tell(self, action: str, kind: str, details: dict[str, Any]) -> None:
        """Send an event of this moment."""
        now = self._node.get_clock().now().nanoseconds
        self._events.publish(String(data=SessionEvent(now, action, kind, details).to_json()))

    def __enter__(self) -> 'EventPublisher':
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(POLL)  # the last event is on its way
        self._ending.set()
        self._thread.join(2.0)
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)
