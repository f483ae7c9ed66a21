"""`pianokpm estimate`: from videos, or a take, to poses and muscle activity, without ROS."""

import argparse
from dataclasses import replace
from pathlib import Path

from pianokpm_ros.commands.console import make_console
from pianokpm_ros.commands.hand_arguments import add_hand_arguments, read_hand_settings
from pianokpm_ros.commands.native_log import quiet_native_log
from pianokpm_ros.commands.progress import show_progress
from pianokpm_ros.commands.summary_text import print_summary
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.keyboard.key_player import load_keys
from pianokpm_ros.keyboard.key_samples import KeySamples
from pianokpm_ros.muscle.bundle import ModelBundle, load_bundle
from pianokpm_ros.muscle.person import load_personal
from pianokpm_ros.offline.analysis import EstimateSettings
from pianokpm_ros.offline.folder import result_folder
from pianokpm_ros.offline.inputs import ORIGIN, Inputs, find_take, gather_inputs, inputs_of_take
from pianokpm_ros.offline.scale import WRIST_TO_INDEX, fit_scale
from pianokpm_ros.offline.session import PICTURES, Request, run_request
from pianokpm_ros.offline.tables import FORMATS
from pianokpm_ros.offline.truth import LandmarkError, simulated_envelopes
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import Take, load_take

STAGES = {'estimate': 'estimate', 'draw': 'draw'}
FOREVER = 10**18
"""Keys lie still after the last sample, for as long as the videos go on [ns]."""


class UsageError(PianokpmError, ValueError):
    """Options contradict each other."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument(
        'videos',
        nargs='+',
        metavar='VIDEO',
        help='a take folder; or one video; or several with --rig, each as CAMERA=PATH, or a file called '
        'like its camera',
    )
    parser.add_argument(
        '--rig',
        type=Path,
        help='calibration: a rig file, a handpose3d folder or a caliscope camera_array.toml',
    )
    parser.add_argument(
        '--scale',
        default=1.0,
        type=_read_scale,
        help="metres in one unit of the rig's lengths, or `hand`: so "
        f'that wrist to index knuckle is {1e3 * WRIST_TO_INDEX:.0f} mm (default 1)',
    )
    parser.add_argument('--timestamps', type=Path, metavar='CSV', help='times of all frames')
    parser.add_argument(
        '--keys', type=Path, metavar='MIDI', help='MIDI file played with the videos'
    )
    parser.add_argument(
        '--views', nargs='+', metavar='NAME', help='of a take: use these cameras only'
    )
    parser.add_argument('--no-keys', action='store_true', help='leave the keys of a take out')
    parser.add_argument(
        '--model', type=Path, metavar='DIR', help='model (default: the shipped one)'
    )
    parser.add_argument(
        '--person',
        type=Path,
        metavar='JSON',
        help='what `pianokpm personalise` made for this model',
    )
    parser.add_argument('--poses-only', action='store_true', help='estimate no muscles')
    add_hand_arguments(parser)
    parser.add_argument(
        '--lookahead',
        type=float,
        metavar='S',
        help='look-ahead of the muscles (default: the longest of the model, since nobody waits for a recording)',
    )
    parser.add_argument(
        '-o', '--out', type=Path, metavar='DIR', help='result folder (default out/NAME)'
    )
    parser.add_argument('--replace', action='store_true', help='replace an older result')
    parser.add_argument(
        '--skip',
        action='append',
        default=[],
        choices=(*FORMATS, *PICTURES),
        help='leave this out of the result; can be given several times',
    )


def _read_scale(word: str) -> float | str:
    if word == 'hand':
        return word
    try:
        return float(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f'{word!r} is neither a number nor `hand`') from None


def read_settings(arguments: argparse.Namespace, bundle: ModelBundle | None) -> EstimateSettings:
    """Collect how to estimate; an impossible look-ahead fails here, before any video is read."""
    formats = tuple(f for f in FORMATS if f not in arguments.skip)
    lookahead = None
    if bundle is not None:
        asked = bundle.lookaheads[-1] if arguments.lookahead is None else arguments.lookahead
        lookahead = bundle.lookaheads[bundle.head(asked)]
    return EstimateSettings(read_hand_settings(arguments), lookahead, formats)


def choose_bundle(arguments: argparse.Namespace) -> ModelBundle | None:
    """Load the model asked for, or the shipped one; None for poses only."""
    if arguments.poses_only:
        if arguments.model or arguments.person or arguments.lookahead is not None:
            raise UsageError(
                '--poses-only estimates no muscles: leave --model, --person and --lookahead out'
            )
        return None
    bundle = load_bundle(arguments.model or find_asset('models/small'))
    return load_personal(bundle, arguments.person)


def choose_inputs(arguments: argparse.Namespace) -> tuple[Inputs, Take | None]:
    """Bring videos, calibration and time stamps together, or take a take."""
    scale = 1.0 if arguments.scale == 'hand' else arguments.scale
    folder = find_take(arguments.videos)
    if folder is not None:
        if arguments.rig or arguments.timestamps or arguments.scale != 1.0:
            raise UsageError(
                'a take has its own calibration: leave --rig, --scale, --timestamps out'
            )
        take = load_take(folder)
        take = take.select(arguments.views) if arguments.views else take
        return inputs_of_take(take), take
    if arguments.views:
        raise UsageError('--views is of a take: of videos name those that you want')
    if arguments.scale != 1.0 and arguments.rig is None:
        raise UsageError('--scale is of a calibration: give --rig too')
    return gather_inputs(arguments.videos, arguments.rig, scale, arguments.timestamps), None


def choose_keys(arguments: argparse.Namespace, take: Take | None) -> KeySamples | None:
    """Read the MIDI file asked for, else take the key positions of a take."""
    if arguments.no_keys and arguments.keys:
        raise UsageError('--keys and --no-keys contradict each other')
    if arguments.keys:
        return load_keys(arguments.keys)
    return take.sensor_keys() if take and not arguments.no_keys else None


def make_request(arguments: argparse.Namespace) -> Request:
    """Check all that was asked for, before any work is done."""
    bundle = choose_bundle(arguments)
    settings = read_settings(arguments, bundle)
    inputs, take = choose_inputs(arguments)
    keys = choose_keys(arguments, take)
    truth = take.performance if take else None
    return Request(
        inputs,
        settings,
        bundle,
        keys.records(FOREVER, start=ORIGIN) if keys else (),
        keys.source if keys else '',
        LandmarkError(truth, ORIGIN) if truth else None,
        simulated_envelopes(truth, ORIGIN) if truth else {},
        tuple(p for p in PICTURES if p not in arguments.skip),
    )


def run(arguments: argparse.Namespace) -> int:
    """Estimate, draw, and say what came out."""
    console = make_console()
    with quiet_native_log():
        request = make_request(arguments)
        out = arguments.out or Path('out') / request.inputs.name
        result = result_folder(out, arguments.replace)
        if arguments.scale == 'hand':
            inputs, scale = fit_scale(request.inputs, request.settings)
            console.print(f'One unit of the calibration is {1e3 * scale:.2f} mm by the hand.')
            request = replace(request, inputs=inputs)
        with result as folder, show_progress(console, STAGES, 'frame sets') as progress:
            summary = run_request(request, folder, progress)
    print_summary(console, summary, str(out))
    return 0
