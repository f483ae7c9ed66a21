"""The 88 keys of a piano: their MIDI numbers and where they lie. The only table of them.

Frame: x along the keys to the right, y away from the player, z up, origin in the middle of the front edge of
the middle C key, on its top [m].
"""

import numpy as np

FIRST_KEY, LAST_KEY = 21, 108
KEY_COUNT = LAST_KEY - FIRST_KEY + 1

KEY_WIDTH = 0.0235
WHITE_LENGTH = 0.150
BLACK_FRONT = 0.050
BLACK_WIDTH = 0.0137
"""Of a modern grand piano [m]: DIN 8996; makers differ by a few millimetres in lengths, not in the octave."""

BLACK_HEIGHT = 0.012
"""Of a black key's top above the white ones [m]."""

BLACK_TOP_WIDTH = 0.0096
"""Of a black key's top, which is narrower than its foot [m]."""

NOTE_NAMES = ('C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B')

BLACK_DEGREES = (1, 3, 6, 8, 10)
"""Semitones above C."""


def is_black(key: int) -> bool:
    """Tell whether a MIDI number is a black key's."""
    return key % 12 in BLACK_DEGREES


def name_key(key: int) -> str:
    """Return the name of a MIDI number: 60 is `C4`."""
    return f'{NOTE_NAMES[key % 12]}{key // 12 - 1}'


def number_of(key: str) -> int:
    """Return the MIDI number of a key by its name: `C4` is 60."""
    return NOTE_NAMES.index(key[:-1]) + 12 * (int(key[-1]) + 1)


def _key_centres() -> np.ndarray:
    """Return the x of all keys [m], 0 at middle C: black keys halfway between their white neighbours."""
    white = {0: 0, 2: 1, 4: 2, 5: 3, 7: 4, 9: 5, 11: 6}
    number = np.arange(FIRST_KEY, FIRST_KEY + KEY_COUNT)
    degree = [white[n % 12] if n % 12 in white else white[n % 12 - 1] + 0.5 for n in number]
    return KEY_WIDTH * (np.array(degree) + 7 * (number // 12 - 5))


KEY_CENTRES = _key_centres()
