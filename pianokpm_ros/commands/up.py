"""`pianokpm up`: the node graph as processes of this command, for machines without `ros2 launch`."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import fields

from rich.console import Console
from rich.text import Text

from pianokpm_ros.capture.local_cameras import describe_cameras
from pianokpm_ros.commands.native_log import CHATTER
from pianokpm_ros.graph import GraphError, GraphOptions, describe_graph
from pianokpm_ros.processes import GraphProcesses

COLOURS = ('cyan', 'green', 'yellow', 'magenta', 'blue', 'red')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer each graph option."""
    add_graph_arguments(parser)
    parser.add_argument(
        '--until-end', action='store_true', help='stop everything when the files have been played'
    )


def add_graph_arguments(parser: argparse.ArgumentParser, *without: str) -> None:
    """Offer the options of `GraphOptions`, but for those named in `without`."""
    for option in fields(GraphOptions):
        if option.name in without:
            continue
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


def read_options(arguments: argparse.Namespace) -> GraphOptions:
    """Collect the graph options from parsed arguments; those not offered keep their defaults."""
    if getattr(arguments, 'live', ()) == []:
        raise GraphError(
            f'--live: write name=address, such as top=/dev/video0; {describe_cameras()}'
        )
    chosen = {
        f.name: getattr(arguments, f.name)
        for f in fields(GraphOptions)
        if hasattr(arguments, f.name)
    }
    return GraphOptions(**{k: tuple(v) if isinstance(v, list) else v for k, v in chosen.items()})


class NamedLines:
    """Print the lines of several nodes, each with its node's name in its own colour."""

    def __init__(self, names: list[str], console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stdout, highlight=False, soft_wrap=True)
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
        signal.signal(number, lambda *_: asked.set())
    return asked.is_set


def run(arguments: argparse.Namespace) -> int:
    """Start the graph and stay until Ctrl-C, or the end of the files."""
    options = read_options(arguments)
    if arguments.until_end:
        options = GraphOptions(**{**vars(options), 'at_end': 'exit'})
    nodes = describe_graph(options)
    asked = stop_on_signals()
    with GraphProcesses(nodes, NamedLines([n.name for n in nodes])) as graph:
        ended = 'capture_node' if arguments.until_end else ''
        graph.wait(lambda: asked() or bool(ended) and graph.states[ended].returncode == 0)
    return 130 if asked() else 0
