"""Progress of long commands: a bar with an ETA on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Report = Callable[..., None]
"""Is told the stage, how much is done, of how much, and, if it likes, a word on it."""

LINE_PERIOD = 5.0
"""A log gets a line this often [s]."""


@contextmanager
def show_progress(
    console: Console, words: Mapping[str, str] | None = None, unit: str = ''
) -> Iterator[Report]:
    """Show the progress of successive stages.

    Args:
        console: where.
        words: what to call each stage, if not as it is called.
        unit: what is counted, in the plural; nothing where it differs.
    """
    words = words or {}
    if not console.is_terminal:
        yield _Lines(console, words, unit)
        return
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn('left'),
        TimeRemainingColumn(),
        TextColumn('{task.fields[word]}', markup=False),
    )
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, int] = {}

        def report(stage: str, done: int, total: int | None, word: str = '') -> None:
            if stage not in tasks:
                for task in tasks.values():
                    bars.stop_task(task)
                tasks[stage] = bars.add_task(words.get(stage, stage), total=total, word='')
            bars.update(tasks[stage], completed=done, total=total, word=word)

        yield report


class _Lines:
    """A line when a stage begins, every few seconds, and when it is done."""

    def __init__(self, console: Console, words: Mapping[str, str], unit: str) -> None:
        self._console, self._words, self._unit = console, words, unit
        self._stage, self._start, self._shown = '', 0.0, 0.0

    def __call__(self, stage: str, done: int, total: int | None, word: str = '') -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._start, self._shown = stage, now, now
        elif now - self._shown < LINE_PERIOD and done != total:
            return
        self._shown = now
        counted = f'{done} of {total} {self._unit}' if total else f'{done} {self._unit}'
        parts = [f'{self._words.get(stage, stage)}: {counted.strip()}']
        if total and done and now > self._start:
            parts.append(f'{(now - self._start) * (total - done) / done:.0f} s left')
        self._console.print(', '.join([*parts, *([word] if word else [])]), highlight=False)
