"""Walk a person through a session in a terminal; what they do becomes events in the bag."""

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from pianokpm_ros.protocol.plan import Plan, Step
from pianokpm_ros.protocol.streams import StreamLine
from pianokpm_ros.recording.events import PSEUDONYM

Tell = Callable[[str, str, dict[str, Any]], None]
"""Takes an event's action, kind and details."""

TICK = 0.1
LISTEN = 2.0
"""How long is listened to what arrives before it is judged [s]."""


class Guide:
    """Asks, counts down, and lets takes be repeated."""

    def __init__(
        self,
        console: Console,
        tell: Tell,
        ask: Callable[[str], str] = input,
        wait: Callable[[float], None] = time.sleep,
        look: Callable[[], list[StreamLine]] = list,
    ) -> None:
        """Set up.

        Args:
            console: where to show things.
            tell: records an event.
            ask: shows a question and returns the answer.
            wait: waits so many seconds.
            look: tells what has arrived since it was called last.
        """
        self._console, self._tell, self._ask, self._wait = console, tell, ask, wait
        self._look = look
        self.done = self.repeated = self.skipped = 0

    def run(self, plan: Plan) -> bool:
        """Go through all steps; tells whether the person came to the end."""
        if not self._welcome(plan):
            return False
        for number, step in enumerate(plan.steps, 1):
            self._show(step, number, len(plan.steps))
            answer = self._ask('Enter = begin, s = skip, q = end the session: ').strip().lower()
            if answer == 'q':
                return False
            if answer == 's':
                self.skipped += 1
                continue
            self._take(step)
        return True

    def _welcome(self, plan: Plan) -> bool:
        electrodes = '\n'.join(f'  {i}  {n}' for i, n in enumerate(plan.electrodes, 1))
        self._console.print(
            Panel(
                Text(f'Electrodes of the {plan.side} hand, by channel:\n{electrodes}'),
                title=Text(plan.name),
            )
        )
        if not self._check_streams():
            return False
        subject = self._ask_subject()
        if self._ask('Does each electrode lie as listed? Enter = yes, q = end: ').strip() == 'q':
            return False
        details = {
            'subject': subject,
            'side': plan.side,
            'protocol': plan.name,
            'electrodes': list(plan.electrodes),
        }
        self._tell('session', '', details)
        return True

    def _check_streams(self) -> bool:
        """Show what arrives until it is as it should be, or is good enough for the person."""
        while True:
            self._look()
            self._wait(LISTEN)
            lines = self._look()
            self._print_lines(lines)
            if all(line.fine for line in lines):
                return True
            words = (
                'Not all is as it should be. Enter = look again, c = go on all the same, q = end: '
            )
            answer = self._ask(words).strip().lower()
            if answer in ('c', 'q'):
                return answer == 'c'

    def _print_lines(self, lines: list[StreamLine]) -> None:
        for line in lines:
            mark = ('ok   ', 'green') if line.fine else ('WRONG', 'red')
            self._console.print(Text.assemble('  ', mark, f' {line.stream}: {line.words}'))

    def _ask_subject(self) -> str:
        while True:
            said = self._ask('Pseudonym of the person, such as p07 (never a name): ').strip()
            if PSEUDONYM.fullmatch(said):
                return said
            self._console.print(
                '  p, s or sub and a number, such as p07, so that nobody is known by it'
            )

    def _show(self, step: Step, number: int, count: int) -> None:
        length = f'{step.seconds:g} s' if step.seconds else 'until you press Enter'
        self._console.print(
            Panel(
                Text.assemble(step.words, '\n', (length, 'dim')),
                title=Text(f'{number}/{count}  {step.title}'),
            )
        )

    def _take(self, step: Step) -> None:
        while True:
            self._look()
            self._tell('begin', step.kind, dict(step.details))
            self._last(step)
            self._tell('end', step.kind, {})
            self._print_lines([line for line in self._look() if line.matters(step.kind)])
            answer = self._ask('Enter = good, r = repeat: ').strip().lower()
            if answer != 'r':
                self.done += 1
                return
            self._tell('discard', step.kind, {})
            self.repeated += 1

    def _last(self, step: Step) -> None:
        if not step.seconds:
            self._ask('recording ... Enter = done: ')
            return
        columns = (
            TextColumn('{task.description}'),
            BarColumn(),
            TextColumn('{task.fields[left]}'),
        )
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task('now', total=step.seconds, left='')
            left = step.seconds
            while left > 1e-9:
                part = min(TICK, left)
                self._wait(part)
                left -= part
                bar.update(task, advance=part, left=f'{left:.1f} s')
