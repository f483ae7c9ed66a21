"""One line about a running graph: what comes in, how both hands are seen, how late estimates are."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.status import Status as Spinner
from rich.text import Text

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.commands.live_panel import describe_delay, print_line
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.view.live_state import Snapshot

TERMINAL_PERIOD, LOG_PERIOD = 0.5, 60.0
"""How often the line is renewed on a terminal, and written into a log [s]."""

HAND_WORDS = {
    Status.OK: 'OK',
    Status.DEGRADED: 'DEGRADED',
    Status.STALE: 'STALE',
    Status.INVALID: 'not seen',
}


def describe_graph_state(shown: Snapshot, cameras: Sequence[str]) -> str:
    """Say how a graph is doing.

    Args:
        shown: its topics are relative names.
        cameras: whose `<camera>/hands` are counted.
    """
    views = [f'{name} {shown.rates.get(f"{name}/hands", 0.0):.0f} Hz' for name in cameras]
    parts = [', '.join(views), *(_describe_hand(shown, side) for side in SIDES)]
    parts.append(f'{describe_delay(shown.delay)} from frame to estimate')
    return ' | '.join([*parts, *(f'{node}: {fault}' for node, fault in shown.faults.items())])


def _describe_hand(shown: Snapshot, side: Side) -> str:
    activity = shown.newest.get(side)
    if activity is None:
        return f'{side.label} hand: no estimate yet'
    sure = activity.status >= Status.DEGRADED
    words = f', confidence {activity.confidence:.2f}' if sure else ''
    return f'{side.label} hand {HAND_WORDS[activity.status]}{words}'


class GraphLine:
    """Show that line: in its place below what nodes say on a terminal; in a log rarely, and when a node complains."""

    def __init__(self, cameras: Sequence[str], console: Console) -> None:
        self._cameras, self._console = cameras, console
        self._spinner = Spinner('the nodes are getting ready', console=console)
        self._shown, self._faults = -float('inf'), {}

    def show(self, shown: Snapshot) -> None:
        """Renew it, if it is time."""
        terminal = self._console.is_terminal
        changed = shown.faults != self._faults
        due = time.monotonic() - self._shown >= (TERMINAL_PERIOD if terminal else LOG_PERIOD)
        if not any(shown.counts.values()) and not changed or not (due or changed):
            return
        self._shown, self._faults = time.monotonic(), shown.faults
        words = describe_graph_state(shown, self._cameras)
        if terminal:
            self._spinner.update(Text(words))  # as it is: brackets of a fault are no markup
        else:
            print_line(self._console, words)

    def __enter__(self) -> 'GraphLine':
        if self._console.is_terminal:
            self._spinner.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._spinner.stop()
