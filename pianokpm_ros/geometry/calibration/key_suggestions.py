"""Which corner of a key to name next: those first that determine a camera, then those that it is least sure of."""

from collections.abc import Collection
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.geometry.calibration.key_corners import CORNERS, locate_point
from pianokpm_ros.geometry.calibration.key_wires import find_pixels
from pianokpm_ros.geometry.calibration.keyboard_frame import find_noise
from pianokpm_ros.geometry.camera import Camera

FloatArray = NDArray[np.floating]

ENOUGH = 20
"""So many corners, spread out, are as good as it gets: more bring little."""

FIRST = (
    'C4.front_left', 'C5.front_left', 'F#4.top_left', 'C3.front_left', 'C#5.top_right', 'F#3.top_left',
    'E4.back_right', 'F5.front_left', 'C#3.top_right', 'C6.front_left', 'F#5.top_left', 'C2.front_left',
    'B3.back_right', 'C#6.top_right', 'F#2.top_left', 'C7.front_left', 'A0.front_left', 'C8.front_right',
)  # fmt: skip
"""Asked for in this order while no camera is known: from the middle outwards, white and black."""

APART = 0.07
"""Suggested corners of one kind keep so far from those that are named, in widths of the picture."""

BESIDE = 0.03
"""What could not be seen hides its neighbours so far around it too [m]."""

STEP = 1e-5


def suggest_corner(
    named: Collection[str], skipped: Collection[str], camera: Camera | None = None
) -> str | None:
    """Return the corner to name next, None where no other would help.

    Args:
        named: corners that are named already.
        skipped: corners that can't be seen.
        camera: as the named ones place it; None = unknown.
    """
    if camera is None:
        return next((c for c in FIRST if c not in named and c not in skipped), None)
    there = np.stack([locate_point(c) for c in CORNERS])
    pixels = find_pixels(camera, there)
    allowed = [
        i for i, c in enumerate(CORNERS)
        if np.isfinite(pixels[i, 0]) and _is_open(c, there[i], camera)
        and _is_new(c, pixels[i], named, camera) and not _is_hidden(c, there[i], skipped)
    ]  # fmt: skip
    if not allowed:
        return None
    noise = find_noise(camera.size)
    known = _derive(camera, np.stack([locate_point(c) for c in named])).reshape(-1, 7) / noise
    # Not quite free parameters, so that a camera that is hardly determined can be asked about.
    doubt = np.linalg.inv(known.T @ known + np.eye(7))
    slopes = _derive(camera, there[allowed]) / noise
    gains = np.linalg.det(np.eye(2) + slopes @ doubt @ slopes.transpose(0, 2, 1))
    return CORNERS[allowed[int(np.argmax(gains))]]


def _is_open(corner: str, place: FloatArray, camera: Camera) -> bool:
    """Tell whether a corner can be seen from there; of black keys their tops are asked for alone."""
    if '#' in corner and '.front' in corner:
        return False
    return '.back' not in corner or float(camera.centre[1]) < place[1]


def _is_new(corner: str, pixel: FloatArray, named: Collection[str], camera: Camera) -> bool:
    alike = [n for n in named if _kind(n) == _kind(corner)]
    if not alike:
        return True
    away = camera.project(np.stack([locate_point(n) for n in alike])) - pixel
    return bool(np.nanmin(np.linalg.norm(away, axis=1)) > APART * camera.size[0])


def _is_hidden(corner: str, place: FloatArray, skipped: Collection[str]) -> bool:
    alike = [locate_point(n) for n in skipped if _kind(n) == _kind(corner)]
    return any(np.linalg.norm(a - place) < BESIDE for a in alike)


def _kind(corner: str) -> tuple[bool, str]:
    return '#' in corner, corner.partition('.')[2].partition('_')[0]


def _derive(camera: Camera, places: FloatArray) -> FloatArray:
    """Return how (N, 3) places move in the picture with focal length, turn and shift of a camera, (N, 2, 7) [px]."""
    still, slopes = camera.project(places), []
    for i in range(7):
        turn, shift = np.zeros(3), np.zeros(3)
        matrix = camera.matrix.copy()
        if i == 0:
            matrix[[0, 1], [0, 1]] *= 1 + STEP
        elif i < 4:
            turn[i - 1] = STEP
        else:
            shift[i - 4] = STEP
        moved = replace(
            camera,
            matrix=matrix,
            rotation=cv2.Rodrigues(turn)[0] @ camera.rotation,
            translation=camera.translation + shift,
        )
        slopes.append((moved.project(places) - still) / STEP)
    return np.nan_to_num(np.stack(slopes, axis=-1))
