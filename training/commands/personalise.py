"""`pianokpm personalise`: make the small file that fits a model to one person."""

import argparse
import time
from pathlib import Path

from pianokpm_training.sessions.personal import learn_person, read_recordings, scale_person
from rich.console import Console
from rich.table import Table

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.muscle.bundle import ModelBundle, load_bundle
from pianokpm_ros.muscle.person import Person, save_person
from pianokpm_ros.muscle.person_fit import Fitted
from pianokpm_ros.shares import find_asset

LITTLE, ONE_PIECE = 12.0, 30.0
"""Less than this, or less than that of one piece, has made estimates of other pieces worse (docs/person.md) [s]."""


class UsageError(PianokpmError, ValueError):
    """Options contradict each other."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument(
        'sources',
        nargs='*',
        type=Path,
        metavar='SOURCE',
        help='bags, recordings of a data set, or data sets, with poses and EMG of one person',
    )
    parser.add_argument('-o', '--output', type=Path, required=True, help='file to write (.json)')
    parser.add_argument(
        '--model', type=Path, metavar='DIR', help='model (default: the shipped one)'
    )
    parser.add_argument('--subject', default='', help='person of a data set with several')
    parser.add_argument('--name', default='', help='pseudonym in the file (default: the subject)')
    parser.add_argument(
        '--lookahead', type=float, metavar='S', help="to fit at (default: the model's)"
    )
    parser.add_argument(
        '--scale',
        nargs='+',
        default=[],
        metavar='MUSCLE=FACTOR',
        help="without EMG: the part of the person's MVC that the model's 1.0 stands for, of every muscle",
    )


def run(arguments: argparse.Namespace) -> int:
    """Fit, write, and say what held-out time says."""
    console = Console(highlight=False)
    if bool(arguments.sources) == bool(arguments.scale):
        raise UsageError('name recordings with EMG, or give --scale: one of the two')
    bundle = load_bundle(arguments.model or find_asset('models/small'))
    if arguments.scale:
        person = scale_person(bundle, _read_scale(arguments.scale), arguments.name or 'unnamed')
    else:
        recordings = read_recordings(arguments.sources, arguments.subject)
        begin = time.perf_counter()
        person, fitted = learn_person(recordings, bundle, arguments.name, arguments.lookahead)
        _print_fit(bundle, fitted, time.perf_counter() - begin, console)
        for words in advise(fitted, len(person.fit['recordings'])):
            console.print(f'[bold]careful[/bold]: {words}')
    save_person(person, arguments.output)
    _print_use(person, arguments.output, console)
    return 0


def _read_scale(words: list[str]) -> dict[str, float]:
    try:
        pairs = [word.split('=') for word in words]
        return {muscle: float(factor) for muscle, factor in pairs}
    except ValueError:
        raise UsageError(
            f'--scale {" ".join(words)}: write MUSCLE=FACTOR, such as ADM=0.8'
        ) from None


def advise(fitted: Fitted, recordings: int) -> list[str]:
    """Say what is too little to learn a person from, though it can be done."""
    words = []
    if fitted.seconds < LITTLE:
        words.append(
            f'{fitted.seconds:.0f} s is little; {LITTLE:.0f} s or more are safer, a minute is good'
        )
    if recordings == 1 and fitted.seconds < ONE_PIECE:
        words.append(
            'all of it is one piece, and muscles differ from piece to piece: add other playing'
        )
    return words


def _print_fit(bundle: ModelBundle, fitted: Fitted, took: float, console: Console) -> None:
    table = Table('muscle', 'RMSE before', 'after', title='on held-out time', box=None)
    for muscle, before, after in zip(bundle.muscle, fitted.before, fitted.after, strict=True):
        table.add_row(muscle, *('-' if v != v else f'{v:.4f}' for v in (before, after)))
    console.print(table)
    console.print(
        f'learned from {fitted.seconds:.0f} s in {took:.1f} s; kind of map: {fitted.kind}'
    )
    if fitted.kind == 'none':
        console.print(
            'no map was better than the model alone: the file changes nothing but the deviation'
        )


def _print_use(person: Person, path: Path, console: Console) -> None:
    console.print(
        f'{path}: {person.name}, for {person.model_id}, fractions of {person.normalization.name}'
    )
    console.print(
        f'use it: pianokpm up --person {path} ...; pianokpm estimate --person {path} ...',
        soft_wrap=True,
    )
    if person.fit.get('simulated'):
        console.print('[bold]learned from simulated EMG[/bold]: of no real person')
