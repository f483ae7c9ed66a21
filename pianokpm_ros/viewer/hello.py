"""What a browser is told first: names, colours, the keyboard's geometry."""

from typing import Any

from pianokpm_ros.anatomy import BONES, FINGER_CHAINS, MUSCLE_NAMES, Side
from pianokpm_ros.geometry.calibration.keyboard_frame import (
    BLACK_FRONT,
    BLACK_WIDTH,
    WHITE_LENGTH,
)
from pianokpm_ros.muscle.key_features import KEY_CENTRES, KEY_WIDTH
from pianokpm_ros.muscle.timebase import FIRST_KEY
from pianokpm_ros.view.keyboard_strip import is_white
from pianokpm_ros.view.palette import ACTIVITY_RAMP, SIDE_COLOURS, UNKNOWN_ACTIVITY

GAP = 0.001
"""Between two white keys [m]."""

BLACK_HEIGHT = 0.012
"""Of a black key above the white ones [m]."""


def describe_view(title: str, live: bool) -> dict[str, Any]:
    """Return what the page needs before the first update; lengths in [m]."""
    return {
        'title': title,
        'live': live,
        'muscleNames': MUSCLE_NAMES,
        'bones': BONES,
        'chains': FINGER_CHAINS,
        'colours': {s.label: SIDE_COLOURS[s] for s in (Side.LEFT, Side.RIGHT)},
        'ramp': ACTIVITY_RAMP,
        'unknown': UNKNOWN_ACTIVITY,
        'keyboard': {
            'white': [KEY_WIDTH - GAP, WHITE_LENGTH],
            'black': [BLACK_WIDTH, WHITE_LENGTH - BLACK_FRONT, BLACK_HEIGHT],
            'keys': [
                [FIRST_KEY + i, round(float(x), 5), is_white(FIRST_KEY + i)]
                for i, x in enumerate(KEY_CENTRES)
            ],
        },
    }
