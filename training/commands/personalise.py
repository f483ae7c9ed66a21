"""`pianokpm personalise`: make the small file that fits a model to one person, and tell what it brings."""

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import Recording
from pianokpm_training.sessions.gain import BLOCK, Gain, check_foreign, measure_gain
from pianokpm_training.sessions.personal import (
    fingerprint,
    learn_person,
    read_recordings,
    scale_person,
)
from rich.console import Console
from rich.table import Table

from pianokpm_ros.commands.console import make_console
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.muscle.bundle import ModelBundle, load_bundle
from pianokpm_ros.muscle.person import Person, load_person, save_person
from pianokpm_ros.muscle.person_fit import Fitted
from pianokpm_ros.outputs import check_output
from pianokpm_ros.shares import find_asset

FloatArray = NDArray[np.floating]

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
    parser.add_argument('-o', '--output', type=Path, help='file to write (.json)')
    parser.add_argument('--replace', action='store_true', help='write over an existing file')
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
    parser.add_argument(
        '--check',
        nargs='+',
        default=[],
        type=Path,
        metavar='OTHER',
        help='other recordings of the same person: print RMSE and r there, without and with the file',
    )
    parser.add_argument(
        '--person', type=Path, metavar='FILE', help='check this file instead of making one'
    )


def run(arguments: argparse.Namespace) -> int:
    """Fit, write, and say what held-out time and other recordings say."""
    console = make_console()
    _refuse_contradictions(arguments)
    bundle = load_bundle(arguments.model or find_asset('models/small'))
    others = read_recordings(arguments.check, arguments.subject)
    if arguments.person:
        person = load_person(arguments.person)
    else:
        person = _make(arguments, bundle, others, console)
    if others:
        _print_gain(
            person, bundle, measure_gain(person, others, bundle, arguments.lookahead), console
        )
        _warn_of_others(person, others, console)
    if not arguments.person:
        save_person(person, arguments.output)
        _print_use(person, arguments.output, console)
    return 0


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    if sum(map(bool, (arguments.sources, arguments.scale, arguments.person))) != 1:
        raise UsageError(
            'name recordings with EMG, or give --scale, or --person FILE with --check: one of the three'
        )
    if arguments.person and not arguments.check:
        raise UsageError(f'{arguments.person} is there already: say what to --check it on')
    if bool(arguments.output) == bool(arguments.person):
        raise UsageError(
            'say where to write with -o FILE; with --person nothing is written, leave -o out'
        )
    if arguments.output:
        check_output(arguments.output, arguments.replace)


def _make(
    arguments: argparse.Namespace,
    bundle: ModelBundle,
    others: list[Recording],
    console: Console,
) -> Person:
    """Fit to recordings, or take the scale."""
    if arguments.scale:
        return scale_person(bundle, _read_scale(arguments.scale), arguments.name or 'unnamed')
    recordings = read_recordings(arguments.sources, arguments.subject)
    known = [f for r in recordings for f in fingerprint(r)]
    check_foreign(others, known, arguments.name or recordings[0].info.subject)
    begin = time.perf_counter()
    person, fitted = learn_person(recordings, bundle, arguments.name, arguments.lookahead)
    _print_fit(bundle, fitted, time.perf_counter() - begin, console)
    for words in advise(fitted, len(person.fit['recordings'])):
        console.print(f'careful: {words}')
    return person


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
    if round(fitted.seconds) < LITTLE:
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


def _print_gain(person: Person, bundle: ModelBundle, gain: Gain, console: Console) -> None:
    table = Table(
        'muscle', 'RMSE before', 'after', 'r before', 'after',
        title=f'on {len(gain.recordings)} other recording(s), {gain.seconds:.0f} s', box=None,
    )  # fmt: skip
    rows = [*zip(bundle.muscle, *gain.rmse, *gain.r, strict=True)]
    means = [_mean(values) for values in (*gain.rmse, *gain.r)]
    for name, *values in [*rows, ('mean', *means)]:
        shown = (
            '-' if v != v else f'{v:.{digits}f}'
            for v, digits in zip(values, (4, 4, 2, 2), strict=True)
        )
        table.add_row(name, *shown)
    console.print(table)
    low, high = gain.interval
    sure = (
        f'95 % {low:+.0%} to {high:+.0%}, by blocks of {BLOCK / 100:g} s'
        if low == low
        else 'too short for an interval'
    )
    console.print(f'mean RMSE of {person.name}: {gain.change:+.0%} ({sure})', soft_wrap=True)
    if low <= 0 <= high:
        console.print('so it is not sure that the file helps')
    if gain.simulated:
        console.print('checked on simulated EMG: of no real person', style='bold')


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float('nan')


def _warn_of_others(person: Person, others: list[Recording], console: Console) -> None:
    """Say what can't be known from the file: whether it is the same person, and really other recordings."""
    subject = person.fit.get('subject')
    strangers = sorted({r.info.subject for r in others} - {subject})
    if subject and strangers:
        console.print(f'careful: fitted to {subject}, checked on {", ".join(strangers)}')
    same = sorted({r.info.name for r in others} & set(person.fit.get('recordings', ())))
    if same:
        console.print(
            f'careful: fitted to recordings of the same names ({", ".join(same)}), as each session has; were they the '
            'same ones, with poses found anew, these figures would be too good',
            soft_wrap=True,
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
        console.print('learned from simulated EMG: of no real person', style='bold')
