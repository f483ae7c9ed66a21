"""`pianokpm simulate`: a data set of virtual pianists, or the report on how plausible they are."""

import argparse
import os
from pathlib import Path

from pianokpm_ros.commands.console import make_console
from pianokpm_ros.commands.progress import show_progress
from pianokpm_ros.errors import PianokpmError

LABEL = 'Everything in it is simulated: plausible, never the truth of a person.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer the size of the data set, or the report."""
    parser.add_argument('out', type=Path, help='folder to make, or to go on with')
    parser.add_argument(
        '--small', action='store_true', help='3 people, 10 s of each task, one take'
    )
    parser.add_argument('--people', type=int, default=None, help='virtual pianists (default 20)')
    parser.add_argument(
        '--seconds', type=float, default=None, help='of each person and task (default 60)'
    )
    parser.add_argument('--trials', type=int, default=None, help='takes these are (default 3)')
    parser.add_argument(
        '--tasks',
        nargs='+',
        default=None,
        metavar='TASK',
        help='default: the seven of docs/dataset.md; `phrases` are made up, to learn from',
    )
    parser.add_argument('--rate', type=float, default=60.0, help='poses a second (default 60)')
    parser.add_argument('--seed', type=int, default=1, help='another seed, other people and music')
    parser.add_argument(
        '--midi', nargs='+', default=(), metavar='FILE', help='MIDI files for the task `pieces`'
    )
    parser.add_argument('--workers', type=int, default=None, help='processes (default: all cores)')
    parser.add_argument(
        '--report',
        action='store_true',
        help='write OUT/report.html on how plausible the first takes are, instead of making data',
    )


def run(arguments: argparse.Namespace) -> int:
    """Make the data set or the report."""
    from pianokpm_training.simulation.requirements import require

    for name in ('mujoco', 'myo_sim', 'mink', 'daqp'):
        require(name)
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    if arguments.workers is not None and arguments.workers < 1:
        raise PianokpmError(f'asked for {arguments.workers} processes; at least 1 is needed')
    return _report(arguments) if arguments.report else _make(arguments)


def _order(arguments: argparse.Namespace):
    from pianokpm_training.simulation.make import Order
    from pianokpm_training.simulation.tasks import TASKS

    people, seconds, trials = (3, 10.0, 1) if arguments.small else (20, 60.0, 3)
    return Order(
        arguments.seed,
        arguments.people if arguments.people is not None else people,
        tuple(arguments.tasks or TASKS),
        arguments.seconds if arguments.seconds is not None else seconds,
        arguments.trials if arguments.trials is not None else trials,
        arguments.rate,
        tuple(str(Path(m).resolve()) for m in arguments.midi),
    )


def _make(arguments: argparse.Namespace) -> int:
    from pianokpm_training.simulation.make import make_data

    console, order = make_console(), _order(arguments)
    try:
        with show_progress(console, {'takes': 'takes simulated'}, 'takes') as report:
            data, progress = make_data(
                order,
                arguments.out,
                arguments.workers,
                lambda p: report('takes', p.done, p.total),
            )
    except KeyboardInterrupt:
        console.print(f'stopped; the same command goes on with {arguments.out}')
        raise
    console.print(
        f'{len(data.entries)} recordings in {arguments.out}: {data.description}. {LABEL}',
        highlight=False,
        soft_wrap=True,
    )
    if progress.made:
        console.print(speed_table(progress), highlight=False)
    return 0


def speed_table(progress) -> str:
    """Say how fast it was, and where the time went: processor seconds a simulated second of both hands."""
    lines = [
        f'{progress.made:.0f} s simulated (both hands) in {progress.wall:.0f} s: '
        f'{progress.made / progress.wall:.2f} simulated s/s',
        f'{"processor time by stage":28s}{"ms a simulated s":>18s}',
    ]
    rows = sorted(progress.stages.items(), key=lambda item: -item[1])
    lines += [f'{stage:28s}{1e3 * value / progress.made:18.1f}' for stage, value in rows]
    total = sum(progress.stages.values())
    lines.append(f'{"all":28s}{1e3 * total / progress.made:18.1f}')
    return '\n'.join(lines)


def _report(arguments: argparse.Namespace) -> int:
    from pianokpm_training.simulation.report import write_report

    console = make_console()
    with show_progress(console, {'takes': 'takes looked at'}, 'takes') as report:
        path, tables = write_report(
            arguments.out,
            _order(arguments),
            arguments.workers,
            lambda done, total: report('takes', done, total),
        )
    for table in tables:
        print('\n'.join(table.lines()), end='\n\n')
    console.print(f'report: {path}. {LABEL}', highlight=False, soft_wrap=True)
    return 0
