"""Cameras placed by the piano itself: 88 keys of known geometry and a few points named in each picture.

Points are corners of keys: `A0.front_left`, `C4.front_right`, `E4.back_right`, `F#3.front_left`. For white keys
`front` is the front edge on top, `back` where the gap between two white keys without a black one
(E-F, B-C) ends at the felt; for black keys `front` is where their front meets the white keys.
The rig frame: x along the keys to the right, y away from the player, z up, origin in the middle of
the front edge of middle C (C4), on its top.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.optimize import least_squares

from pianokpm_ros.geometry.calibration.board import CalibrationError
from pianokpm_ros.geometry.calibration.pose_graph import make_pose
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.triangulation import solve_linear, stack_projections
from pianokpm_ros.keyboard.layout import (
    BLACK_FRONT,
    BLACK_WIDTH,
    FIRST_KEY,
    KEY_CENTRES,
    KEY_WIDTH,
    WHITE_LENGTH,
)
from pianokpm_ros.records import KEYBOARD_FRAME

FloatArray = NDArray[np.floating]

CLICK_NOISE = 1.5
"""1 sigma of a point named by hand [px]."""

MIN_POINTS = 6
MAX_ERROR = 6.0
"""Beyond this median error a point has a wrong name or place [px]."""

MAX_FOCAL_DOUBT = 0.1
NAMES = ('C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B')
PATTERN = re.compile(r'([A-G]#?)(\d)\.(front|back)_(left|right)')


@dataclass(frozen=True, eq=False)
class Points:
    """Points named in one camera's picture.

    Attributes:
        size: (width, height) [px].
        names: N of them.
        pixels: (N, 2) [px].
    """

    size: tuple[int, int]
    names: tuple[str, ...]
    pixels: FloatArray


@dataclass(frozen=True, eq=False)
class Placement:
    """Cameras in the keyboard's frame.

    Attributes:
        rig: the cameras.
        error: median distance of each camera's points from where they are expected [px].
        focal_doubt: 1 sigma of each focal length that was estimated, in parts of it; 0 where known.
        worst: name of each camera's worst point.
    """

    rig: Rig
    error: dict[str, float]
    focal_doubt: dict[str, float]
    worst: dict[str, str]


def locate_point(name: str) -> FloatArray:
    """Return the place of a named point, (3,) [m]."""
    match = PATTERN.fullmatch(name)
    if not match:
        raise CalibrationError(
            f'asked for the point {name!r}; points are called like A0.front_left, E4.back_right or '
            'F#3.front_right'
        )
    letter, octave, end, side = match.groups()
    key = NAMES.index(letter) + 12 * (int(octave) + 1)
    if not 21 <= key <= 108:
        raise CalibrationError(f'asked for the point {name!r}; keys go from A0 to C8')
    black = '#' in letter
    if end == 'back' and (black or (letter, side) not in _OPEN_GAPS):
        raise CalibrationError(
            f'asked for the point {name!r}; only the gaps between E and F and between B and C reach '
            'back: E.back_right, F.back_left, B.back_right, C.back_left'
        )
    half = (BLACK_WIDTH if black else KEY_WIDTH) / 2
    x = _centre(key) + (half if side == 'right' else -half)
    y = WHITE_LENGTH if end == 'back' else (BLACK_FRONT if black else 0.0)
    return np.array([x, y, 0.0])


_OPEN_GAPS = {('E', 'right'), ('F', 'left'), ('B', 'right'), ('C', 'left')}


def _centre(key: int) -> float:
    return float(KEY_CENTRES[key - FIRST_KEY])


def load_points(path: Path | str) -> dict[str, Points]:
    """Read a YAML file: `cameras: {top: {size: [1920, 1080], points: {A0.front_left: [12, 800], ...}}}`."""
    try:
        content = yaml.safe_load(Path(path).read_text())
        return {
            str(name): Points(
                (int(e['size'][0]), int(e['size'][1])),
                tuple(map(str, e['points'])),
                np.array([[float(x) for x in p] for p in e['points'].values()]).reshape(-1, 2),
            )
            for name, e in content['cameras'].items()
        }
    except OSError as error:
        raise CalibrationError(f'asked for the points in {path}: {error.strerror}') from error
    except (
        yaml.YAMLError,
        UnicodeDecodeError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:
        raise CalibrationError(
            f'{path}: expected `cameras:` with for each a `size: [width, height]` and '
            f'`points: {{A0.front_left: [x, y], ...}}`; {type(error).__name__}: {error}'
        ) from error


def place_by_keyboard(
    points: Mapping[str, Points], lenses: Mapping[str, Camera] | None = None
) -> Placement:
    """Place each camera by its own points; of a lens that isn't given the focal length is fitted."""
    cameras, error, doubt, worst = [], {}, {}, {}
    for name, named in points.items():
        lens = (lenses or {}).get(name)
        if lens is not None and lens.size != named.size:
            raise CalibrationError(
                f'camera {name!r}: its lens is calibrated for {lens.size[0]} x {lens.size[1]}, the points '
                f'are for {named.size[0]} x {named.size[1]}'
            )
        camera, doubt[name] = _place(name, named, lens)
        off = np.linalg.norm(camera.project(_locate(named)) - named.pixels, axis=1)
        off = np.nan_to_num(off, nan=np.inf)  # behind the camera
        error[name], worst[name] = float(np.median(off)), named.names[int(np.argmax(off))]
        _check(name, error[name], float(off.max()), doubt[name], worst[name])
        cameras.append(camera)
    return Placement(Rig(tuple(cameras), KEYBOARD_FRAME), error, doubt, worst)


