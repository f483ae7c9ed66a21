"""`pianokpm train`: make a muscle model from simulated pianists."""

import argparse
import os
from pathlib import Path
from typing import Any

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.errors import PianokpmError

EXTRA = "pip install -r requirements/training.txt (or 'pianokpm[training]')"


class TrainingMissing(PianokpmError, ImportError):
    """What training needs is not installed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('out/models/small'),
        help='folder of the new model (%(default)s)',
    )
    parser.add_argument(
        '--work', type=Path, help='folder to go on from after an interruption (beside the model)'
    )
    parser.add_argument('--config', type=Path, help='YAML file of settings, `name: value` lines')
    parser.add_argument(
        '--mini', action='store_true', help='everything, tiny, in less than a minute: a test'
    )
    parser.add_argument('--name', help='of the model (small)')
    parser.add_argument('--seed', type=int, help='of everything drawn by chance (1)')
    parser.add_argument('--persons', type=int, help='virtual persons to learn from (48)')
    parser.add_argument('--steps', type=int, help='of the optimiser (2500)')
    parser.add_argument(
        '--workers',
        type=int,
        default=os.cpu_count() or 1,
        help='processes that simulate (%(default)s)',
    )


def run(arguments: argparse.Namespace) -> int:
    """Train, and print the scores."""
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise TrainingMissing(
            f'asked to train, but {error.name} is not installed; install the training extra: {EXTRA}'
        ) from error
    from pianokpm_training.model.pipeline import train
    from pianokpm_training.model.settings import MINI, load_settings

    flags = {n: getattr(arguments, n) for n in ('name', 'seed', 'persons', 'steps')}
    mini = MINI if arguments.mini else {}
    settings = load_settings(arguments.config, **(mini | {k: v for k, v in flags.items() if v}))
    work = arguments.work or arguments.out.with_name(f'.{arguments.out.name}.work')
    try:
        with _Bars() as bars:
            scores = train(settings, arguments.out, work, bars, arguments.workers)
    except KeyboardInterrupt:
        print(f'stopped; the same command goes on from {work}')
        raise
    print(_table(scores))
    print(f'model written to {arguments.out}; it learned from simulated muscles only')
    return 0


class _Bars:
    """A progress bar for each stage."""

    def __enter__(self) -> '_Bars':
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        self._progress = Progress(
            TextColumn('{task.description:9}'),
            BarColumn(),
            MofNCompleteColumn(),
            Remaining(),
            TextColumn('{task.fields[word]}'),
        )
        self._tasks: dict[str, Any] = {}
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, stage: str, done: int, total: int, word: str) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total, word='')
        self._progress.update(self._tasks[stage], completed=done, word=word)


def _table(scores: dict[str, Any]) -> str:
    columns = (('r', 'model', 'r'), ('ridge', 'ridge', 'r'), ('ceiling', 'ceiling', 'r'))
    columns += (('RMSE', 'model', 'rmse'), ('ridge', 'ridge', 'rmse'), ('mean', 'mean', 'rmse'))
    columns += (('NRMSE', 'model', 'nrmse'),)
    coverage = scores['model'].get('coverage', {})
    head = ['muscle', *(c[0] for c in columns), *(f'in {100 * float(k):.0f} %' for k in coverage)]
    rows = [head]
    for muscle in MUSCLES:
        values = [scores[who][what][muscle] for _, who, what in columns]
        values += [by[muscle] for by in coverage.values()]
        rows.append([muscle, *('-' if v is None else f'{v:.3f}' for v in values)])
    lines = [' '.join(f'{cell:>8}' for cell in row) for row in rows]
    words = f'{scores["persons"]} virtual persons held out, look-ahead {scores["lookahead"]:g} s'
    return '\n'.join([words, *lines])
