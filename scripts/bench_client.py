"""Measure the client: reactions to real faults in milliseconds, and a million random message sequences.

Usage: make bench-client, or: python scripts/bench_client.py [--sequences N] [--seed S] [--no-faults]
"""

import argparse
import math
import multiprocessing
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pianokpm_ros.anatomy import MUSCLES, Side, Status
from pianokpm_ros.client import ActivityGuard, ClientOptions, Command, Fault, State
from pianokpm_ros.client.conformance import find_breach
from pianokpm_ros.records import Inputs, MuscleActivity, Normalization
from test.client.streams import EPOCH, PERIOD

FAULTS = {
    'SIGKILL': ('none', signal.SIGKILL),
    'SIGSTOP': ('none', signal.SIGSTOP),
    'NaN in every message': ('nan', signal.SIGUSR1),
    'confidence drops to 0.05': ('confidence', signal.SIGUSR1),
    'clock jumps 5 s ahead': ('jump', signal.SIGUSR1),
    '10 % of messages lost': ('drop', signal.SIGUSR1),
}
"""Name: fault of the publisher, signal that begins it."""

SECOND = 1_000_000_000
ODD = (math.nan, math.inf, -math.inf, 1e38, -1.0, 5.0, -0.0)
BATCH = 2000
NONE = np.zeros((0, len(MUSCLES)), np.float32)
OPTIONS = ClientOptions(recovery_count=2, recovery=0.03, rise=30.0)
"""Quick to recover, so that short sequences reach every state."""


@dataclass(frozen=True)
class Batch:
    """What came out of some random sequences: breaches in words, commands by state, largest value."""

    breaches: list[str]
    states: Counter[str]
    largest: float

    def join(self, other: 'Batch') -> 'Batch':
        """Add another one up."""
        return Batch(
            self.breaches + other.breaches,
            self.states + other.states,
            max(self.largest, other.largest),
        )


def measure_fault(name: str) -> list[str]:
    """Inject one fault into a running publisher; returns the row of the table."""
    from test.client.live import LiveClient, reaction

    fault, number = FAULTS[name]
    with LiveClient() as live:
        live.publish('--fault', fault)
        live.reach(State.ACTIVE)
        injected = live.signal(number)
        live.spin(10.0 if fault == 'drop' else 1.0)
        times = reaction(live.run, injected, live.subscriber.guard.options)
        during = [c for t, c in live.run if t >= injected]
        ended = restore(live, number)
        live.spin(0.05)
        live.reach(State.ACTIVE)
        back = next(t for t, c in live.run if t >= ended and c.state == State.ACTIVE)
        breach = find_breach(live.subscriber.guard.options, live.run)
        row = [name, *(show(times[k]) for k in ('hold', 'zero', 'passive'))]
        lowest = min(max(c.value) for c in during)
        missed = live.subscriber.link.missed
        return [
            *row,
            f'{(back - ended) * 1e-9:.2f}',
            f'{lowest:.2f}',
            str(missed),
            breach or 'none',
        ]


def restore(live: object, number: int) -> int:
    """End a fault; returns when [ns]."""
    if number == signal.SIGKILL:
        live.publish()
        return live.subscriber.steady
    return live.signal(signal.SIGCONT if number == signal.SIGSTOP else signal.SIGUSR2)


def show(seconds: float) -> str:
    """Write [s] as whole milliseconds, a dash for never."""
    return '-' if math.isnan(seconds) else f'{seconds * 1e3:.0f}'


def make_sequence(draw: random.Random) -> list[tuple[int, Command]]:
    """Run one random sequence of messages, events and pauses through a guard."""
    guard, now, stamp, run = ActivityGuard(OPTIONS), 0, EPOCH, []
    chance, bad = draw.random, draw.choice((0.0, 0.05, 0.3))
    for _ in range(draw.randrange(4, 20)):
        now += draw_step(draw) if chance() < bad else PERIOD
        stamp += draw_step(draw) if chance() < bad else PERIOD
        if chance() < bad / 3:
            guard.lose(now) if chance() < 0.5 else guard.refuse(Fault.DEADLINE, now)
        if chance() >= bad:
            guard.push(draw_estimate(draw, bad, stamp), now, draw.choice((None, stamp, now)))
        run.append((now, guard.command(now)))
    return run