def move_to_keyboard(rig: Rig, points: Mapping[str, Points]) -> tuple[Rig, float]:
    """Move a calibrated rig into the keyboard's frame by points that two cameras or more name.

    Returns:
        The rig, and the scale of the keyboard in it: 1 if the board's squares are right.
    """
    names = sorted({n for p in points.values() for n in p.names})
    used = [rig.camera(n) for n in points]
    rays = np.full((len(used), len(names), 2), np.nan)
    for i, (camera, named) in enumerate(zip(used, points.values(), strict=True)):
        rows = [names.index(n) for n in named.names]
        rays[i, rows] = camera.normalize(named.pixels)
    seen = solve_linear(stack_projections(used), rays)
    known = np.isfinite(seen).all(axis=1)
    if known.sum() < 4:
        raise CalibrationError(
            f'{known.sum()} points are named in two pictures or more, at least 4 are needed'
        )
    there = np.stack([locate_point(n) for n in names])[known]
    rotation, shift, scale = _fit_motion(seen[known], there)
    cameras = tuple(
        replace(
            c,
            rotation=c.rotation @ rotation.T,
            translation=c.translation - c.rotation @ rotation.T @ shift,
        )
        for c in rig.cameras
    )
    return Rig(cameras, KEYBOARD_FRAME), scale


def _locate(named: Points) -> FloatArray:
    return np.stack([locate_point(n) for n in named.names])


def _place(name: str, named: Points, lens: Camera | None) -> tuple[Camera, float]:
    if len(named.names) < MIN_POINTS:
        raise CalibrationError(
            f'camera {name!r}: needs at least {MIN_POINTS} points, found {len(named.names)}'
        )
    where = _locate(named)
    if np.linalg.matrix_rank(where - where.mean(axis=0), tol=0.01) < 2:
        raise CalibrationError(
            f'camera {name!r}: all points lie on one line; name some at the front of black keys or at '
            'the back of the gaps E-F and B-C too'
        )
    if lens is not None:
        return _pose_of(lens, where, named.pixels), 0.0
    return _fit_focal(name, named, where)


def _pose_of(lens: Camera, where: FloatArray, pixels: FloatArray) -> Camera:
    rays = lens.normalize(pixels)
    _, turn, shift = cv2.solvePnP(where, rays, np.eye(3), None, flags=cv2.SOLVEPNP_IPPE)
    turn, shift = cv2.solvePnPRefineLM(where, rays, np.eye(3), None, turn, shift)
    return replace(lens, rotation=cv2.Rodrigues(turn)[0], translation=shift.ravel())


def _fit_focal(name: str, named: Points, where: FloatArray) -> tuple[Camera, float]:
    width, height = named.size

    def make(focal: float, motion: FloatArray | None) -> Camera:
        matrix = [[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]]
        lens = Camera(name, named.size, np.array(matrix))
        if motion is None:
            return _pose_of(lens, where, named.pixels)
        pose = make_pose(cv2.Rodrigues(motion[:3])[0], motion[3:])
        return replace(lens, rotation=pose[:3, :3], translation=pose[:3, 3])

    def residual(values: FloatArray) -> FloatArray:
        camera = make(width * np.exp(values[0]), values[1:])
        return np.nan_to_num((camera.project(where) - named.pixels).ravel(), nan=1e3)

    best = None
    for guess in (0.6, 1.0, 1.6):
        start = make(guess * width, None)
        motion = [*cv2.Rodrigues(np.array(start.rotation))[0].ravel(), *start.translation]
        fit = least_squares(residual, [np.log(guess), *motion], x_scale='jac', loss='soft_l1')
        best = fit if best is None or fit.cost < best.cost else best
    spread = np.linalg.pinv(best.jac.T @ best.jac) * CLICK_NOISE**2
    return make(width * np.exp(best.x[0]), best.x[1:]), float(np.sqrt(spread[0, 0]))


def _check(name: str, error: float, largest: float, doubt: float, worst: str) -> None:
    if error > MAX_ERROR or largest > 4 * MAX_ERROR:
        raise CalibrationError(
            f'camera {name!r}: the points are {error:.1f} px from where a keyboard has them (median; the '
            f'worst {largest:.0f} px), at most {MAX_ERROR:.0f} can be accepted; look at {worst} first'
        )
    if doubt > MAX_FOCAL_DOUBT:
        raise CalibrationError(
            f'camera {name!r}: the points leave its focal length unknown to {doubt:.0%}; name points '
            'further apart, or give its lens from a calibration with a board'
        )


def _fit_motion(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Return rotation and shift that bring (N, 3) points `a` onto `b`, and the scale of `b` in `a`."""
    middle_a, middle_b = a.mean(axis=0), b.mean(axis=0)
    u, s, v = np.linalg.svd((b - middle_b).T @ (a - middle_a))
    mirror = np.diag([1, 1, np.sign(np.linalg.det(u @ v))])
    rotation = u @ mirror @ v
    scale = float((s * np.diag(mirror)).sum() / ((b - middle_b) ** 2).sum())
    return rotation, middle_b - rotation @ middle_a, scale
