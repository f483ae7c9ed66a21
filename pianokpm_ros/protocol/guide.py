"""Walk a person through a session in a terminal; what they do becomes events in the bag."""

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn

from pianokpm_ros.protocol.plan import Plan, Step

Tell = Callable[[str, str, dict[str, Any]], None]
"""Takes an event's action, kind and details."""

TICK = 0.1


class Guide:
    """Asks, counts down, and lets takes be repeated."""

    def __init__(
        self,
        console: Console,
        tell: Tell,
        ask: Callable[[str], str] = input,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set up.

        Args:
            console: where to show things.
            tell: records an event.
            ask: shows a question and returns the answer.
            wait: waits so many seconds.
        """
        self._console, self._tell, self._ask, self._wait = console, tell, ask, wait
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
                f'Electrodes of the {plan.side} hand, by channel:\n{electrodes}', title=plan.name
            )
        )
        subject = self._ask('Pseudonym of the person, such as p07 (never a name): ').strip()
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

    def _show(self, step: Step, number: int, count: int) -> None:
        length = f'{step.seconds:g} s' if step.seconds else 'until you press Enter'
        self._console.print(
            Panel(f'{step.words}\n[dim]{length}[/dim]', title=f'{number}/{count}  {step.title}')
        )

    def _take(self, step: Step) -> None:
        while True:
            self._tell('begin', step.kind, dict(step.details))
            self._last(step)
            self._tell('end', step.kind, {})
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
