"""Show a running graph in the terminal: time, rates, both hands' muscles, delays; or as plain lines in a log."""

import math

import numpy as np
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.records import NANOSECONDS, MuscleActivity
from pianokpm_ros.view.live_state import Snapshot
from pianokpm_ros.view.palette import SIDE_COLOURS, STATUS_COLOURS, label_estimate

BAR_WIDTH = 28
BLOCKS = ' ▏▎▍▌▋▊▉'
"""Eighths of a character cell."""


def as_style(colour: tuple[int, int, int]) -> str:
    """Turn an RGB colour into rich's."""
    return f'rgb({colour[0]},{colour[1]},{colour[2]})'


def draw_bar(value: float, full_scale: float, width: int = BAR_WIDTH) -> str:
    """Draw a horizontal bar of block characters, in steps of an eighth."""
    eighths = round(8 * width * min(max(value / full_scale, 0.0), 1.0))
    whole, rest = divmod(eighths, 8)
    return ('█' * whole + (BLOCKS[rest] if rest else '')).ljust(width)


def show_hand(side: Side, activity: MuscleActivity | None, full_scale: float) -> RenderableType:
    """Show one hand's muscles; unknown ones get a dash, never an empty bar."""
    colour = as_style(SIDE_COLOURS[side])
    title = Text(f'{side.label} hand', style=f'bold {colour}')
    if activity is None:
        return Panel(Text('no estimate yet', style='dim'), title=title, width=BAR_WIDTH + 24)
    table = Table.grid(padding=(0, 1))
    for name, value, deviation in zip(
        activity.muscle, activity.activation, activity.deviation, strict=True
    ):
        known = math.isfinite(value)
        bar = Text(draw_bar(value, full_scale), style=colour) if known else Text('–', style='dim')
        numbers = f'{value:.2f} ± {deviation:.2f}' if known else ''
        table.add_row(name, bar, numbers)
    status = Text(activity.status.name, style=as_style(STATUS_COLOURS[activity.status]))
    if activity.status >= Status.DEGRADED:
        status.append(f'  confidence {activity.confidence:.2f}')
    return Panel(Group(table, status), title=title, width=BAR_WIDTH + 24)


class LivePanel:
    """Turn snapshots into something to look at."""

    def __init__(self, title: str, duration: float, rate: float) -> None:
        """Set up.

        Args:
            title: what is played.
            duration: of the take [s].
            rate: of the playback.
        """
        self._title, self._duration, self._rate = title, duration, rate
        self._full_scale = 0.1

    def _position(self, shown: Snapshot) -> float:
        if shown.clock is None:
            return 0.0
        return min(shown.clock.position(shown.now) / NANOSECONDS, self._duration)

    def _grow(self, shown: Snapshot) -> float:
        """Return the full scale of the bars, which only grows, so that they don't jump."""
        for activity in shown.newest.values():
            top = float(np.nanmax(activity.activation, initial=0.0))
            while top > self._full_scale < 2.0:
                self._full_scale *= 2
        return self._full_scale

    def render(self, shown: Snapshot) -> RenderableType:
        """Return the panel of a terminal."""
        position, scale = self._position(shown), self._grow(shown)
        speed = '' if self._rate == 1 else f', played at {self._rate:.2g} x real time'
        bar = ProgressBar(total=self._duration, completed=position, width=40)
        words = f' {position:5.1f} of {self._duration:.1f} s of the take{speed}'
        line = Table.grid()
        line.add_row(bar, words)
        waiting = Text('the nodes are getting ready', style='dim')
        hands = Columns([show_hand(s, shown.newest.get(s), scale) for s in SIDES])
        parts = [
            Text(self._title, style='bold'),
            line if shown.clock else waiting,
            hands,
            Text(self._label(shown), style='dim'),
            self._rates(shown),
        ]
        parts += [Text(f'{n}: {f}', style='yellow') for n, f in shown.faults.items()]
        return Group(*parts)

    def _label(self, shown: Snapshot) -> str:
        simulated = all(a.simulated_training for a in shown.newest.values())
        return (
            f"{label_estimate(simulated)}; bars end at {self._full_scale:g} of the model's scale"
        )

    def _rates(self, shown: Snapshot) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        cells = [f'{topic} {rate:.0f} Hz' for topic, rate in shown.rates.items()]
        for i in range(0, len(cells), 4):
            table.add_row(*cells[i : i + 4])
        table.add_row(Text(f'from frame to estimate received: {describe_delay(shown.delay)}'))
        return table

    def line(self, shown: Snapshot) -> str:
        """Return one plain line for a log."""
        parts = [f'{self._position(shown):5.1f} of {self._duration:.1f} s']
        for side in SIDES:
            activity = shown.newest.get(side)
            if activity is None:
                parts.append(f'{side.label}: no estimate yet')
                continue
            values = ' '.join(
                f'{m} {v:.2f}' if math.isfinite(v) else f'{m} –'
                for m, v in zip(activity.muscle, activity.activation, strict=True)
            )
            parts.append(f'{side.label} {activity.status.name}: {values}')
        rates = [f'{t.lstrip("/")} {r:.0f}' for t, r in shown.rates.items()]
        parts += [f'Hz: {", ".join(rates)}', f'delay {describe_delay(shown.delay)}']
        parts += [f'{n}: {f}' for n, f in shown.faults.items()]
        return ' | '.join(parts)


def describe_delay(delay: float) -> str:
    """Write a delay [s] in milliseconds."""
    return f'{1e3 * delay:.0f} ms' if math.isfinite(delay) else '–'


def print_line(console: Console, words: str) -> None:
    """Print a line as it is, whatever the width of the terminal."""
    console.print(words, markup=False, highlight=False, soft_wrap=True)
