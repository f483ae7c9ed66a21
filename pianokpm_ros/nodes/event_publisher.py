"""Send the events of a guided session to the recorder."""

import time
from typing import Any

import rclpy
from rclpy.context import Context
from std_msgs.msg import String

from pianokpm_ros.recording.events import EVENT_TOPIC, SessionEvent
from pianokpm_ros.recording.writer import RecordingError

PATIENCE = 20.0
POLL = 0.1


class EventPublisher:
    """A small node of its own, without callbacks; a context that ends it."""

    def __init__(self, namespace: str = '') -> None:
        self._context = Context()
        rclpy.init(context=self._context)
        self._node = rclpy.create_node(
            'protocol_guide', context=self._context, namespace=namespace
        )
        self._topic = EVENT_TOPIC.lstrip('/')
        self._events = self._node.create_publisher(String, self._topic, 100)

    def wait_for_recorder(self, timeout: float = PATIENCE) -> None:
        """Wait until somebody records; raises RecordingError where nobody comes."""
        end = time.monotonic() + timeout
        while not self._events.get_subscription_count():
            if time.monotonic() > end:
                raise RecordingError(
                    f'nobody listens to {self._topic}: the recorder does not run, or in another namespace'
                )
            time.sleep(POLL)

    def tell(self, action: str, kind: str, details: dict[str, Any]) -> None:
        """Send an event of this moment."""
        now = self._node.get_clock().now().nanoseconds
        self._events.publish(String(data=SessionEvent(now, action, kind, details).to_json()))

    def __enter__(self) -> 'EventPublisher':
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(POLL)  # the last event is on its way
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)
