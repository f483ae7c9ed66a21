"""Draw hand landmarks on a picture: fingers in shades of their side's colour, fingering numbers at the tips."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import FINGER_CHAINS, PALM, Side
from pianokpm_ros.records import HandLandmarks
from pianokpm_ros.view.lettering import BgrImage, write
from pianokpm_ros.view.palette import PANEL, SIDE_COLOURS, Rgb, finger_colour

FloatArray = NDArray[np.floating]

SHIFT = 4
"""Fractional bits of OpenCV's coordinates: sub-pixel drawing, so that skeletons don't jitter by whole pixels."""

REACH = 1e5
"""Landmarks farther than this from the origin [px] are not drawn; OpenCV's fixed-point numbers would overflow."""


def draw_hands(image: BgrImage, hands: HandLandmarks, scale: float = 1.0) -> None:
    """Draw every hand of a record, in place; unknown (NaN) landmarks and their bones are left out.

    Args:
        image: (height, width, 3) BGR.
        hands: landmarks; their pixels are scaled when the picture has another size than
            `hands.size`.
        scale: thickness, 1 suits 640x480.
    """
    height, width = image.shape[:2]
    factor = np.array([width / hands.size[0], height / hands.size[1]])
    for i in range(hands.count):
        # (0, 0) is the centre of the top left pixel, so scaling is about the picture's corner at
        # (-0.5, -0.5)
        pixels = (np.asarray(hands.pixels[i], np.float64) + 0.5) * factor - 0.5
        draw_skeleton(image, pixels, as_side(int(hands.side[i])), scale)
        _write_score(image, pixels, as_side(int(hands.side[i])), float(hands.score[i]), scale)


def as_side(value: int) -> Side:
    """Read a side; anything else than left or right is unknown."""
    return Side(value) if value in (Side.LEFT, Side.RIGHT) else Side.UNKNOWN


def draw_skeleton(image: BgrImage, pixels: FloatArray, side: Side, scale: float = 1.0) -> None:
    """Draw one hand from (21, 2) pixels, in place."""
    known = np.isfinite(pixels).all(axis=1) & (np.abs(np.nan_to_num(pixels, nan=0.0)) < REACH).all(
        axis=1
    )
    outline = [(a, b) for a, b in zip(PALM, (*PALM[1:], PALM[0]), strict=True)]
    _draw_bones(image, pixels, known, outline, SIDE_COLOURS[side], 1.2 * scale)
    for finger, chain in enumerate(FINGER_CHAINS):
        bones = list(zip(chain[1:], chain[2:], strict=False))
        _draw_bones(image, pixels, known, bones, finger_colour(side, finger), 2.0 * scale)
        _draw_joints(image, pixels, known, chain[1:], finger_colour(side, finger), scale)
        _write_number(image, pixels, known, chain, finger, scale)
    _draw_joints(image, pixels, known, (0,), SIDE_COLOURS[side], 1.3 * scale)


def _fixed(point: FloatArray) -> tuple[int, int]:
    x, y = np.rint(np.asarray(point) * (1 << SHIFT)).astype(int)
    return int(x), int(y)


def _draw_bones(
    image: BgrImage,
    pixels: FloatArray,
    known: NDArray[np.bool_],
    bones: list[tuple[int, int]],
    colour: Rgb,
    thickness: float,
) -> None:
    """Draw lines with a dark rim, which keeps them visible on skin and on white keys."""
    lines = [(_fixed(pixels[a]), _fixed(pixels[b])) for a, b in bones if known[a] and known[b]]
    for ink, width in ((PANEL, thickness + 1.6), (colour, thickness)):
        for start, end in lines:
            cv2.line(image, start, end, ink[::-1], max(1, round(width)), cv2.LINE_AA, SHIFT)


def _draw_joints(
    image: BgrImage,
    pixels: FloatArray,
    known: NDArray[np.bool_],
    joints: tuple[int, ...],
    colour: Rgb,
    scale: float,
) -> None:
    for ink, radius in ((PANEL, 3.2 * scale), (colour, 2.2 * scale)):
        for joint in joints:
            if known[joint]:
                cv2.circle(
                    image,
                    _fixed(pixels[joint]),
                    round(radius * (1 << SHIFT)),
                    ink[::-1],
                    -1,
                    cv2.LINE_AA,
                    SHIFT,
                )


def _write_number(
    image: BgrImage,
    pixels: FloatArray,
    known: NDArray[np.bool_],
    chain: tuple[int, ...],
    finger: int,
    scale: float,
) -> None:
    """Write the pianist's finger number beyond the tip, where it hides nothing."""
    tip, before = chain[-1], chain[-2]
    if not (known[tip] and known[before]):
        return
    along = pixels[tip] - pixels[before]
    length = float(np.linalg.norm(along))
    away = along / length if length > 1e-6 else np.array([0.0, -1.0])
    size = max(9, round(11 * scale))
    x, y = pixels[tip] + away * (4.0 * scale + 0.6 * size)
    # digits fill about 0.25 to 1.0 of the font size below the top of their line
    write(
        image,
        str(finger + 1),
        (x, y - 0.63 * size),
        size,
        (255, 255, 255),
        bold=True,
        anchor='centre',
        halo=PANEL,
    )


def _write_score(
    image: BgrImage, pixels: FloatArray, side: Side, score: float, scale: float
) -> None:
    if not np.isfinite(pixels[0]).all() or np.abs(pixels[0]).max() > REACH:
        return
    name = {Side.LEFT: 'L', Side.RIGHT: 'R'}.get(side, '?')
    text = f'{name} {score:.2f}' if np.isfinite(score) else name
    size = max(10, round(11 * scale))
    along = pixels[0] - pixels[9]
    length = float(np.linalg.norm(along))
    away = along / length if np.isfinite(length) and length > 1e-6 else np.array([0.0, 1.0])
    x, y = pixels[0] + away * np.array([2.4, 1.3]) * size
    write(
        image,
        text,
        (x, y - 0.65 * size),
        size,
        SIDE_COLOURS[side],
        bold=True,
        anchor='centre',
        halo=PANEL,
    )
