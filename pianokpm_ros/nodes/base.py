"""What all nodes share: parameters, qualities of service, health, a pause switch, a clean start and end."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import rclpy
import rclpy.signals
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.exceptions import InvalidNamespaceException
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from std_srvs.srv import SetBool

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.graph import LEASH, REFUSED
from pianokpm_ros.health_names import name_status
from pianokpm_ros.messages import MessageError, Record, from_message, to_message
from pianokpm_ros.nodes.backlog import Backlog
from pianokpm_ros.nodes.parameters import (
    Parameter,
    ParameterError,
    declare_parameters,
    find_misspelt,
)

FAILED = 1
DEADLINE = Duration(nanoseconds=50_000_000)
LEASE = Duration(nanoseconds=200_000_000)
FLUSH = Duration(nanoseconds=1_000_000_000)
WAKE = 0.1
"""How often a node without work looks whether it should end [s]."""

QUIET, SETTLE = 0.005, 0.05
"""A node that stood still collects what was sent meanwhile until nothing comes for so long, at most so long [s]."""

STREAM = QoSProfile(
    depth=50,
    reliability=ReliabilityPolicy.RELIABLE,
    deadline=DEADLINE,
    liveliness=LivelinessPolicy.AUTOMATIC,
    liveliness_lease_duration=LEASE,
)
"""Offered by publishers of streams: a consumer that requests the same learns within 60 ms that data are late."""

LISTEN = QoSProfile(depth=20, reliability=ReliabilityPolicy.RELIABLE)
"""Requested by subscribers: no deadline, or bags and other publishers that offer none would not match."""

LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
IMAGES = QoSProfile(depth=2, reliability=ReliabilityPolicy.BEST_EFFORT)


@dataclass(frozen=True)
class Health:
    """What a node says about itself on /diagnostics."""

    level: bytes = DiagnosticStatus.OK
    message: str = 'running'
    values: dict[str, object] = field(default_factory=dict)

    @classmethod
    def good(cls, message: str, **values: object) -> 'Health':
        """All is as it should be."""
        return cls(DiagnosticStatus.OK, message, values)

    @classmethod
    def warning(cls, message: str, **values: object) -> 'Health':
        """Something deserves attention."""
        return cls(DiagnosticStatus.WARN, message, values)

    @classmethod
    def error(cls, message: str, **values: object) -> 'Health':
        """Something does not work."""
        return cls(DiagnosticStatus.ERROR, message, values)


class PianoNode(Node):
    """A node with declared parameters and health."""

    PARAMETERS: ClassVar[Sequence[Parameter]] = ()

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.settings: dict[str, Any] = declare_parameters(self, self.PARAMETERS)
        for words in find_misspelt(_list_parameter_files(), self.get_name(), self.PARAMETERS):
            self.get_logger().warning(words)
        self.enabled, self.rejected = True, 0
        self.done, self.exit_code = threading.Event(), 0
        self.backlog = Backlog(self.settings.get('max_backlog', 0.0))
        self._health = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # Steady: health goes out also while simulated time stands still.
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0, self._publish_health, clock=self._steady)

    @property
    def now(self) -> int:
        """Time on the ROS clock [ns]."""
        return self.get_clock().now().nanoseconds

    def publish(self, publisher: Any, record: Record) -> None:
        """Send a record; its message says when it was sent."""
        message = to_message(record)
        message.publish_stamp = self.get_clock().now().to_msg()
        publisher.publish(message)

    def read(self, message: Any) -> Any:
        """Turn a message into its record; None, counted and told, where it breaks its contract."""
        try:
            return from_message(message)
        except MessageError as error:
            self.reject(str(error))
            return None

    def listen(
        self, kind: type, topic: str, handle: Callable[[Any], None], skip: bool = True
    ) -> None:
        """Subscribe; messages are handled in order, those that are too old when their turn comes may be skipped."""
        name = topic if skip else ''
        self.create_subscription(
            kind, topic, lambda message: self.backlog.push(name, message, handle), LISTEN
        )

    def repeat(self, period: float, call: Callable[[], None]) -> None:
        """Call something every `period` [s]: of simulated time where the node follows it, else of a steady clock.

        A timer on the system's clock would stand still once that is set back, for as long as it was.
        """
        simulated = self.get_parameter('use_sim_time').value
        self.create_timer(period, call, clock=self.get_clock() if simulated else self._steady)

    def reject(self, reason: str) -> None:
        """Count an input that can't be used and say why, but not too often."""
        self.rejected += 1
        self.get_logger().warning(f'rejected: {reason}', throttle_duration_sec=5.0)

    def offer_pause(self, changed: Callable[[bool], None] = lambda _: None) -> None:
        """Offer `~/enable`."""

        def switch(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
            if request.data != self.enabled:
                self.enabled = request.data
                changed(request.data)
            response.success, response.message = True, 'on' if self.enabled else 'paused'
            return response

        self.create_service(SetBool, '~/enable', switch)

    def diagnose(self) -> Health:
        """Say how it goes; called once a second."""
        return Health()

    def close(self) -> None:
        """Let go of files, devices and threads."""

    def fail(self, reason: str) -> None:
        """End the node because it can't do what it was asked for; starting again would not help."""
        self.get_logger().fatal(reason)
        self.exit_code = REFUSED
        self.done.set()

    def finish(self) -> None:
        """End the node because its work is done, once all that was sent has arrived."""
        for publisher in self.publishers:
            publisher.wait_for_all_acked(FLUSH)
        self.done.set()

    def _publish_health(self) -> None:
        health = self.diagnose() if self.enabled else Health(message='paused')
        status = DiagnosticStatus(
            level=health.level,
            name=name_status(self.get_fully_qualified_name()),
            message=health.message,
            hardware_id='',
            values=[KeyValue(key=k, value=str(v)) for k, v in health.values.items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self.get_clock().now().to_msg()
        self._health.publish(array)


def _list_parameter_files() -> list[str]:
    """Return the files that this process was given as `--params-file`."""
    return [
        after
        for word, after in zip(sys.argv, sys.argv[1:], strict=False)
        if word == '--params-file'
    ]


def run_node(make: Callable[[], PianoNode], arguments: Sequence[str] | None = None) -> int:
    """Run a node until it is told to stop; returns the exit code, `REFUSED` when it won't start as asked."""
    logging.basicConfig(level=logging.WARNING, format='%(levelname)s %(name)s: %(message)s')
    logging.getLogger('pianokpm_ros').setLevel(logging.INFO)  # which hand engine, and why
    node: PianoNode | None = None
    try:
        _init(arguments)
        if os.environ.get(LEASH):
            threading.Thread(target=_end_with_input, daemon=True, name='leash').start()
        node = make()
        _spin(node)
        return node.exit_code
    except (PianokpmError, InvalidNamespaceException) as error:
        words = 'refuses to start' if node is None else 'stops'
        print(f'{words}: {error}', file=sys.stderr, flush=True)
        return REFUSED if node is None else FAILED
    except KeyboardInterrupt:
        return 0
    finally:
        # `ros2 launch` passes Ctrl-C on to nodes that had it from the terminal already.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if node is not None:
            node.close()
        rclpy.try_shutdown()


def start_ros(**options: Any) -> None:
    """Call `rclpy.init` with `options`; a `ParameterError` says why ROS doesn't start."""
    try:
        rclpy.init(**options)
    except RuntimeError as error:  # RCLError, which only a private module names
        if 'log directory' in str(error):
            raise ParameterError(
                f'ROS can not write its log: {error}; set ROS_LOG_DIR to a folder that can be written'
            ) from error
        raise ParameterError(f'the ROS arguments can not be read: {error}') from error


def _init(arguments: Sequence[str] | None) -> None:
    # rclpy's own handlers shut everything down at once, under callbacks that are about to publish.
    no = rclpy.signals.SignalHandlerOptions.NO
    start_ros(args=None if arguments is None else list(arguments), signal_handler_options=no)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _end_with_input() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGINT)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _spin(node: PianoNode) -> None:
    """Run callbacks until the node is done or told to stop.

    With 400 callbacks a second this takes 2 % of a core, `SingleThreadedExecutor` 10 %. `spin()` of rclpy 7.1's
    `EventsExecutor` does not return on a signal, nor does it know callbacks that take a MessageInfo.
    """
    executor = EventsExecutor()
    executor.add_node(node)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: node.done.set())
    turned, settled = time.monotonic(), 0.0
    while not node.done.is_set():
        executor.spin_once(timeout_sec=WAKE)
        before, turned = turned, time.monotonic()
        if turned - before > 1.5 * WAKE:  # it stood still; the first that turns up may be a timer
            settled = turned + SETTLE
        if node.backlog:
            _collect(executor, node.backlog, settled)
            node.backlog.work()
    executor.remove_node(node)


def _collect(executor: EventsExecutor, backlog: Backlog, settled: float) -> None:
    """Take all that has come. After a standstill it only comes now, as the threads of DDS stood still too.

    Args:
        executor: to spin.
        backlog: that fills.
        settled: until when (steady) it is waited for what comes within `QUIET` of the last.
    """
    end, known = time.monotonic() + SETTLE, 0
    while len(backlog) > known and time.monotonic() < end:
        known, patient = len(backlog), min(time.monotonic() + QUIET, settled)
        while len(backlog) == known:
            left = patient - time.monotonic()
            executor.spin_once(timeout_sec=max(left, 0))
            if left <= 0:
                break
