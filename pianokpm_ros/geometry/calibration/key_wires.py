"""The keyboard as lines in a camera's picture: white keys' tops, black keys' tops and fronts."""

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.geometry.camera import Camera
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
)

FloatArray = NDArray[np.floating]

STEPS = 4
"""Pieces of each line: lenses bend them."""

NEAR = 0.5
"""What is further outside the picture than so many of its widths isn't drawn."""

BENT_BACK = 1e-2
"""A ray that comes back otherwise than it went, by so much, is beyond what the lens was calibrated for."""


def draw_wires(camera: Camera) -> dict[str, list[FloatArray]]:
    """Return lines of (P, 2) points [px], by `white` and `black`; keys far outside the picture are left out."""
    wires: dict[str, list[FloatArray]] = {'white': [], 'black': []}
    for key in range(FIRST_KEY, LAST_KEY + 1):
        kind = 'black' if is_black(key) else 'white'
        for line in _outline(key):
            pixels = _project_near(camera, _divide(line))
            if pixels is not None:
                wires[kind].append(pixels)
    return wires


def place_names(camera: Camera) -> dict[str, FloatArray]:
    """Return where the names of all keys C are to be written, (2,) [px], of those that are in the picture."""
    keys = [k for k in range(FIRST_KEY, LAST_KEY + 1) if k % 12 == 0]
    places = np.array([[KEY_CENTRES[k - FIRST_KEY], BLACK_FRONT / 2, 0.0] for k in keys])
    pixels = find_pixels(camera, places)
    return {name_key(k): p for k, p in zip(keys, pixels, strict=True) if np.isfinite(p[0])}


def find_pixels(camera: Camera, places: FloatArray) -> FloatArray:
    """Return where (N, 3) places [m] of the rig frame are seen, (N, 2) [px]; NaN where they are not in the picture."""
    pixels = camera.project(places)
    inside = ((pixels >= 0) & (pixels <= np.array(camera.size) - 1)).all(axis=1)
    return np.where((inside & _is_true(camera, places, pixels))[:, None], pixels, np.nan)


def _outline(key: int) -> list[FloatArray]:
    """Return lines of (P, 3) corners [m]: what is seen of a key, but not the side that the next one draws."""
    x = float(KEY_CENTRES[key - FIRST_KEY])
    if not is_black(key):
        left, right = x - KEY_WIDTH / 2, x + KEY_WIDTH / 2
        side = BLACK_FRONT if key > FIRST_KEY and is_black(key - 1) else WHITE_LENGTH
        edge = [[right, 0, 0], [left, 0, 0], [left, side, 0]]
        back = [[left, WHITE_LENGTH, 0], [right, WHITE_LENGTH, 0]]
        return [np.array(edge), np.array(back + [[right, 0, 0]] * (key == LAST_KEY))]
    top = _rectangle(x, BLACK_TOP_WIDTH / 2, BLACK_FRONT, WHITE_LENGTH, BLACK_HEIGHT)
    foot = _rectangle(x, BLACK_WIDTH / 2, BLACK_FRONT, WHITE_LENGTH, 0.0)
    return [top, np.stack([top[0], foot[0], foot[1], top[1]])]


def _rectangle(x: float, half: float, front: float, back: float, z: float) -> FloatArray:
    around = ((-1, front), (1, front), (1, back), (-1, back), (-1, front))
    return np.array([[x + side * half, y, z] for side, y in around])


def _divide(corners: FloatArray) -> FloatArray:
    at = np.linspace(0, len(corners) - 1, STEPS * (len(corners) - 1) + 1)
    return np.stack([np.interp(at, np.arange(len(corners)), c) for c in corners.T], axis=1)


def _project_near(camera: Camera, places: FloatArray) -> FloatArray | None:
    pixels = camera.project(places)
    size = np.array(camera.size)
    near = (pixels > -NEAR * size) & (pixels < (1 + NEAR) * size)
    return pixels if near.all() and _is_true(camera, places, pixels).all() else None


def _is_true(camera: Camera, places: FloatArray, pixels: FloatArray) -> NDArray[np.bool_]:
    """Tell which (N, 2) pixels lead back to their places: distortion folds what is far outside into the picture."""
    seen = camera.transform(places)
    with np.errstate(divide='ignore', invalid='ignore'):
        rays = seen[:, :2] / seen[:, 2:]
    return np.abs(camera.normalize(np.nan_to_num(pixels)) - rays).max(axis=1) < BENT_BACK
