"""Draw the keys of a piano from above, with how far each one is down."""

from collections.abc import Mapping

import cv2

from pianokpm_ros.keyboard.layout import is_black, name_key
from pianokpm_ros.view.lettering import BgrImage, write
from pianokpm_ros.view.palette import FAINT, PANEL, Rgb, mix

Box = tuple[int, int, int, int]

WHITE: Rgb = (226, 226, 222)
BLACK: Rgb = (46, 48, 52)
PRESSED: Rgb = (0, 158, 115)
"""Bluish green of Okabe and Ito's set: neither hand's colour, since keys don't say which hand pressed them."""

BLACK_LENGTH, BLACK_WIDTH = 0.62, 0.58
"""Of a black key, in parts of a white one."""


def round_range(low: int, high: int) -> tuple[int, int]:
    """Widen a range of keys to whole octaves, from a C up to a B, within the piano's 88 keys."""
    return max(21, low // 12 * 12), min(108, high // 12 * 12 + 11)


def draw_keyboard(
    image: BgrImage, box: Box, keys: tuple[int, int], position: Mapping[int, float]
) -> None:
    """Draw keys into a part of an image, in place.

    Args:
        image: (height, width, 3) BGR.
        box: (left, top, right, bottom) [px].
        keys: (lowest, highest) MIDI number to draw.
        position: 0 at rest to 1 at the bottom, of the keys that are not at rest.
    """
    left, top, right, bottom = box
    whites = [k for k in range(keys[0], keys[1] + 1) if not is_black(k)]
    pitch = (right - left) / len(whites)
    edge = {key: left + i * pitch for i, key in enumerate(whites)}
    for key in whites:
        _fill(image, (edge[key], top, edge[key] + pitch - 1, bottom), WHITE, position.get(key, 0))
        if key % 12 == 0:
            size = max(8, round(0.16 * (bottom - top)))
            at = (edge[key] + pitch / 2, bottom - 1.35 * size)
            write(
                image,
                name_key(key),
                at,
                size,
                FAINT if pitch < 2 * size else PANEL,
                anchor='centre',
            )
    for key in range(keys[0], keys[1] + 1):
        if is_black(key) and key - 1 in edge:
            middle, half = edge[key - 1] + pitch, BLACK_WIDTH * pitch / 2
            end = top + BLACK_LENGTH * (bottom - top)
            _fill(image, (middle - half, top, middle + half, end), BLACK, position.get(key, 0))


def _fill(
    image: BgrImage, box: tuple[float, float, float, float], colour: Rgb, position: float
) -> None:
    """Fill a key; it takes on the colour of pressed keys as it goes down."""
    ink = mix(colour, PRESSED, min(max(position, 0.0), 1.0))
    left, top, right, bottom = (round(v) for v in box)
    cv2.rectangle(image, (left, top), (right - 1, bottom - 1), ink[::-1], -1)
