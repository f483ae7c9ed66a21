"""Options of commands that find hands."""

import argparse

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.hands.choice import DETECTORS, HAND_ENGINES, HAND_MODELS, HandSettings


class HandOptionError(PianokpmError, ValueError):
    """Hands can't be found as asked."""


def add_hand_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer what a user may want to change about finding hands."""
    usual = HandSettings()
    words = '; '.join(f'{name}: {what}' for name, what in DETECTORS.items())
    parser.add_argument(
        '--detector',
        choices=tuple(DETECTORS),
        default=usual.detector,
        help=f'{words} (default {usual.detector})',
    )
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
    words = '; '.join(f'{name}: {what}' for name, what in HAND_ENGINES.items())
    parser.add_argument(
        '--hand-engine',
        choices=tuple(HAND_ENGINES),
        default=usual.hand_engine,
        help=f'of the detectors guided and regions; {words} (default {usual.hand_engine})',
    )
    parser.add_argument(
        '--take-turns',
        action='store_true',
        help='look at half of four or more calibrated views at a time, in turns: half the work, hands one frame later',
    )
    parser.add_argument(
        '--max-hands',
        type=int,
        default=usual.max_hands,
        metavar='N',
        help='to look for (default 2)',
    )


def read_hand_settings(arguments: argparse.Namespace) -> HandSettings:
    """Collect the options."""
    if not 1 <= arguments.max_hands <= 8:
        raise HandOptionError(f'--max-hands: expected 1 to 8, found {arguments.max_hands}')
    return HandSettings(
        arguments.detector,
        arguments.hand_model,
        arguments.max_hands,
        hand_task=arguments.hand_task,
        hand_engine=arguments.hand_engine,
        take_turns=arguments.take_turns,
    )
