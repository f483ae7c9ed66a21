"""What a browser is told first: names, colours, the keyboard's geometry."""

from typing import Any

from pianokpm_ros.anatomy import BONES, FINGER_CHAINS, MUSCLE_NAMES, Side
from pianokpm_ros.keyboard.layout import (
    BLACK_FRONT,
    BLACK_HEIGHT,
    BLACK_WIDTH,
    FIRST_KEY,
    KEY_CENTRES,
    KEY_WIDTH,
    WHITE_LENGTH,
    is_black,
)
from pianokpm_ros.view.palette import ACTIVITY_RAMP, SIDE_COLOURS, UNKNOWN_ACTIVITY

GAP = 0.001
"""Between two white keys [m]."""


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
                [FIRST_KEY + i, round(float(x), 5), not is_black(FIRST_KEY + i)]
                for i, x in enumerate(KEY_CENTRES)
            ],
        },
    }
