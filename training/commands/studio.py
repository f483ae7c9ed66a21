"""`pianokpm studio`: film simulated hands, check how well MediaPipe finds them, measure what they have in common."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pianokpm_ros.commands.console import make_console
from pianokpm_ros.commands.progress import show_progress
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.hands.choice import DETECTORS, HAND_MODELS, HandSettings
from pianokpm_ros.outputs import whole_file
from pianokpm_ros.takes import Performance, load_take

if TYPE_CHECKING:
    from pianokpm_training.studio.check import TakeScore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(dest='action', metavar='ACTION', required=True)
    render = actions.add_parser(
        'render', help='film the opening of "Für Elise", or a take of a data set'
    )
    render.add_argument('out', type=Path, help='folder of the take to make')
    render.add_argument(
        '--recording', type=Path, metavar='FOLDER',
        help='film this recording of a simulated data set, and the other hand of its take',
    )  # fmt: skip
    render.add_argument(
        '--player', choices=('myohand', 'kinematic'), default='myohand',
        help='who plays "Für Elise": muscles and bones (needs the simulation extra), or curves',
    )  # fmt: skip
    render.add_argument('--seed', type=int, default=1, help='of the player and the sensor noise')
    render.add_argument('--rate', type=float, default=60.0, help='frames per second')
    render.add_argument('--start', type=float, default=0.0, help='leave out the first seconds')
    render.add_argument('--duration', type=float, help='end after this many seconds')
    render.add_argument(
        '--views', nargs='+', default=['top', 'front', 'left', 'right'], metavar='VIEW'
    )
    render.add_argument('--size', nargs=2, type=int, default=[640, 480], metavar=('W', 'H'))
    render.add_argument(
        '--workers', type=int, default=os.cpu_count() or 1, help='processes, one a camera at most'
    )
    check = actions.add_parser('check', help="compare MediaPipe's landmarks with a take's truth")
    check.add_argument('takes', type=Path, nargs='+', metavar='TAKE', help='folder of a take')
    check.add_argument('--hand-model', choices=HAND_MODELS, default='full')
    check.add_argument(
        '--detector', choices=tuple(DETECTORS), default='mediapipe', help='default: mediapipe'
    )
    check.add_argument('--views', nargs='+', metavar='VIEW', help='use these cameras only')
    check.add_argument(
        '--noise',
        type=Path,
        metavar='FILE',
        help="write a noise model fitted to the takes' errors",
    )
    check.add_argument(
        '--held-out', type=Path, nargs='+', default=[], metavar='TAKE',
        help='compare the noise models with these takes, which are not fitted',
    )  # fmt: skip
    posture = actions.add_parser(
        'posture',
        help='measure what playing hands have in common, by which one camera places them',
    )
    posture.add_argument('data', type=Path, metavar='DATA', help='simulated data set')
    posture.add_argument('out', type=Path, metavar='FILE', help='.npz to write')


def run(arguments: argparse.Namespace) -> int:
    """Film, check or measure."""
    actions = {'render': _render, 'check': _check, 'posture': _measure_posture}
    return actions[arguments.action](arguments)


def _render(arguments: argparse.Namespace) -> int:
    try:
        from pianokpm_training.studio.film import film
    except ImportError as error:
        raise PianokpmError(
            f'asked for the studio, but {error.name} is missing; '
            'install the training extra: pip install -r requirements/training.txt'
        ) from error
    from pianokpm_training.studio.rigs import build_rig, cut

    performance = _perform(arguments)
    if arguments.duration is not None or arguments.start:
        whole = performance.duration / 1e9 + 1.0
        wanted = whole if arguments.duration is None else arguments.duration
        performance = cut(performance, wanted, arguments.start)
    rig = build_rig(arguments.views, tuple(arguments.size))
    made = {
        'command': 'pianokpm studio render',
        'played_by': 'data set' if arguments.recording else arguments.player,
        'seed': performance.seed,
        'rate': arguments.rate,
        'views': list(rig.names),
        'size': list(arguments.size),
    }
    with show_progress(make_console(), {'film': 'filming'}, 'pictures') as report:
        take = film(
            performance,
            rig,
            arguments.out,
            made,
            arguments.workers,
            lambda done, total: report('film', done, total),
        )
    size = sum(f.stat().st_size for f in take.path.iterdir())
    print(f'{take.path}: {take.performance.duration / 1e9:.1f} s, {size / 1e6:.1f} MB, simulated')
    return 0


def _perform(arguments: argparse.Namespace) -> Performance:
    from pianokpm_training.kinematic.pieces import fuer_elise
    from pianokpm_training.studio.sources import play_piece, read_session

    if arguments.recording is not None:
        return read_session(arguments.recording, arguments.rate)
    if arguments.player == 'kinematic':
        from pianokpm_training.kinematic.performance import perform

        return perform(fuer_elise(), rate=arguments.rate, seed=arguments.seed)
    from pianokpm_training.simulation.requirements import require

    for name in ('mujoco', 'myo_sim', 'mink', 'daqp'):
        require(name)
    return play_piece(fuer_elise(), arguments.rate, arguments.seed)


def _check(arguments: argparse.Namespace) -> int:
    from pianokpm_training.studio.check import (
        describe_far,
        describe_landmarks,
        describe_score,
        describe_status,
        join_scores,
    )

    if arguments.held_out and not arguments.noise:
        raise PianokpmError('asked for takes held out, but for no noise model; give --noise too')
    scores = [_score(path, arguments) for path in arguments.takes]
    for score in scores:
        lines = [*describe_score(score), *describe_status(score), *describe_far(score)]
        print(f'{score.name}:', *lines, sep='\n', end='\n\n')
    print('\n'.join(describe_landmarks(join_scores(scores))))
    if arguments.noise:
        _fit_noise(arguments, scores)
    return 0


def _measure_posture(arguments: argparse.Namespace) -> int:
    from pianokpm_training.datasets.collection import open_data
    from pianokpm_training.simulation.posture import describe_hands

    data = open_data(arguments.data)
    with show_progress(make_console(), {'read': str(arguments.data)}, 'recordings') as report:
        hands = describe_hands(data, lambda done, total: report('read', done, total))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    hands.save(arguments.out)
    print(f'{arguments.out}: {hands.source}')
    return 0


def _score(path: Path, arguments: argparse.Namespace) -> 'TakeScore':
    from pianokpm_training.studio.check import check_take

    take = load_take(path)
    if arguments.views:
        take = take.select(arguments.views)
    with show_progress(make_console(), {'check': take.performance.name}, 'frames') as report:
        settings = HandSettings(arguments.detector, arguments.hand_model)
        return check_take(take, settings, lambda done, total: report('check', done, total))


def _fit_noise(arguments: argparse.Namespace, scores: 'list[TakeScore]') -> None:
    from pianokpm_training.simulation.sight import dump_sight, load_sight
    from pianokpm_training.studio.sight_fit import compare_sight, fit_sight

    seconds = sum(len(s.errors) / s.rate for s in scores)
    source = (
        f'MediaPipe ({arguments.hand_model}) on {len(scores)} renders of {seconds:.0f} s in all, '
        f'views {", ".join(scores[0].views)}: {", ".join(s.name for s in scores)}'
    )
    model, shipped = fit_sight(scores, source), load_sight()
    arguments.noise.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(arguments.noise) as part:
        part.write_text(dump_sight(model))
    print(f'\nnoise model, {arguments.noise}: {model}')
    models = {'fitted': model, 'shipped': shipped}
    print('\nfitted takes', *compare_sight(scores, models), sep='\n')
    if arguments.held_out:
        held = [_score(path, arguments) for path in arguments.held_out]
        print(f'\nheld out: {", ".join(s.name for s in held)}')
        print('\n'.join(compare_sight(held, models)))
