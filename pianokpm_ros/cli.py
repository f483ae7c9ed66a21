"""The `pianokpm` command: one subcommand a module, imported only when it is used."""

import argparse
import errno
import importlib
import logging
import signal
import sys
import threading
from collections.abc import Sequence

from pianokpm_ros.errors import PianokpmError

COMMANDS = {
    'demo': ('pianokpm_ros.commands.demo', 'run the node graph on the take that ships with it'),
    'up': ('pianokpm_ros.commands.up', 'start the node graph without a launch system'),
    'view': (
        'pianokpm_ros.commands.view',
        'look at a running graph, or at a recording, in a browser',
    ),
    'record': ('pianokpm_ros.commands.record', 'record a graph that runs already'),
    'estimate': ('pianokpm_ros.commands.estimate', 'estimate from videos, without ROS'),
    'calibrate': (
        'pianokpm_ros.commands.calibrate',
        'calibrate cameras with a printed board or by the keys of the piano',
    ),
    'personalise': (
        'pianokpm_training.commands.personalise',
        'fit the model to one person: a small file from a minute of EMG, or an MVC scale',
    ),
    'report': ('pianokpm_ros.commands.report', 'one HTML file about a recording, or two compared'),
    'replay': ('pianokpm_ros.commands.replay', 'play a bag again, or estimate again from it'),
    'dataset': (
        'pianokpm_training.commands.dataset',
        'make a data set of recordings or import one, look at it, export it',
    ),
    'recover': ('pianokpm_ros.commands.recover', 'make a closed bag of one that was broken off'),
    'studio': (
        'pianokpm_training.commands.studio',
        'film simulated performances with virtual cameras (needs the training extra)',
    ),
    'simulate': (
        'pianokpm_training.commands.simulate',
        'make a data set of virtual pianists (needs the simulation extra)',
    ),
    'train': (
        'pianokpm_training.commands.train',
        'make a muscle model from a data set (needs the training extra)',
    ),
    'evaluate': (
        'pianokpm_training.commands.evaluate',
        'score models and baselines on what they have not seen (needs the training extra)',
    ),
    'export': (
        'pianokpm_training.commands.export',
        'write a model bundle with its card (needs the training extra)',
    ),
}
"""Name of each subcommand: its module, which has `add_arguments(parser)` and `run(arguments)`, and what it does."""

INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    """Describe the command and its subcommands, without importing them."""
    parser = argparse.ArgumentParser(
        prog='pianokpm',
        description="Estimate, live, how active a pianist's hand muscles are from camera views.",
    )
    parser.add_argument('-v', '--verbose', action='store_true', help='log more')
    commands = parser.add_subparsers(dest='command', metavar='COMMAND', required=True)
    for name, (_, words) in COMMANDS.items():
        commands.add_parser(
            name, help=words, description=words[0].upper() + words[1:], add_help=False
        )
    return parser


def end_cleanly() -> None:
    """Let `kill` and a closed terminal end a command as Ctrl-C does; what is ignored, as nohup does, stays ignored."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        ours = threading.current_thread() is threading.main_thread()  # others may not
        if ours and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def check_names(arguments: Sequence[str], encoding: str) -> None:
    """Refuse words that some library could not open as a path, or would take for another one.

    Args:
        arguments: of the command.
        encoding: of file names, as the locale has it.
    """
    for word in arguments:
        shown = word.encode(errors='surrogateescape').decode(errors='backslashreplace')
        if encoding != 'utf-8' and not word.isascii():
            raise PianokpmError(
                f'asked for {shown!r}, but the locale names files in {encoding}; '
                'set a UTF-8 one, such as LC_ALL=C.UTF-8, or PYTHONUTF8=1'
            )
        if any('\ud800' <= sign <= '\udfff' for sign in word):
            raise PianokpmError(f'asked for {shown}, which is no UTF-8; give it another name')


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code: 0 done, 1 impossible as asked, 2 wrong usage, 130 interrupted."""
    parser, arguments = build_parser(), sys.argv[1:] if arguments is None else arguments
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    known, rest = parser.parse_known_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if known.verbose else logging.WARNING,
        format='%(levelname)s %(name)s: %(message)s',
    )
    module, words = COMMANDS[known.command]
    end_cleanly()
    try:
        check_names(rest, sys.getfilesystemencoding())
        command = importlib.import_module(module)
        parser = argparse.ArgumentParser(
            prog=f'pianokpm {known.command}', description=words[0].upper() + words[1:] + '.'
        )
        command.add_arguments(parser)
        return int(command.run(parser.parse_args(rest)) or 0)
    except PianokpmError as error:
        print(f'pianokpm {known.command}: {error}', file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno == errno.ENOSPC and error.filename is None:
            words = 'the disk is full; make room, or write to another one'
            print(f'pianokpm {known.command}: {words}', file=sys.stderr)
            return 1
        # Files that can't be read or written are the user's to mend; anything else is ours.
        if error.filename is None or known.verbose:
            raise
        print(
            f'pianokpm {known.command}: asked for {error.filename}: {error.strerror}; check the path, the rights '
            'and the space on the disk',
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(f'pianokpm {known.command}: interrupted', file=sys.stderr)
        return INTERRUPTED


if __name__ == '__main__':
    sys.exit(main())
