"""`pianokpm up`: the node graph as processes of this command, for machines without `ros2 launch`."""

import argparse
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.text import Text

from pianokpm_ros.capture.address import refuse_absent
from pianokpm_ros.capture.local_cameras import describe_cameras
from pianokpm_ros.commands.console import make_console
from pianokpm_ros.commands.graph_line import GraphLine
from pianokpm_ros.commands.native_log import CHATTER
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.geometry.rig import load_rig
from pianokpm_ros.graph import GraphError, GraphOptions, NodeSpec, describe_graph, list_topics
from pianokpm_ros.processes import GraphProcesses, ProcessError
from pianokpm_ros.recording.layout import VIDEOS
from pianokpm_ros.recording.salvage import Damage, read_damaged
from pianokpm_ros.view.live_state import LiveState

CONSOLE = make_console(soft_wrap=True)
COLOURS = ('cyan', 'green', 'yellow', 'magenta', 'blue', 'red')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer each option of `GraphOptions`."""
    for option in fields(GraphOptions):
        flag, words = f'--{option.name.replace("_", "-")}', option.metadata['description']
        kind = type(option.default)
        if kind is bool:
            parser.add_argument(flag, action='store_true', help=words)
        elif kind is tuple:
            parser.add_argument(flag, nargs='*', default=(), metavar='X', help=words)
        else:
            parser.add_argument(
                flag,
                type=kind,
                default=option.default,
                choices=option.metadata['choices'] or None,
                metavar=None if option.metadata['choices'] else 'X',
                help=words,
            )
    parser.add_argument(
        '--until-end', action='store_true', help='stop everything when the files have been played'
    )


def read_options(arguments: argparse.Namespace) -> GraphOptions:
    """Collect the graph options from parsed arguments."""
    if arguments.live == []:
        raise GraphError(
            f'--live: write name=address, such as top=/dev/video0; {describe_cameras()}'
        )
    chosen = {f.name: getattr(arguments, f.name) for f in fields(GraphOptions)}
    return GraphOptions(**{k: tuple(v) if isinstance(v, list) else v for k, v in chosen.items()})


def refuse_at_once(options: GraphOptions) -> None:
    """Refuse addresses that lead nowhere and a rig without these cameras before any process starts.

    The nodes look at all that again, and at what only they can: they may be started by others.
    """
    for name, address in options.live_sources.items():
        refuse_absent(name, address)
    rig = load_rig(options.rig) if options.rig else None
    for name in options.camera_names if rig is not None else ():
        rig.camera(name)
    if options.record and Path(options.record).exists():
        raise GraphError(f'asked to record to {options.record}, which exists; name a new folder')


def discard_beginning(bag: str) -> None:
    """Remove a bag in which nothing has come yet, so that a command that was refused can be given again, mended.

    The recorder may have been ended before it had finished the bag, or even begun to write.
    """
    files = list(Path(bag).glob('*.mcap'))
    if not files or any(Path(bag).glob(f'{VIDEOS}/*')):
        return
    topics = {m.topic.rpartition('/')[2] for f in files for m in read_damaged(f, Damage())}
    if topics <= {'diagnostics', 'camera_info'}:
        shutil.rmtree(bag)
        CONSOLE.print(f'removed {bag}: nothing had come yet')


class NamedLines:
    """Print the lines of several nodes, each with its node's name in its own colour."""

    def __init__(self, names: list[str], console: Console | None = None) -> None:
        self._console = console or make_console(file=sys.stdout, soft_wrap=True)
        self._width = max(map(len, names), default=0)
        self._colour = {n: COLOURS[i % len(COLOURS)] for i, n in enumerate(names)}
        self._lock = threading.Lock()

    def __call__(self, name: str, line: str) -> None:
        """Print a line, but for the chatter of native libraries."""
        if CHATTER.match(line.encode()):
            return
        prefix = Text(f'{name:<{self._width}} | ', style=self._colour.get(name, ''))
        with self._lock:
            self._console.print(prefix + Text.from_ansi(line))


def stop_on_signals() -> Callable[[], bool]:
    """Make SIGINT, SIGTERM and SIGHUP ask for an end; returns what tells whether they have."""
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, lambda *_: asked.set())
    return asked.is_set


def run(arguments: argparse.Namespace) -> int:
    """Start the graph and stay until Ctrl-C, or the end of the files."""
    options = read_options(arguments)
    if arguments.until_end:
        options = GraphOptions(**{**vars(options), 'at_end': 'exit'})
    nodes = describe_graph(options)
    refuse_at_once(options)
    graph = GraphProcesses(nodes, NamedLines([n.name for n in nodes], CONSOLE))
    try:
        return 130 if watch(graph, nodes, options, arguments.until_end) else 0
    except ProcessError:
        if options.record:
            discard_beginning(options.record)
        raise


def watch(
    graph: GraphProcesses, nodes: Sequence[NodeSpec], options: GraphOptions, until_end: bool
) -> bool:
    """Run a graph and say how it is doing; tells whether it was asked to end."""
    # Not on import: what is wrong with the options is said without ROS.
    from pianokpm_ros.nodes.listener import Listener, ListenerThread

    asked, cameras = stop_on_signals(), find_cameras(nodes)
    topics = [f'{name}/hands' for name in cameras]
    topics += [f'muscle_activity/{side.label}' for side in SIDES]
    kinds = list_topics(cameras)
    listened = {topic: kinds[topic] for topic in topics}
    state = LiveState(topics, options.rate or 1.0)
    names, ended = [node.name for node in nodes], 'capture_node' if until_end else ''
    place = {'namespace': options.namespace, 'use_sim_time': options.use_sim_time}
    introduce(cameras, options)
    with (
        ListenerThread(partial(Listener, 'up', listened, names, state, **place)) as up,
        GraphLine(cameras, CONSOLE) as line,
        graph,
    ):

        def is_over() -> bool:
            line.show(state.snapshot(up.now))
            return asked() or bool(ended) and graph.states[ended].returncode == 0

        graph.wait(is_over)
    return asked()


def find_cameras(nodes: Sequence[NodeSpec]) -> list[str]:
    """Return the names of the graph's cameras, also those of a take."""
    return next(list(n.parameters['cameras']) for n in nodes if n.name == 'triangulation_node')


def introduce(cameras: Sequence[str], options: GraphOptions) -> None:
    """Say what goes in and comes out."""
    space = f'/{options.namespace.strip("/")}'.rstrip('/')
    words = f'{", ".join(cameras)} -> {space}/muscle_activity/left, {space}/muscle_activity/right'
    words += f'; recorded to {options.record}' if options.record else ''
    CONSOLE.print(f'{words}. Ctrl-C ends it.')
