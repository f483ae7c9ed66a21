"""`pianokpm recover`: make a closed bag of one that was broken off or damaged."""

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from pianokpm_ros.commands.console import make_console
from pianokpm_ros.recording.layout import find_bag
from pianokpm_ros.recording.recovery import Recovery, recover_bag
from pianokpm_ros.recording.salvage import Damage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for the bag and where to put the new one."""
    parser.add_argument(
        'bag',
        type=Path,
        nargs='+',
        help='bag or result folder, .mcap or .db3 file, or several parts of one session in order; none is changed',
    )
    parser.add_argument(
        '-o', '--output', type=Path, help='folder of the new bag (default: first BAG_recovered)'
    )
    parser.add_argument(
        '--namespace',
        default='',
        metavar='X',
        help='of a bag in which several rigs were recorded: keep the one in this namespace (/ = in none)',
    )


def run(arguments: argparse.Namespace) -> int:
    """Recover and say what was lost."""
    console = make_console()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task('reading', total=None)
        made = recover_bag(
            [find_bag(path) for path in arguments.bag],
            arguments.output,
            lambda n: bar.update(task, description=f'reading: {n} messages'),
            arguments.namespace,
        )
    _print(console, made)
    return 0


def _print(console: Console, made: Recovery) -> None:
    table = Table('file', 'messages', 'state', box=None)
    for name, damage in made.damage.items():
        table.add_row(Path(name).name, str(damage.messages), describe(damage))
    console.print(table)
    if made.unknown:
        console.print(
            f'{made.unknown} messages are of types that are not known here and were left out'
        )
    if made.others:
        console.print(f'{made.others} messages of rigs in other namespaces were left out')
    if made.copied:
        console.print(f'taken along: {", ".join(made.copied)}')
    console.print(
        f'{made.total} messages of {len(made.counts)} topics are in {made.path}', soft_wrap=True
    )


def describe(damage: Damage) -> str:
    """Say in words what is wrong with a file."""
    words = []
    if damage.unfinished:
        words.append('was not closed')
    if damage.truncated:
        words.append('ends within a message')
    if damage.places:
        words.append(f'{damage.skipped} bytes in {damage.places} places are no messages')
    if damage.crc:
        words.append('some message changed on the disk (checksum)')
    return '; '.join(words) or 'whole'
