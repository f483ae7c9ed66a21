"""`pianokpm replay`: play a bag again on its topics, or estimate again from it without ROS."""

import argparse
import shutil
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from pianokpm_ros.commands.console import make_console
from pianokpm_ros.commands.hand_arguments import add_hand_arguments, read_hand_settings
from pianokpm_ros.commands.native_log import quiet_native_log
from pianokpm_ros.commands.up import NamedLines, stop_on_signals
from pianokpm_ros.geometry.rig import load_rig
from pianokpm_ros.hands.choice import HandSettings
from pianokpm_ros.muscle.bundle import load_bundle
from pianokpm_ros.muscle.person import load_personal
from pianokpm_ros.outputs import whole_folder
from pianokpm_ros.processes import GraphProcesses
from pianokpm_ros.recording.layout import RIG, find_bag
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.replay.comparison import Difference, compare_estimates, read_tracks
from pianokpm_ros.replay.graph import ReplayOptions, describe_replay, find_rig
from pianokpm_ros.replay.recompute import (
    SOURCES,
    Recomputation,
    read_others,
    recompute,
    write_recomputation,
)
from pianokpm_ros.shares import find_asset

SHIPPED = 'models/small'
AGAIN = ('bag', 'what', 'rig', 'model')
"""What of `ReplayOptions` estimating again without ROS takes too."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer what `ReplayOptions` has, and estimating again."""
    parser.add_argument(
        'bag', help='bag folder or file, or result of `pianokpm estimate` or `demo`'
    )
    for option in fields(ReplayOptions):
        if option.name == 'bag':
            continue
        flag, words = f'--{option.name.replace("_", "-")}', option.metadata['description']
        kind = type(option.default)
        if kind is bool:
            parser.add_argument(
                flag, action=argparse.BooleanOptionalAction, default=option.default, help=words
            )
        elif kind is tuple:
            parser.add_argument(flag, nargs='+', default=(), metavar='X', help=words)
        else:
            choices = option.metadata['choices'] or None
            parser.add_argument(
                flag, type=kind, default=option.default, choices=choices, help=words
            )
    again = parser.add_argument_group('estimate again, without ROS and the same every time')
    again.add_argument(
        '--recompute', metavar='FOLDER', help='write a new bag with new estimates there'
    )
    add_hand_arguments(again)
    again.add_argument(
        '--person', metavar='JSON', help='what `pianokpm personalise` made for the model'
    )
    again.add_argument('--lookahead', type=float, help="of the estimates [s] (default: model's)")
    again.add_argument(
        '--compare', action='store_true', help='draw how the estimates differ from the old ones'
    )


def run(arguments: argparse.Namespace) -> int:
    """Replay until the end or Ctrl-C, or estimate again."""
    _refuse_useless(arguments)
    if arguments.recompute:
        return _recompute(arguments, make_console())
    values = {f.name: getattr(arguments, f.name) for f in fields(ReplayOptions)}
    options = ReplayOptions(
        **{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    )
    nodes = describe_replay(options)
    asked = stop_on_signals()
    with GraphProcesses(nodes, NamedLines([n.name for n in nodes])) as graph:
        graph.wait(lambda: asked() or graph.states['replay_node'].returncode is not None)
        code = graph.states['replay_node'].returncode
    return 130 if asked() else code or 0


def _refuse_useless(arguments: argparse.Namespace) -> None:
    """Refuse options that would be passed over: whoever gives them expects something else of the result."""
    if arguments.recompute:
        useless = [
            f.name
            for f in fields(ReplayOptions)
            if f.name not in AGAIN and getattr(arguments, f.name) != f.default
        ]
        words = '--recompute estimates from all of a bag again, and plays nothing'
    else:
        chosen = {n: getattr(arguments, n) for n in ('compare', 'person', 'lookahead')}
        useless = [n for n, value in chosen.items() if value is not None and value is not False]
        words = 'only new estimates have use for that: add --recompute FOLDER, where they go'
    if useless:
        names = ', '.join(f'--{name.replace("_", "-")}' for name in useless)
        raise RecordingError(f'asked for {names}, which would change nothing: {words}')
    finds_hands = arguments.recompute and arguments.what == 'video'
    if not finds_hands and read_hand_settings(arguments) != HandSettings():
        raise RecordingError(
            'asked to find hands otherwise, which would change nothing: they are found again with --what video '
            '--recompute FOLDER'
        )


def _recompute(arguments: argparse.Namespace, console: Console) -> int:
    bag = str(find_bag(arguments.bag))
    source = arguments.what if arguments.what in SOURCES else 'poses'
    rig = find_rig(bag, arguments.rig) if source != 'poses' else ''
    bundle = load_bundle(Path(arguments.model) if arguments.model else find_asset(SHIPPED))
    bundle = load_personal(bundle, arguments.person)
    hands = read_hand_settings(arguments)
    wanted = Recomputation(
        bundle, source, load_rig(rig) if rig else None, arguments.lookahead, hands=hands
    )
    folder = Path(arguments.recompute)
    if folder.exists():
        raise RecordingError(f'asked to write to {folder}, which exists; name a new folder')
    with quiet_native_log():
        counts, digest = _write(bag, wanted, folder, console)
    words = f'{sum(counts.values())} messages in {folder}, model {bundle.model_id}'
    console.print(words, soft_wrap=True)
    console.print(f'SHA-256 of the estimates: {digest}', soft_wrap=True)
    if arguments.compare:
        _compare(bag, folder, f'now, from {source}: {bundle.model_id}', console)
    return 0


def _write(
    bag: str, wanted: Recomputation, folder: Path, console: Console
) -> tuple[dict[str, int], str]:
    with whole_folder(folder) as part:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(f'estimating again from {wanted.source}', total=None)
            records = bar.track(recompute(bag, wanted), task_id=task)
            made = write_recomputation(records, part, read_others(bag))
        _keep_rig(bag, part)
    return made


def _keep_rig(bag: str, folder: Path) -> None:
    rig = find_rig(bag)
    if rig:
        shutil.copyfile(rig, folder / RIG)


def _compare(bag: str, folder: Path, name: str, console: Console) -> None:
    from pianokpm_ros.view.difference import plot_difference

    old = read_tracks(bag)
    if not old:
        raise RecordingError(f'{bag} has no estimates to compare with; they are only in {folder}')
    old_model = next(iter(old.values())).last.model_id
    for difference in compare_estimates(old, read_tracks(folder)):
        path = folder / f'difference_{difference.side.label}.png'
        if len(difference.stamp):
            plot_difference(difference, (f'recorded: {old_model}', name), path)
        console.print(_table(difference))
        words = f'{difference.both} samples of both, {difference.alone} of only one; {path}'
        console.print(words, soft_wrap=True)


def _table(difference: Difference) -> Table:
    table = Table('muscle', 'RMSE', 'r', title=f'{difference.side.label} hand', box=None)
    rows = zip(difference.muscle, difference.rmse, difference.correlation, strict=True)
    for muscle, error, r in rows:
        table.add_row(muscle, f'{error:.4f}', f'{r:.4f}')
    return table
