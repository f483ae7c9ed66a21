"""What a consumer of the graph is: an ordinary node with default subscriptions, in the test's own process."""

import threading
import time

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile

from pianokpm_ros.graph import add_listeners
from pianokpm_ros.nodes.base import LATCHED

DEEP = QoSProfile(depth=1000)


class Observer:
    """Collects messages of topics in a thread; `wait` returns as soon as something is true."""

    def __init__(self, name='test_observer'):
        self._context = Context()
        rclpy.init(args=[], context=self._context)
        self.node = rclpy.create_node(name, context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._changed, self._leaving = threading.Condition(), threading.Event()
        self.messages = {}
        self.arrived = {}
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self):
        while not self._leaving.is_set():
            self._executor.spin_once(timeout_sec=0.1)

    def listen(self, topic, kind, latched=False, qos=None, raw=False):
        """Collect the messages of a topic, or their bytes, with the steady time of their arrival [s]."""
        self.messages[topic], self.arrived[topic] = [], []
        qos = qos or (LATCHED if latched else DEEP)
        self.node.create_subscription(kind, topic, lambda m: self._take(topic, m), qos, raw=raw)

    def _take(self, topic, message):
        with self._changed:
            self.messages[topic].append(message)
            self.arrived[topic].append(time.monotonic())
            self._changed.notify_all()

    def join(self, nodes, *topics):
        """Let the nodes of a graph begin when this one is connected to topics, so that it misses nothing."""
        return add_listeners(nodes, [(self.node.get_name(), topic) for topic in topics])

    def happens(self, condition, timeout):
        """Wait until `condition(messages)` is true; tells whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(self.messages), timeout)

    def wait(self, condition, timeout=60.0, what=''):
        """Wait until `condition(messages)` is true; fails the test when it never is."""
        done = self.happens(condition, timeout)
        counts = {t: len(m) for t, m in self.messages.items()}
        assert done, f'waited {timeout} s in vain{" for " if what else ""}{what}; heard {counts}'

    def wait_for_health(self, node, words, timeout=60.0):
        """Wait until a node says some words on /diagnostics; returns that status."""
        found = []

        def says(messages):
            for array in reversed(messages['/diagnostics']):
                for status in array.status:
                    if status.name == f'{node}: state' and words in status.message:
                        found.append(status)
                        return True
            return False

        self.wait(says, timeout, f'{node} to say {words!r}')
        return found[-1]

    def wait_for_subscribers(self, publisher, count=1, timeout=60.0):
        """Wait until a publisher of this node has subscribers."""
        end = time.monotonic() + timeout
        while publisher.get_subscription_count() < count:
            assert time.monotonic() < end, f'nobody subscribes to {publisher.topic_name}'
            threading.Event().wait(0.02)

    def call(self, kind, service, request, timeout=60.0):
        """Call a service and return its response."""
        client = self.node.create_client(kind, service)
        assert client.wait_for_service(timeout), f'{service} is not offered'
        future = client.call_async(request)
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        assert done.wait(timeout), f'{service} does not answer'
        return future.result()

    def close(self):
        """Leave."""
        self._leaving.set()
        self._thread.join(timeout=60)
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
