"""A node that tells what waited each time it went to work: `python -m test.nodes.watched_node NAME --ros-args ...`."""

import importlib
import json
import sys
import time

from pianokpm_ros.messages import stamp_of
from pianokpm_ros.nodes import base
from pianokpm_ros.nodes.backlog import Backlog
from pianokpm_ros.nodes.base import WAKE, PianoNode, run_node

MARK = 'worked: '


class LoopClock:
    """The steady clock of a node's loop, which remembers when the loop last went on after a standstill [s]."""

    def __init__(self):
        self.woke = self._last = time.monotonic()

    def monotonic(self):
        before, self._last = self._last, time.monotonic()
        if self._last - before > 1.5 * WAKE:
            self.woke = self._last
        return self._last


class WatchedBacklog(Backlog):
    """Prints `MARK` and, as JSON, what came (topic, stamp [ns], steady time [s]), when the loop went on after its last
    standstill, when work began, and what was handled.
    """

    def __init__(self, limit):
        super().__init__(limit)
        self._came, self._handled = [], []

    def push(self, topic, message, handle):
        stamp = stamp_of(message.header.stamp)
        self._came.append((topic, stamp, time.monotonic()))

        def tell(message):
            self._handled.append((topic, stamp))
            handle(message)

        super().push(topic, message, tell)

    def work(self):
        began, came, self._came, self._handled = time.monotonic(), self._came, [], []
        super().work()
        told = {'came': came, 'woke': base.time.woke, 'began': began}
        told |= {'handled': self._handled, 'skipped': self.skipped}
        print(MARK + json.dumps(told), flush=True)


def main(name):
    """Run a node of the package."""
    module = importlib.import_module(f'pianokpm_ros.nodes.{name}')
    kind = next(
        c for c in vars(module).values()
        if isinstance(c, type) and issubclass(c, PianoNode) and c.__module__ == module.__name__
    )  # fmt: skip

    def make():
        node = kind()
        node.backlog = WatchedBacklog(node.settings['max_backlog'])
        return node

    base.time = LoopClock()
    return run_node(make)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
