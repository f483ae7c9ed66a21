"""`pianokpm record`: the recorder alone, beside a graph that runs already."""

import argparse
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pianokpm_ros.commands.guided import guide_session, read_protocol
from pianokpm_ros.commands.up import NamedLines, stop_on_signals
from pianokpm_ros.graph import GraphError, NodeSpec, describe_recorder
from pianokpm_ros.processes import GraphProcesses
from pianokpm_ros.protocol.plan import Plan

HEAD = 100
"""A file of a bag without any message is smaller [bytes]."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer where to record to, and for how long."""
    parser.add_argument(
        'bag', nargs='?', help='folder of the new bag; by default pianokpm_ and the time'
    )
    parser.add_argument(
        '--cameras', nargs='+', default=(), metavar='X', help='expect their topics from the start'
    )
    parser.add_argument('--rig', default='', metavar='X', help='calibration to keep with the bag')
    parser.add_argument(
        '--duration', type=float, metavar='S', help='end after recording for this many seconds'
    )
    parser.add_argument(
        '--protocol', metavar='FILE', help="guide a person through a session; 'default' ships"
    )
    parser.add_argument('--namespace', default='', metavar='X', help='namespace of the graph')
    parser.add_argument('--params-file', default='', metavar='X', help='parameters of the node')
    parser.add_argument('--use-sim-time', action='store_true', help='take the time from /clock')


def run(arguments: argparse.Namespace) -> int:
    """Record until Ctrl-C or the end of the time; both finish the bag."""
    if arguments.duration is not None and not arguments.duration > 0:
        raise GraphError(f'duration: expected more than 0 s, found {arguments.duration:g}')
    if arguments.rig and not Path(arguments.rig).is_file():
        raise GraphError(f'asked to keep {arguments.rig} with the bag, which is no file')
    plan = read_protocol(arguments.protocol) if arguments.protocol else None
    bag = arguments.bag or f'pianokpm_{datetime.now():%Y-%m-%d_%H-%M-%S}'
    recorder = describe_recorder(
        bag,
        arguments.cameras,
        arguments.params_file,
        arguments.namespace,
        arguments.use_sim_time,
        arguments.rig,
    )
    if plan is not None:
        return _guide(plan, recorder, arguments.namespace)
    asked = stop_on_signals()
    print(f'recording to {bag}; Ctrl-C ends it', flush=True)
    is_over = _limit(Path(bag), arguments.duration)
    with GraphProcesses([recorder], NamedLines([recorder.name])) as graph:
        graph.wait(lambda: asked() or is_over() or not graph.states[recorder.name].alive)
        graph.care()
    code = graph.states[recorder.name].returncode or 0
    return 130 if code < 0 and asked() else code  # it had not begun yet, and knew no other end


def _limit(bag: Path, duration: float | None) -> Callable[[], bool]:
    """Return what tells whether a bag has been recorded to for so long [s], from the first message in it on.

    A recorder takes seconds to start.
    """
    begun: list[float] = []

    def is_over() -> bool:
        if not begun and any(f.stat().st_size > HEAD for f in bag.glob('*.mcap')):
            begun.append(time.monotonic())
        return duration is not None and bool(begun) and time.monotonic() > begun[0] + duration

    return is_over


def _guide(plan: Plan, recorder: NodeSpec, namespace: str) -> int:
    """Record while a person is guided; Ctrl-C ends both."""
    lines: list[str] = []
    with GraphProcesses([recorder], lambda _, line: lines.append(line)) as graph:
        finished = guide_session(plan, namespace)
        graph.care()
    print('\n'.join(lines))
    return (0 if finished else 130) or graph.states[recorder.name].returncode or 0
