"""What came in and was not worked on yet: a node that was held up goes on with the newest, not with all of it."""

from collections import deque
from collections.abc import Callable
from typing import Any

from pianokpm_ros.messages import stamp_of
from pianokpm_ros.nodes.parameters import Parameter

BACKLOG_PARAMETERS = (
    Parameter(
        'max_backlog',
        0.1,
        'what waits behind newer input of its topic by more than this is skipped; 0 = nothing is [s]',
        0.0,
        10.0,
    ),
)


class Backlog:
    """Messages in the order in which they came. Ages are differences of stamps of one topic: no clock is asked.

    Attributes:
        skipped: messages that were too old when their turn came.
    """

    def __init__(self, limit: float) -> None:
        """Set up.

        Args:
            limit: how far a message may lie behind the last of its topic [s]; 0 = as far as it likes.
        """
        self._limit = round(limit * 1e9)
        self._waiting: deque[tuple[str, Any, Callable[[Any], None]]] = deque()
        self.skipped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, topic: str, message: Any, handle: Callable[[Any], None]) -> None:
        """Take a message; messages without a topic are never skipped, and keep their place."""
        self._waiting.append((topic, message, handle))

    def work(self) -> None:
        """Handle what waits, oldest first, and skip what is too old."""
        waiting, self._waiting = self._waiting, deque()
        # The last that came, not the latest stamp: a clock may have been set back.
        last = {topic: stamp_of(message.header.stamp) for topic, message, _ in waiting}
        for topic, message, handle in waiting:
            behind = last[topic] - stamp_of(message.header.stamp)
            if topic and 0 < self._limit < behind:
                self.skipped += 1
            else:
                handle(message)
