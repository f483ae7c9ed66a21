"""`pianokpm train`: make a muscle model from the recordings of a data set."""

import argparse
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pianokpm_ros.commands.console import make_console
from pianokpm_ros.commands.progress import Report, show_progress
from pianokpm_ros.errors import PianokpmError

EXTRA = "pip install -r requirements/training.txt (or 'pianokpm[training]')"


class TrainingMissing(PianokpmError, ImportError):
    """What training needs is not installed."""


def need_training() -> None:
    """Refuse, with what to install, where training can't work."""
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise TrainingMissing(
            f'this needs {error.name}, which is not installed; install the training extra: {EXTRA}'
        ) from error


def speaks() -> bool:
    """Tell whether this process is the one of several that speaks."""
    return os.environ.get('RANK', '0') == '0'


def show_stages() -> AbstractContextManager[Report]:
    """Show the progress of stages; silent in the followers of a run of several processes."""
    return show_progress(make_console(quiet=not speaks()))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        'data',
        type=Path,
        nargs='+',
        help='folders of data sets to learn from together (docs/dataset.md)',
    )
    parser.add_argument(
        '--config',
        type=Path,
        help='YAML file of settings, or the name of one that ships: mini, full (full)',
    )
    parser.add_argument(
        '-o', '--out', type=Path, help='folder of the new model (out/models/ and its name)'
    )
    parser.add_argument(
        '--work', type=Path, help='folder to go on from after an interruption (beside the model)'
    )
    parser.add_argument(
        '--others',
        type=Path,
        metavar='DATA',
        help='data set of other persons, on whom the deviation is made true (the role validation)',
    )
    parser.add_argument(
        '--more',
        type=Path,
        nargs='+',
        default=(),
        metavar='DATA',
        help='data sets to learn from whole, whatever their split; without tasks kept to test on',
    )
    parser.add_argument('--name', help='of the model')
    parser.add_argument('--seed', type=int, help='of everything drawn by chance')
    parser.add_argument('--split', help='of the data sets, with roles train and validation')
    parser.add_argument('--steps', type=int, help='of the optimiser, at most')
    parser.add_argument('--device', choices=('cpu', 'cuda', 'auto'))
    parser.add_argument('--precision', choices=('float32', 'bfloat16'))
    parser.add_argument('--tensorboard', action='store_true', default=None)
    parser.add_argument(
        '--workers',
        type=int,
        default=os.cpu_count() or 1,
        help='processes that prepare recordings (%(default)s)',
    )


def describe_muscles(training: Mapping[str, Any]) -> str:
    """Say whose muscles a model learned from."""
    if not training['simulated']:
        return 'measured muscles'
    return 'simulated and measured muscles' if training['measured'] else 'simulated muscles only'


def run(arguments: argparse.Namespace) -> int:
    """Train, and say where the model is."""
    need_training()
    from pianokpm_training.datasets.collection import open_data
    from pianokpm_training.model.pipeline import train
    from pianokpm_training.model.settings import find_config, load_settings

    flags = ('name', 'seed', 'split', 'steps', 'device', 'precision', 'tensorboard')
    settings = load_settings(
        find_config(arguments.config or Path('full')), **{n: getattr(arguments, n) for n in flags}
    )
    out = arguments.out or Path('out/models') / settings.name
    work = arguments.work or out.with_name(f'.{out.name}.work')
    try:
        with show_stages() as bars:
            model = train(
                [open_data(folder) for folder in arguments.data],
                settings,
                out,
                work,
                bars,
                arguments.workers,
                open_data(arguments.others) if arguments.others else None,
                [open_data(folder) for folder in arguments.more],
            )
    except KeyboardInterrupt:
        print(f'stopped; the same command goes on from {work}')
        raise
    if not speaks():
        return 0
    training, scores = model.training, model.scores
    print(
        f'{training["steps"]} steps in {training["seconds"]} s on {training["hardware"]}; '
        f'validation CRPS {scores.get("validation_crps", "unknown")}'
    )
    if training['left_out']:
        print(
            f'left out, without poses or EMG: {training["left_out"]} of the recordings to learn from'
        )
    kind = describe_muscles(training)
    print(f'model written to {out}; it learned from {kind}. Score it: pianokpm evaluate')
    return 0
