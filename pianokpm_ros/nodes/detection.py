"""The parameters of hand detection, which two nodes share."""

from typing import Any

from pianokpm_ros.hands.choice import DETECTORS, HAND_MODELS, MAX_LOOKS, HandSettings
from pianokpm_ros.hands.runtime_choice import AUTO, HAND_ENGINES
from pianokpm_ros.nodes.parameters import Parameter

HAND_PARAMETERS = (
    Parameter(
        'detector',
        'guided',
        "regions: MediaPipe's models on regions that follow the hands; guided: calibrated views of one "
        'process help each other too; mediapipe: its own graph, half as fast where a hand is missing; '
        'tasks: its successor, all that MediaPipe after 0.10.21 has',
        choices=tuple(DETECTORS),
    ),
    Parameter('hand_model', 'full', "MediaPipe's landmark model", choices=HAND_MODELS),
    Parameter(
        'hand_task',
        '',
        "file of the models: a hand_landmarker.task, or a mediapipe 0.10 wheel; empty: the installed wheel's",
    ),
    Parameter(
        'hand_engine',
        AUTO,
        'of the detectors guided and regions. '
        + '; '.join(f'{k}: {v}' for k, v in HAND_ENGINES.items()),
        choices=tuple(HAND_ENGINES),
    ),
    Parameter(
        'take_turns',
        False,
        'detector guided in capture_node: look at half of four or more calibrated views at a time, in turns: half '
        'the work, hands one frame later',
    ),
    Parameter(
        'looks',
        1,
        'detectors guided and regions: looks at each hand in each picture, each from a little elsewhere, whose mean '
        'is taken: landmarks jitter and stray less, for so many times the work',
        1,
        MAX_LOOKS,
    ),
    Parameter('max_hands', 2, 'most hands in one picture', 1, 8),
    Parameter('min_detection', 0.5, 'least score of a palm', 0.0, 1.0),
    Parameter('min_tracking', 0.5, 'least hand presence to go on tracking', 0.0, 1.0),
)


def read_hand_settings(settings: dict[str, Any]) -> HandSettings:
    """Collect the parameters of hand detection from those of a node."""
    return HandSettings(**{p.name: settings[p.name] for p in HAND_PARAMETERS})
