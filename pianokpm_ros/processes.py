"""Start a described graph as processes, keep it alive and stop it, without a launch system."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.graph import LEASH, PACKAGE, REFUSED, RESPAWN_DELAY, NodeSpec

logger = logging.getLogger(__name__)

Output = Callable[[str, str], None]
MAX_DELAY = 10.0
SETTLED = 10.0
"""A node that ran for this long starts again at once when it dies [s]; sooner deaths double the delay."""

STOP_TIMEOUT = 3.0
LAST_WORDS = 5.0
"""The last lines of a process are waited for so long after its end [s]; what it started may hold its output open."""

POLL = 0.05


class ProcessError(PianokpmError, RuntimeError):
    """A process of the graph can't be started or doesn't stay."""


@dataclass(frozen=True)
class ProcessState:
    """What one process does.

    Attributes:
        name: of the node.
        pid: of the newest process.
        returncode: how it ended (negative: by that signal), None = it runs.
        restarts: how often it was started again.
    """

    name: str
    pid: int
    returncode: int | None
    restarts: int

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.returncode is None


def find_executable(name: str) -> str:
    """Return the path of a node's executable, as `ros2 run` finds it, or beside this Python after a pip install."""
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    places = [Path(p) / 'lib' / PACKAGE for p in prefixes if p]
    places.append(Path(sys.executable).parent)
    for place in places:
        if os.access(place / name, os.X_OK):
            return str(place / name)
    found = shutil.which(name)
    if found is None:
        raise ProcessError(
            f'asked to start {name}, which is not installed; build with `make build` and source activate.bash'
        )
    return found


class NodeProcess:
    """One node's process, started again with a growing delay when it dies."""

    def __init__(self, spec: NodeSpec, output: Output) -> None:
        self.spec, self._output = spec, output
        self._command = [find_executable(spec.executable), *spec.ros_arguments()]
        self._delay, self._restarts, self._due = RESPAWN_DELAY, 0, 0.0
        self._told = False
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Start the process and pass its lines on."""
        environment = {
            **os.environ,
            'PYTHONUNBUFFERED': '1',
            LEASH: '1',
            **self.spec.environment,
        }
        # A session of its own: Ctrl-C in the terminal reaches this process only, which stops the others in order.
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,  # stays open as long as this process lives: see LEASH
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace',
            env=environment,
            start_new_session=True,
        )
        self._started, self._due = time.monotonic(), 0.0
        self._reader = threading.Thread(
            target=self._read, args=(self._process,), daemon=True, name=f'read {self.spec.name}'
        )
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout:
            self._output(self.spec.name, line.rstrip('\n'))
        process.stdout.close()
        process.stdin.close()

    @property
    def started(self) -> bool:
        """Whether it was started at all."""
        return self._process is not None

    @property
    def state(self) -> ProcessState:
        """What it does now."""
        return ProcessState(
            self.spec.name, self._process.pid, self._process.poll(), self._restarts
        )

    def care(self) -> None:
        """Start it again when it died and its time has come."""
        state, now = self.state, time.monotonic()
        if state.alive or state.returncode in (0, REFUSED):
            return
        if not self.spec.respawn:
            self._mourn(state)
        elif not self._due:
            settled = now - self._started > SETTLED
            self._delay = RESPAWN_DELAY if settled else min(2 * self._delay, MAX_DELAY)
            self._due = now + (0 if settled else self._delay / 2)
            self._output(self.spec.name, f'died ({_describe(state.returncode)}); starts again')
        elif now >= self._due:
            self._start_again(now)

    def _mourn(self, state: ProcessState) -> None:
        if not self._told:
            self._told = True
            self._output(
                self.spec.name, f'died ({_describe(state.returncode)}); is not started again'
            )

    def _start_again(self, now: float) -> None:
        try:
            self.start()
        except OSError as error:  # it is just being built anew, or the machine has no process left
            self._due = now + self._delay
            self._output(self.spec.name, f'can not be started: {error}; tries again')
        else:
            self._restarts += 1

    def signal(self, number: int) -> None:
        """Send a signal to the process and what it started."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def finish(self) -> None:
        """Pass on the last lines of a process that ended."""
        if self._reader is not None:
            self._reader.join(timeout=LAST_WORDS)


def _describe(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        return signal.Signals(-returncode).name
    return f'exit code {returncode}'


@contextmanager
def _interrupted_later() -> Iterator[None]:
    """Hold Ctrl-C back to the end: a process that is just being made would go on, and nobody would know of it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    came: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual or signal.SIG_DFL)
    if came:
        signal.raise_signal(signal.SIGINT)


class GraphProcesses:
    """A graph as processes; a context that stops them all.

    ```
    with GraphProcesses(describe_graph(options)) as graph:
        graph.wait_until_exit('capture_node', timeout=60.0)
    ```
    """

    def __init__(self, nodes: Sequence[NodeSpec], output: Output | None = None) -> None:
        """Set up.

        Args:
            nodes: what to start.
            output: is called with the node's name and each line it writes, from several threads; None = log.
        """
        self._output = output or (lambda name, line: logger.info('%s: %s', name, line))
        self._nodes = [NodeProcess(spec, self._output) for spec in nodes]

    def start(self) -> None:
        """Start all; if one can't be started, or Ctrl-C comes meanwhile, none stays."""
        try:
            with _interrupted_later():
                for node in self._nodes:
                    node.start()
        except OSError as error:
            self.stop()
            raise ProcessError(f'asked to start {node.spec.name}: {error}') from error
        except BaseException:
            self.stop()
            raise

    @property
    def states(self) -> dict[str, ProcessState]:
        """What each node's process does."""
        return {n.spec.name: n.state for n in self._nodes}

    def care(self) -> None:
        """Start again what died; raises ProcessError when a node refused to start, which its output explains."""
        for node in self._nodes:
            node.care()
            if node.state.returncode == REFUSED:
                node.finish()
                raise ProcessError(f'{node.spec.name} refuses to start; its last lines say why')

    def wait(self, until: Callable[[], bool], timeout: float | None = None) -> bool:
        """Keep the graph alive until something is true or the time [s] is over; tells whether it is true."""
        end = None if timeout is None else time.monotonic() + timeout
        while not until():
            self.care()
            if end is not None and time.monotonic() > end:
                return False
            time.sleep(POLL)
        return True

    def wait_until_exit(self, name: str, timeout: float | None = None) -> bool:
        """Wait until a node has ended by itself with exit code 0, as `capture_node` does with `at_end` `exit`."""
        return self.wait(lambda: self.states[name].returncode == 0, timeout)

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Stop all with SIGTERM; what is left after `timeout` [s] is killed."""
        started = [n for n in self._nodes if n.started]
        # Nodes treat SIGINT and SIGTERM alike, but one that still imports would answer SIGINT with a traceback.
        for number, patience in ((signal.SIGTERM, timeout), (signal.SIGKILL, 1.0)):
            for node in started:
                node.signal(number)
            end = time.monotonic() + patience
            while any(n.state.alive for n in started) and time.monotonic() < end:
                time.sleep(POLL)
        for node in started:
            node.finish()

    def __enter__(self) -> 'GraphProcesses':
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
