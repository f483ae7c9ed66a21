"""Corners of the 88 keys that can be named in a picture: what they are called, where they are, what they look like.

`A0.front_left`, `C4.front_right`, `E4.back_right`, `F#3.top_left`. For white keys `front` is the front edge on top,
`back` where the gap between two white keys without a black one (E-F, B-C) ends at the felt. For black keys `top` is
the front end of their upper face, which is seen from all sides, and `front` is where their front meets the white keys,
which is hidden from cameras behind the piano.

The rig frame: x along the keys to the right, y away from the player, z up,
origin in the middle of the front edge of middle C (C4), on its top.
"""

import re

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.geometry.calibration.board import CalibrationError
from pianokpm_ros.keyboard.layout import (
    BLACK_FRONT,
    BLACK_HEIGHT,
    BLACK_TOP_WIDTH,
    BLACK_WIDTH,
    FIRST_KEY,
    KEY_CENTRES,
    KEY_WIDTH,
    LAST_KEY,
    WHITE_LENGTH,
    is_black,
    name_key,
    number_of,
)

FloatArray = NDArray[np.floating]

PATTERN = re.compile(r'([ACDFG]#?|[BE])(\d)\.(front|back|top)_(left|right)')
_OPEN_GAPS = {('E', 'right'), ('F', 'left'), ('B', 'right'), ('C', 'left')}


def locate_point(name: str) -> FloatArray:
    """Return the place of a named point, (3,) [m]."""
    match = PATTERN.fullmatch(name)
    if not match:
        raise CalibrationError(
            f'asked for the point {name!r}; points are called like A0.front_left, E4.back_right or '
            'F#3.top_right'
        )
    letter, octave, end, side = match.groups()
    key = number_of(letter + octave)
    if not FIRST_KEY <= key <= LAST_KEY:
        raise CalibrationError(f'asked for the point {name!r}; keys go from A0 to C8')
    black = is_black(key)
    if end == 'top' and not black:
        raise CalibrationError(
            f'asked for the point {name!r}; only black keys have a top of their own, white ones a front'
        )
    if end == 'back' and (black or (letter, side) not in _OPEN_GAPS):
        raise CalibrationError(
            f'asked for the point {name!r}; only the gaps between E and F and between B and C reach '
            'back: E.back_right, F.back_left, B.back_right, C.back_left'
        )
    width = BLACK_TOP_WIDTH if end == 'top' else BLACK_WIDTH if black else KEY_WIDTH
    x = float(KEY_CENTRES[key - FIRST_KEY]) + (width if side == 'right' else -width) / 2
    y = WHITE_LENGTH if end == 'back' else (BLACK_FRONT if black else 0.0)
    return np.array([x, y, BLACK_HEIGHT if end == 'top' else 0.0])


def _list_corners() -> tuple[str, ...]:
    corners = []
    for key in range(FIRST_KEY, LAST_KEY + 1):
        name = name_key(key)
        ends = ('top', 'front') if is_black(key) else ('front',)
        sides = ('left', 'right') if is_black(key) or key == LAST_KEY else ('left',)
        corners += [f'{name}.{end}_{side}' for end in ends for side in sides]
        if name[0] in 'EB':
            corners.append(f'{name}.back_right')
    return tuple(corners)


CORNERS = _list_corners()
"""Every corner once: what is the right side of one white key is the left side of the next."""


def say_corner(name: str) -> str:
    """Return what a corner is in words: `the front left corner of C4`."""
    key, _, corner = name.partition('.')
    end, _, side = corner.partition('_')
    if end == 'back':
        number = number_of(key)
        low = number if side == 'right' else number - 1
        return f'the far end of the gap between {name_key(low)} and {name_key(low + 1)}'
    if end == 'top':
        return f'the front {side} corner of {key}, on its top'
    return f'the front {side} corner of {key}' + (', down at the white keys' if '#' in key else '')
