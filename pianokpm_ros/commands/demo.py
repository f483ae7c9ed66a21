"""`pianokpm demo`: the real node graph on the take that ships with it, watched, recorded, drawn and measured."""

import argparse
import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live

from pianokpm_ros.commands.console import make_console
from pianokpm_ros.commands.demo_text import print_result
from pianokpm_ros.commands.hand_arguments import add_hand_arguments, read_hand_settings
from pianokpm_ros.commands.live_panel import LivePanel, print_line
from pianokpm_ros.commands.native_log import CHATTER, quiet_native_log
from pianokpm_ros.commands.ports import read_port
from pianokpm_ros.commands.progress import show_progress
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.graph import (
    GraphOptions,
    NodeSpec,
    add_listeners,
    describe_graph,
    list_topics,
)
from pianokpm_ros.messages import ros_types
from pianokpm_ros.muscle.bundle import load_bundle
from pianokpm_ros.offline.folder import result_folder
from pianokpm_ros.offline.live_take import (
    draw_live,
    examine_bag,
    plot_live,
    read_tracks,
    summarise_live,
)
from pianokpm_ros.offline.pace import choose_rate, measure_speed
from pianokpm_ros.offline.session import list_files
from pianokpm_ros.offline.summary import save_summary
from pianokpm_ros.processes import GraphProcesses, ProcessError
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import Take, load_take
from pianokpm_ros.view.live_state import LiveState, Snapshot
from pianokpm_ros.viewer.page_server import HOST, PORT

if TYPE_CHECKING:
    from pianokpm_ros.nodes.listener import Listener

SHOWN = (
    'pianokpm/msg/HandLandmarks',
    'pianokpm/msg/HandPose',
    'pianokpm/msg/KeyMotion',
    'pianokpm/msg/MuscleActivity',
)
"""Types of the topics that are listened to."""

LISTENER = 'demo'
"""Name of the command's own node."""

START_LIMIT = 60.0
"""Longest time until playback begins [s]."""

BROWSER_LIMIT = 120.0
"""How much longer, where somebody has to open a browser first [s]."""

STALL_LIMIT = 20.0
"""Longest time beyond the take's length until it must be over [s]."""

SETTLE = 1.0
"""Time for the last messages to arrive after the end [s]."""

COUNTED = 100_000_000
"""Messages sent up to so long after the end of the playback are counted [ns]."""

PERIOD, LINE_PERIOD = 0.1, 2.0
"""How often the panel and a plain line are shown [s]."""

PATIENCE = {
    'triangulation_node': {'timeout': 0.1},
    'muscle_estimation_node': {'stale_after': 0.1, 'invalid_after': 0.25},
}
"""Parameters of nodes that are times on the clock [s]: slower playback needs as much more."""


class DemoError(PianokpmError, RuntimeError):
    """The demo did not do what it should."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument('--take', type=Path, help='take to play (default: the shipped one)')
    parser.add_argument(
        '-o', '--out', type=Path, default=Path('out/demo'), help='default out/demo'
    )
    parser.add_argument(
        '--model', type=Path, metavar='DIR', help='model (default: the shipped one)'
    )
    add_hand_arguments(parser)
    parser.add_argument(
        '--rate',
        type=float,
        help='speed of playback (default: 1, or what this machine can follow)',
    )
    parser.add_argument(
        '--view',
        nargs='?',
        type=read_port,
        const=PORT,
        metavar='PORT',
        help=f'show it in a browser, once one looks at http://{HOST}:{PORT}/ or that port',
    )
    parser.add_argument('--no-video', action='store_true', help='draw no video at the end')


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; an error says which link of the chain failed."""
    # First of all: importing ROS from wheels can start this program once more.
    _check_ros()
    console = make_console()
    take = load_take(arguments.take or find_asset('takes/demo'))
    load_bundle(arguments.model or find_asset('models/small'))
    result = result_folder(arguments.out, replace=True)
    introduce(take, console)
    with result as folder:
        rate = find_rate(arguments, take, console)
        state = play(arguments, take, rate, folder, console)
        summary = conclude(arguments, take, state, folder, console)
    print_result(console, summary, str(arguments.out))
    return 0


def _check_ros() -> None:
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    try:
        import pianokpm_ros.nodes.listener  # noqa: F401

        ros_types()
    except ImportError as error:
        raise DemoError(
            f'the demo runs the node graph, which needs ROS 2 and the messages of this package ({error}); '
            '`make demo` sets them up, or source activate.bash; `pianokpm estimate` needs neither'
        ) from error


