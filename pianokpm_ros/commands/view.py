"""`pianokpm view`: look at a running graph, or at a recording, in a browser."""

import argparse
import webbrowser
from pathlib import Path

from rich.text import Text

from pianokpm_ros.commands.console import make_console
from pianokpm_ros.commands.ports import read_port
from pianokpm_ros.commands.up import NamedLines, stop_on_signals
from pianokpm_ros.graph import describe_view_node
from pianokpm_ros.processes import GraphProcesses
from pianokpm_ros.recording.layout import find_bag
from pianokpm_ros.viewer.page_server import HOST, PORT
from pianokpm_ros.viewer.server import ViewServer

POLL = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument(
        'recording',
        nargs='?',
        type=Path,
        metavar='BAG',
        help='bag, or result of `pianokpm estimate` or `demo`; without it: the graph that runs now',
    )
    parser.add_argument(
        '--host',
        default=HOST,
        help=f'address to serve at (default {HOST}: this machine only; 0.0.0.0 lets others look)',
    )
    parser.add_argument('--port', type=read_port, default=PORT, help=f'default {PORT}')
    parser.add_argument('--namespace', default='', help='of the graph')
    parser.add_argument('--use-sim-time', action='store_true', help='the graph follows /clock')
    parser.add_argument('--paused', action='store_true', help='do not play a recording at once')
    parser.add_argument('--open', action='store_true', help='open a browser')


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    return _show_recording(arguments) if arguments.recording else _show_graph(arguments)


def _show_graph(arguments: argparse.Namespace) -> int:
    parameters = {'host': arguments.host, 'port': arguments.port}
    node = describe_view_node(parameters, arguments.namespace, arguments.use_sim_time)
    asked = stop_on_signals()
    if arguments.open:
        webbrowser.open(f'http://{arguments.host}:{arguments.port}/')
    with GraphProcesses([node], NamedLines([node.name])) as graph:
        graph.wait(lambda: asked() or graph.states[node.name].returncode is not None)
        failed = graph.states[node.name].returncode not in (None, 0)
    return 130 if asked() else int(failed)


def _show_recording(arguments: argparse.Namespace) -> int:
    # Not on import: what the live view needs of this is little.
    from pianokpm_ros.viewer.films import open_films
    from pianokpm_ros.viewer.hello import describe_view
    from pianokpm_ros.viewer.playback import BagPlayback, load_recording

    bag, console, asked = (
        find_bag(arguments.recording),
        make_console(),
        stop_on_signals(),
    )
    with console.status(Text(f'reading {bag}')):
        recording = load_recording(bag)
        playback = BagPlayback(recording, paused=arguments.paused, films=open_films(bag))
    hello = describe_view(arguments.recording.resolve().name, live=False)
    server = ViewServer(
        playback.state,
        hello,
        arguments.host,
        arguments.port,
        playback.describe,
        playback.control,
    )
    with server:
        console.print(f'{server.invitation} (Ctrl-C ends it)')
        playback.start()
        if arguments.open:
            webbrowser.open(server.url)
        while not asked():
            playback.join(POLL)
        playback.stop()
    return 130
