"""Options of commands that find hands."""

import argparse

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.hands.choice import DETECTORS, HAND_MODELS, MAX_LOOKS, HandSettings
from pianokpm_ros.hands.runtime_choice import HAND_ENGINES


class HandOptionError(PianokpmError, ValueError):
    """Hands can't be found as asked."""


def add_hand_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer what a user may want to change about finding hands."""
    usual = HandSettings()
    _add_choice(parser, '--detector', DETECTORS, usual.detector)
    parser.add_argument(
        '--hand-model',
        choices=HAND_MODELS,
        default=usual.hand_model,
        help='lite is quicker (default full)',
    )
    parser.add_argument(
        '--hand-task',
        default=usual.hand_task,
        metavar='FILE',
        help='models: a hand_landmarker.task, or a mediapipe 0.10 wheel where a newer one is installed',
    )
    what = 'of the detectors guided and regions; '
    _add_choice(parser, '--hand-engine', HAND_ENGINES, usual.hand_engine, what)
    parser.add_argument(
        '--take-turns',
        action='store_true',
        help='look at half of four or more calibrated views at a time, in turns: half the work, hands one frame later',
    )
    parser.add_argument(
        '--looks',
        type=int,
        default=usual.looks,
        metavar='N',
        help='at each hand in each picture, each from a little elsewhere, whose mean is taken: landmarks jitter and '
        f'stray less, for N times the work; 1 to {MAX_LOOKS} (default 1)',
    )
    parser.add_argument(
        '--max-hands',
        type=int,
        default=usual.max_hands,
        metavar='N',
        help='to look for (default 2)',
    )


def _add_choice(
    parser: argparse.ArgumentParser, flag: str, choices: dict[str, str], usual: str, what: str = ''
) -> None:
    """Offer a choice among names, each of which is explained."""
    words = '; '.join(f'{name}: {meaning}' for name, meaning in choices.items())
    parser.add_argument(
        flag, choices=tuple(choices), default=usual, help=f'{what}{words} (default {usual})'
    )


def read_hand_settings(arguments: argparse.Namespace) -> HandSettings:
    """Collect the options."""
    if not 1 <= arguments.max_hands <= 8:
        raise HandOptionError(f'--max-hands: expected 1 to 8, found {arguments.max_hands}')
    if not 1 <= arguments.looks <= MAX_LOOKS:
        raise HandOptionError(f'--looks: expected 1 to {MAX_LOOKS}, found {arguments.looks}')
    return HandSettings(
        arguments.detector,
        arguments.hand_model,
        arguments.max_hands,
        hand_task=arguments.hand_task,
        hand_engine=arguments.hand_engine,
        take_turns=arguments.take_turns,
        looks=arguments.looks,
    )