def introduce(take: Take, console: Console) -> None:
    """Say what will be played, and that it is simulated."""
    seconds, views = take.performance.duration * 1e-9, len(take.videos)
    console.print(
        f'Take {take.performance.name}: {seconds:.1f} s of simulated video of virtual hands in {views} '
        f'views. {take.performance.description}'
    )


def find_rate(arguments: argparse.Namespace, take: Take, console: Console) -> float:
    """Take the rate asked for, or one that this machine can follow."""
    if arguments.rate is not None:
        if not 0.01 <= arguments.rate <= 100:
            raise DemoError(f'--rate: expected 0.01 to 100, found {arguments.rate:g}')
        return arguments.rate
    console.print('Measuring how fast this machine finds hands ...')

    with quiet_native_log():
        speed = measure_speed(take, read_hand_settings(arguments))
    rate = choose_rate(speed, take.rate)
    words = f'{len(take.videos)} views at {take.rate:g} frames/s; this machine follows {speed:.0f} a second'
    slower = f', so they are played at {rate:g} x real time, without dropping most of them'
    console.print(words + (slower if rate < 1 else ': real time.'))
    return rate


def describe_demo(
    arguments: argparse.Namespace, take: Take, rate: float, bag: Path, topics: Iterable[str]
) -> list[NodeSpec]:
    """List the nodes; the command listens to `topics` too, and they wait for that."""
    options = GraphOptions(
        take=str(take.path),
        model=str(arguments.model or ''),
        rate=rate,
        at_end='exit',
        record=str(bag),
        view=arguments.view is not None,
    )
    nodes = []
    for node in describe_graph(options):
        parameters: dict[str, Any] = dict(node.parameters)
        if node.name == 'capture_node':
            parameters |= asdict(read_hand_settings(arguments))
        if node.name == 'view_node':
            parameters |= {
                'port': arguments.view,
                'wait_for_browser': True,
                'title': f'{take.performance.name}, simulated take',
            }
        for name, seconds in PATIENCE.get(node.name, {}).items():
            parameters[name] = min(seconds / min(rate, 1.0), 10.0)
        nodes.append(replace(node, parameters=parameters))
    viewers = [('view_node', 'keys')] if options.view else []
    listeners = [(LISTENER, topic) for topic in topics] + viewers
    return list(add_listeners(nodes, listeners, find_patience(arguments)))


def find_patience(arguments: argparse.Namespace) -> float:
    """Return the longest time until playback begins [s]."""
    return START_LIMIT + (BROWSER_LIMIT if arguments.view is not None else 0)


