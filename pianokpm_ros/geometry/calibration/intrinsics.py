"""Lens and sensor of one camera from pictures of a board."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from pianokpm_ros.geometry.calibration.board import Board, CalibrationError
from pianokpm_ros.geometry.calibration.observations import Sighting
from pianokpm_ros.geometry.camera import Camera

MIN_VIEWS = 8
"""Zhang's method works from three views; below eight the focal length moved by per cents between halves of the
real recording."""

MAX_VIEWS = 40
MIN_TILT = 12.0
"""Boards that face the camera all the time tell nothing of the focal length [deg]."""

USUAL = 1280
"""Limits in pixels are those of a picture whose longer side has so many."""


def scale_limits(size: tuple[int, int]) -> float:
    """Return by how much limits in pixels are larger in a picture of a (width, height) [px]."""
    return max(size) / USUAL


def estimate_intrinsics(
    name: str,
    size: tuple[int, int],
    board: Board,
    sightings: Sequence[Sighting],
    model: str = 'pinhole',
) -> Camera:
    """Return a camera at the origin.

    Args:
        name: of the camera.
        size: (width, height) [px].
        board: what was shown.
        sightings: of this camera.
        model: `pinhole` or `fisheye` (angles of view beyond about 120 degrees).
    """
    if len(sightings) < MIN_VIEWS:
        raise CalibrationError(
            f'camera {name!r}: needs the board in at least {MIN_VIEWS} pictures, found it in '
            f'{len(sightings)}; show it longer, nearer and from more sides'
        )
    chosen = pick_spread(sightings, MAX_VIEWS)
    points = [board.points[s.view.ids].astype(np.float32) for s in chosen]
    pixels = [s.view.pixels.astype(np.float32) for s in chosen]
    try:
        matrix, distortion, turns = _SOLVERS[model](points, pixels, size)
    except cv2.error as error:
        raise CalibrationError(
            f'camera {name!r}: the {model} model fits no lens to the {len(chosen)} pictures; show the '
            'board from more sides and near the edges of the picture'
        ) from error
    _check_tilt(name, turns)
    _check_lens(name, matrix, size)
    return Camera(name, size, matrix, distortion, model=model)


def keep_lenses(
    lenses: Mapping[str, Camera], sizes: Mapping[str, tuple[int, int]]
) -> dict[str, Camera]:
    """Return the lenses of some cameras; refused are those for other pictures, and if no camera has one.

    Args:
        lenses: that are known, by camera.
        sizes: (width, height) of each camera's pictures [px].
    """
    kept = {n: lens for n, lens in lenses.items() if n in sizes}
    if lenses and not kept:
        raise CalibrationError(
            f'asked to keep the lenses of {", ".join(lenses)}; the cameras are called {", ".join(sizes)}: '
            'lenses go by the names of cameras'
        )
    for name, lens in kept.items():
        if lens.size != sizes[name]:
            raise CalibrationError(
                f'camera {name!r}: its lens is calibrated for {lens.size[0]} x {lens.size[1]}, its pictures '
                f'have {sizes[name][0]} x {sizes[name][1]}'
            )
    return kept


def pick_spread(sightings: Sequence[Sighting], count: int) -> list[Sighting]:
    """Pick sightings that lie far apart in place and size in the picture, still ones first."""
    if len(sightings) <= count:
        return list(sightings)
    marks = np.array(
        [[*s.view.pixels.mean(axis=0), *s.view.pixels.std(axis=0)] for s in sightings]
    )
    taken = [int(np.argmin([s.noise for s in sightings]))]
    distance = np.linalg.norm(marks - marks[taken[0]], axis=1)
    noise = np.array([s.noise for s in sightings])
    while len(taken) < count:
        taken.append(int(np.argmax(distance / noise)))
        distance = np.minimum(distance, np.linalg.norm(marks - marks[taken[-1]], axis=1))
    return [sightings[i] for i in sorted(taken)]


def _solve_pinhole(points: list, pixels: list, size: tuple[int, int]) -> tuple:
    """Fit the few parameters that any board fixes; the bundle adjustment frees the others."""
    width, height = size
    guess = np.array([[width, 0, (width - 1) / 2], [0, width, (height - 1) / 2], [0, 0, 1.0]])
    flags = (
        cv2.CALIB_USE_INTRINSIC_GUESS
        | cv2.CALIB_FIX_ASPECT_RATIO
        | cv2.CALIB_FIX_PRINCIPAL_POINT
        | cv2.CALIB_ZERO_TANGENT_DIST
        | cv2.CALIB_FIX_K2
        | cv2.CALIB_FIX_K3
    )
    _, matrix, distortion, turns, _ = cv2.calibrateCamera(
        points, pixels, size, guess, np.zeros(5), flags=flags
    )
    return matrix, distortion.ravel()[:5], turns


def _solve_fisheye(points: list, pixels: list, size: tuple[int, int]) -> tuple:
    flags = cv2.fisheye.CALIB_RECOMPUTE_EXTRINSIC | cv2.fisheye.CALIB_FIX_SKEW
    shaped = [p[None].astype(np.float64) for p in points]
    pictured = [p[None].astype(np.float64) for p in pixels]
    matrix, distortion = np.eye(3), np.zeros(4)
    _, matrix, distortion, turns, _ = cv2.fisheye.calibrate(
        shaped, pictured, size, matrix, distortion, flags=flags
    )
    return matrix, distortion.ravel(), turns


_SOLVERS = {'pinhole': _solve_pinhole, 'fisheye': _solve_fisheye}


def _check_tilt(name: str, turns: Sequence) -> None:
    normals = np.array([cv2.Rodrigues(np.asarray(t))[0][:, 2] for t in turns])
    tilt = np.degrees(np.arccos(np.clip(np.abs(normals[:, 2]), 0, 1)))
    if np.percentile(tilt, 90) < MIN_TILT:
        raise CalibrationError(
            f'camera {name!r}: the board faces the camera in all pictures (tilted by at most '
            f'{tilt.max():.0f} degrees), which leaves the focal length unknown; tilt it by 30 degrees'
        )


def _check_lens(name: str, matrix: np.ndarray, size: tuple[int, int]) -> None:
    """Refuse what no lens has: a focal length beyond 0.2 to 10 widths, a centre outside of the middle half."""
    width, height = size
    centred = (
        abs(matrix[0, 2] - width / 2) < width / 4 and abs(matrix[1, 2] - height / 2) < height / 4
    )
    if not (0.2 < matrix[0, 0] / width < 10 and centred):
        raise CalibrationError(
            f'camera {name!r}: found a focal length of {matrix[0, 0]:.0f} px and a centre at '
            f'({matrix[0, 2]:.0f}, {matrix[1, 2]:.0f}) in pictures of {width} x {height}, which no lens '
            'has; check the board parameters, show the board from more sides'
        )