def draw_estimate(draw: random.Random, bad: float, stamp: int) -> MuscleActivity:
    """Make an estimate that is more or less wrong."""
    chance = draw.random
    odd = chance() < bad
    values = [draw.choice(ODD) if odd and chance() < 0.2 else chance() for _ in MUSCLES]
    status, confidence, muscle = Status.OK, 1.0, MUSCLES
    if odd:
        status = draw.choice((Status.INVALID, Status.STALE, Status.OK, Status.DEGRADED))
        confidence = draw.choice((*ODD, chance()))
        muscle = MUSCLES[::-1] if chance() < 0.1 else MUSCLES
    rest = (0.0, 1000.0, stamp, NONE, NONE, Normalization.MODEL, 'bench')
    head = (stamp, 'rig', 0, Side.RIGHT, status, Inputs.POSE, muscle, values, values)
    return MuscleActivity(*head, confidence, *rest)


def draw_step(draw: random.Random) -> int:
    """Draw a time step [ns]: mostly small, at times huge or backwards."""
    if draw.random() < 0.6:
        return draw.randrange(0, SECOND // 5)
    return draw.choice((0, SECOND, -SECOND, 3600 * SECOND, -(10**17), 10**17))


def run_batch(task: tuple[int, int]) -> Batch:
    """Run some random sequences with a seed of their own."""
    count, seed = task
    draw, breaches, largest = random.Random(seed), [], 0.0
    states: Counter[str] = Counter()
    for _ in range(count):
        run = make_sequence(draw)
        breach = find_breach(OPTIONS, run)
        breaches += [breach] if breach else []
        states.update(c.state.name for _, c in run)
        largest = max(largest, *(max(c.value) for _, c in run))
    return Batch(breaches, states, largest)


def run_sequences(count: int, seed: int, console: Console) -> int:
    """Run random sequences on all cores; returns how many broke a limit."""
    sizes = [min(BATCH, count - first) for first in range(0, count, BATCH)]
    tasks = [(size, seed * 1_000_003 + i) for i, size in enumerate(sizes)]
    start, whole = time.monotonic(), Batch([], Counter(), 0.0)
    with multiprocessing.Pool() as pool, make_progress(console) as progress:
        results = pool.imap_unordered(run_batch, tasks)
        for batch in progress.track(results, len(tasks), description='random sequences'):
            whole = whole.join(batch)
    for breach in whole.breaches[:10]:
        console.print(f'[red]{breach}')
    console.print(
        f'{count:,} random sequences, {whole.states.total():,} commands in {time.monotonic() - start:.0f} s, '
        f'seed {seed}: {len(whole.breaches)} broke a limit (NaN, range, slope, time-out); '
        f'largest value {whole.largest:.3f}'
    )
    console.print('commands by state: ' + ', '.join(f'{s} {n:,}' for s, n in whole.states.items()))
    return len(whole.breaches)


def make_progress(console: Console) -> Progress:
    """Return a progress bar that tells the time left, silent where nobody watches."""
    return Progress(console=console, disable=not console.is_terminal)


def run_faults(console: Console) -> int:
    """Inject each fault and print the times; returns how many rows broke a limit."""
    o = ClientOptions()
    table = Table(
        title='Faults injected into a publisher process at 60 Hz; times after the last usable estimate'
    )
    limits = [o.hold, o.hold + o.ramp, o.passive_after]
    heads = [
        f'{w} ms (<= {s * 1e3:.0f})'
        for w, s in zip(('hold ends', 'zero', 'passive'), limits, strict=True)
    ]
    for head in (
        'fault',
        *heads,
        'whole again s',
        'lowest value',
        'deadlines missed',
        'limit broken',
    ):
        table.add_column(head)
    rows = [measure_fault(name) for name in FAULTS]
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(
        "A command is asked for each 2 ms: that and the machine's load come on top of the limits."
    )
    return sum(row[-1] != 'none' for row in rows)


def main() -> int:
    """Run what was asked for; 1 where a limit was broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--sequences', type=int, default=1_000_000)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--no-faults', action='store_true', help='random sequences only')
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    broken = 0 if arguments.no_faults else run_faults(console)
    return bool(broken + run_sequences(arguments.sequences, arguments.seed, console))


if __name__ == '__main__':
    sys.exit(main())
