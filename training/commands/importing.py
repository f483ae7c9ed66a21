"""`pianokpm dataset import`: bring data of others into the data-set format."""

import argparse
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from pianokpm_ros.anatomy import Side
from pianokpm_ros.commands.progress import show_progress

SIDES = {'left': Side.LEFT, 'right': Side.RIGHT}
FORMATS = {
    'pianokpm': 'the PianoKPM release: pickles of two 2D views, keys and envelopes (arrays only are read)',
    'emg2pose': 'HDF5 files of emg2pose: wristband EMG and joint angles (needs requirements/import.txt)',
    'csv': 'pairs of angle_*.csv and exg_*.csv: finger curl and EMG',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer the formats; bags of this project become a data set by `pianokpm dataset build`."""
    formats = parser.add_subparsers(dest='format', required=True, metavar='FORMAT')
    made = {
        n: formats.add_parser(n, help=words, description=words) for n, words in FORMATS.items()
    }
    for one in made.values():
        one.add_argument('source', type=Path, help='folder of the data')
        one.add_argument('-o', '--output', type=Path, required=True, help='new folder')
    for name in ('emg2pose', 'csv'):
        made[name].add_argument(
            '--cutoff', type=float, default=6.0, help='of the envelope [Hz] (%(default)g)'
        )
    made['csv'].add_argument('--subject', default='s01', help='pseudonym (%(default)s)')
    made['csv'].add_argument(
        '--side', choices=SIDES, default='right', help='of the hand (%(default)s)'
    )
    _add_release_arguments(made['pianokpm'])


def _add_release_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--side', choices=SIDES, default='left', help='of the hand (%(default)s)')
    parser.add_argument(
        '--pose-rate', type=float, default=60.0, help='of the views [Hz] (%(default)g)'
    )
    parser.add_argument(
        '--signal-rate',
        type=float,
        help='of EMG and keys [Hz] (found from the numbers of samples)',
    )
    parser.add_argument(
        '--key-range',
        type=float,
        nargs=2,
        metavar=('REST', 'BOTTOM'),
        help='what a key reads at rest and at its bottom (found from the values)',
    )
    parser.add_argument(
        '--image-size',
        type=int,
        nargs=2,
        default=(1920, 1080),
        metavar=('WIDTH', 'HEIGHT'),
        help='of the views [px], which the release does not say (1920 1080)',
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Import, and say what was found."""
    make: Callable = {'pianokpm': _release, 'emg2pose': _emg2pose, 'csv': _pairs}[arguments.format]
    with show_progress(console, {'import': 'importing'}, 'recordings') as report:
        imported = make(arguments, report)
    for note in imported.notes:
        console.print(f'  {note}')
    for split, roles in imported.data.splits.items():
        console.print(f'  split {split}: ' + ', '.join(f'{len(n)} {r}' for r, n in roles.items()))
    console.print(f'{len(imported.data.entries)} recordings in {imported.data.folder}')
    return 0


def _release(arguments: argparse.Namespace, report: Callable):
    from pianokpm_training.importing.pianokpm import PianoKpmSettings, import_pianokpm

    keys = tuple(arguments.key_range) if arguments.key_range else None
    settings = PianoKpmSettings(
        SIDES[arguments.side],
        arguments.pose_rate,
        arguments.signal_rate,
        keys,
        tuple(arguments.image_size),
    )
    return import_pianokpm(arguments.source, arguments.output, settings, report)


def _emg2pose(arguments: argparse.Namespace, report: Callable):
    from pianokpm_training.importing.emg2pose import import_emg2pose

    return import_emg2pose(arguments.source, arguments.output, arguments.cutoff, report)


def _pairs(arguments: argparse.Namespace, report: Callable):
    from pianokpm_training.importing.pairs import import_pairs

    return import_pairs(
        arguments.source,
        arguments.output,
        SIDES[arguments.side],
        arguments.subject,
        arguments.cutoff,
        report,
    )