class NodeLines:
    """Keep the last lines of each node, without the chatter of native libraries."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[str]] = {}

    def __call__(self, name: str, line: str) -> None:
        if not CHATTER.match(line.encode()):
            self._lines.setdefault(name, deque(maxlen=8)).append(line)

    def describe(self, error: str = '') -> str:
        """Return the lines of the nodes that an error names, of all where it names none."""
        named = [n for n in self._lines if n in error] or list(self._lines)
        return '\n'.join(f'  {n}: {line}' for n in named for line in self._lines[n])


def play(
    arguments: argparse.Namespace, take: Take, rate: float, folder: Path, console: Console
) -> LiveState:
    """Start the graph, watch it until the take is over, stop it."""
    from pianokpm_ros.nodes.listener import Listener, ListenerThread

    topics = {t: k for t, k in list_topics(take.videos).items() if k in SHOWN}
    state, lines = LiveState(topics, rate), NodeLines()
    nodes = describe_demo(arguments, take, rate, folder / 'bag', topics)
    title = (
        f'{take.performance.name}: simulated video of virtual hands through the live node graph'
    )
    panel = LivePanel(title, take.performance.duration * 1e-9, rate)
    if arguments.view is not None:
        console.print(f'Open http://{HOST}:{arguments.view}/ in a browser: it waits for you.')
    make = partial(Listener, LISTENER, topics, [n.name for n in nodes], state)
    try:
        with (
            ListenerThread(make) as listener,
            GraphProcesses(nodes, lines) as graph,
        ):
            _watch(graph, state, listener, take, panel, console, find_patience(arguments))
    except ProcessError as error:
        raise DemoError(f'{error}\n{lines.describe(str(error))}') from error
    check_messages(state.snapshot(0), lines)
    return state


def _watch(
    graph: GraphProcesses,
    state: LiveState,
    listener: 'Listener',
    take: Take,
    panel: LivePanel,
    console: Console,
    patience: float = START_LIMIT,
) -> None:
    """Show what goes on until the capture has ended and the last messages had time to arrive."""
    begin, ended = time.monotonic(), None
    limit = patience
    with StateDisplay(panel, console) as show:
        while ended is None or time.monotonic() < ended + SETTLE:
            graph.care()
            check_processes(graph)
            shown = state.snapshot(listener.now)
            if shown.ended is None:  # what follows is silence, not a fault
                show(shown)
            if shown.clock is not None:
                limit = (
                    patience + take.performance.duration * 1e-9 / shown.clock.rate + STALL_LIMIT
                )
            if time.monotonic() > begin + limit:
                where = 'playback did not begin' if shown.clock is None else 'the take did not end'
                raise ProcessError(f'{where} within {limit:.0f} s')
            if ended is None and graph.states['capture_node'].returncode == 0:
                ended = time.monotonic()
            time.sleep(PERIOD)


class StateDisplay:
    """Show snapshots: a panel that stays in place on a terminal; in a log a line every two seconds and at the end."""

    def __init__(self, panel: LivePanel, console: Console) -> None:
        self._panel, self._console = panel, console
        self._live = Live(console=console, refresh_per_second=10) if console.is_terminal else None
        self._shown = 0.0
        self._untold: Snapshot | None = None

    def __enter__(self) -> Callable[[Snapshot], None]:
        if self._live is None:
            return self._print
        self._live.start()
        return lambda shown: self._live.update(self._panel.render(shown))

    def _print(self, shown: Snapshot) -> None:
        self._untold = shown if shown.clock is not None else None
        if time.monotonic() - self._shown >= LINE_PERIOD:
            self._tell()

    def _tell(self) -> None:
        if self._untold is not None:
            self._shown = time.monotonic()
            print_line(self._console, self._panel.line(self._untold))
            self._untold = None

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
        self._tell()


def check_processes(graph: GraphProcesses) -> None:
    """Raise ProcessError when a node died on the way, although it would be started again."""
    for name, process in graph.states.items():
        if process.restarts or process.returncode not in (None, 0):
            raise ProcessError(f'{name} died during the demo')


def check_messages(shown: Snapshot, lines: NodeLines) -> None:
    """Raise DemoError, naming the first silent link, when not everything that should be heard was."""
    silent = [t for t, n in shown.counts.items() if not n]
    if silent:
        raise DemoError(f'nothing was heard on {", ".join(silent)}\n{lines.describe()}')


def conclude(
    arguments: argparse.Namespace, take: Take, state: LiveState, folder: Path, console: Console
) -> dict[str, Any]:
    """Measure and draw what was recorded."""
    bag, shown = folder / 'bag', state.snapshot(0)
    until = (shown.ended or shown.now) + COUNTED
    found = examine_bag(bag, take, shown.clock, until, state.received)
    content = read_tracks(bag, found)
    if not content.tracks:
        raise DemoError('the chain ran, but no muscle of either hand was ever known')
    plot_live(take, content, shown.clock.origin, folder / 'activity.png')
    if not arguments.no_video:
        count = len(take.performance.stamp)
        with show_progress(console, {'draw': 'draw the video'}, 'frame sets') as progress:
            tell = partial(progress, 'draw', total=count)
            draw_live(take, content, bag, shown.clock.origin, folder, tell)
    heard = {f'/{topic}': count for topic, count in shown.counts.items()}
    summary = {
        **describe_take(take),
        'model_id': found.model_id,
        'playback_rate': shown.clock.rate,
        **summarise_live(found, take, content, heard),
        'faults': shown.faults,
        'files': list_files(folder),
    }
    save_summary(summary, folder / 'summary.json')
    return summary


def describe_take(take: Take) -> dict[str, Any]:
    """Say what was played, for a summary."""
    return {
        'schema': 'pianokpm-demo',
        'version': 1,
        'name': take.performance.name,
        'what': 'simulated video of virtual hands, played through the live node graph',
        'description': take.performance.description,
        'duration_s': take.performance.duration * 1e-9,
        'views': len(take.videos),
    }
