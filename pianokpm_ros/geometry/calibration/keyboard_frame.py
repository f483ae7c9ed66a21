"""Cameras placed by the piano itself: 88 keys of known geometry and a few points named in each picture.

Points are corners of keys, by the names of `key_corners`.
The rig frame: x along the keys to the right, y away from the player, z up, origin in the middle of
the front edge of middle C (C4), on its top.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.optimize import least_squares

from pianokpm_ros.geometry.calibration.board import CalibrationError
from pianokpm_ros.geometry.calibration.intrinsics import keep_lenses, scale_limits
from pianokpm_ros.geometry.calibration.key_corners import locate_point
from pianokpm_ros.geometry.calibration.pose_graph import make_pose
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.rig import Rig, move_rig
from pianokpm_ros.geometry.triangulation import solve_linear, stack_projections
from pianokpm_ros.outputs import whole_file
from pianokpm_ros.records import KEYBOARD_FRAME

FloatArray = NDArray[np.floating]

CLICK_NOISE = 1.5
"""1 sigma of a point named by hand [px]; `find_noise` has it for a picture."""

MIN_POINTS = 6
MIN_SHARED = 4
"""Points that two cameras of a rig must name, for it to be moved to the keyboard."""

ON_LINE = 'lie on one line; name some at the front of black keys or at the back of the gaps E-F and B-C too'
MAX_ERROR = 6.0
"""Beyond this median error a point has a wrong name or place [px, `scale_limits`]."""

MAX_FOCAL_DOUBT = 0.1
FOCAL_LENGTHS = 0.3, 6.0
"""Of lenses that are fitted, in widths of their pictures: 118 to 10 degrees across."""


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
class Fit:
    """One camera as its points place it, good or not.

    Attributes:
        camera: in the keyboard's frame.
        off: (N,) distance of each point from where it is expected [px]; infinite behind the camera.
        focal_doubt: 1 sigma of a focal length that was estimated, in parts of it; 0 where known, infinite where the
            points tell nothing of it.
    """

    camera: Camera
    off: FloatArray
    focal_doubt: float


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


def load_points(path: Path | str) -> dict[str, Points]:
    """Read a YAML file: `cameras: {top: {size: [1920, 1080], points: {A0.front_left: [12, 800], ...}}}`."""
    try:
        content = yaml.safe_load(Path(path).read_text())
        return {str(name): _parse_points(e) for name, e in content['cameras'].items()}
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


def _parse_points(entry: Any) -> Points:
    width, height = (int(n) for n in entry['size'])
    places = {str(n): tuple(float(x) for x in p) for n, p in entry['points'].items()}
    for name, place in places.items():
        if len(place) != 2 or not np.isfinite(place).all():
            raise ValueError(f'{name} is named at {list(place)}')
    return Points((width, height), tuple(places), np.array([*places.values()]).reshape(-1, 2))


def save_points(points: Mapping[str, Points], path: Path | str) -> None:
    """Write a file that `load_points` reads, complete or not at all; pixels to a hundredth."""
    content = {
        name: {
            'size': list(p.size),
            'points': {
                n: [round(float(x), 2) for x in xy]
                for n, xy in zip(p.names, p.pixels, strict=True)
            },
        }
        for name, p in points.items()
    }
    text = yaml.safe_dump({'cameras': content}, sort_keys=False, default_flow_style=None)
    with whole_file(path) as part:
        part.write_text(text)


def find_noise(size: tuple[int, int]) -> float:
    """Return 1 sigma of a point named in a picture of a (width, height) [px].

    Lenses and keys differ from their models by parts of the picture; in a small one nobody clicks more finely for that.
    """
    return CLICK_NOISE * max(1.0, scale_limits(size))


def place_by_keyboard(
    points: Mapping[str, Points], lenses: Mapping[str, Camera] | None = None
) -> Placement:
    """Place each camera by its own points; of a lens that isn't given the focal length is fitted."""
    kept = keep_lenses(lenses or {}, {n: p.size for n, p in points.items()})
    fits = {n: fit_camera(n, p, kept.get(n)) for n, p in points.items()}
    for name, fit in fits.items():
        check_points(fit, points[name].names)
        check_focal(fit)
    return Placement(
        Rig(tuple(f.camera for f in fits.values()), KEYBOARD_FRAME),
        {n: float(np.median(f.off)) for n, f in fits.items()},
        {n: f.focal_doubt for n, f in fits.items()},
        {n: points[n].names[int(np.argmax(f.off))] for n, f in fits.items()},
    )


def fit_camera(name: str, named: Points, lens: Camera | None = None) -> Fit:
    """Place one camera by its points; refused are only too few, and points that determine nothing."""
    if lens is not None:
        _check_size(lens, named)
    camera, doubt = _place(name, named, lens)
    return Fit(camera, _measure_off(camera, _locate(named.names), named), doubt)


def check_points(fit: Fit, names: Sequence[str]) -> None:
    """Refuse a camera whose points contradict each other, or a keyboard.

    Args:
        fit: to judge.
        names: N of its points.
    """
    name, error, largest = fit.camera.name, float(np.median(fit.off)), float(fit.off.max())
    worst, limit = names[int(np.argmax(fit.off))], MAX_ERROR * scale_limits(fit.camera.size)
    if not np.isfinite(error):
        raise _see_none(name)
    if error > limit or largest > 4 * limit:
        raise CalibrationError(
            f'camera {name!r}: the points are {error:.1f} px from where a keyboard has them (median; the '
            f'worst {largest:.0f} px), at most {limit:.2g} can be accepted; look at {worst} first'
        )
    if fit.camera.centre[2] < 0:
        raise CalibrationError(
            f'camera {name!r}: the keys are seen from below, so the picture is mirrored or left and right were '
            'mistaken for each other; switch mirroring off in the camera, or name the points again'
        )


def check_focal(fit: Fit) -> None:
    """Refuse a camera whose points leave its focal length unknown."""
    if fit.focal_doubt > MAX_FOCAL_DOUBT:
        known = f'to {fit.focal_doubt:.0%}' if fit.focal_doubt < 1 else 'altogether'
        raise CalibrationError(
            f'camera {fit.camera.name!r}: the points leave its focal length unknown {known}; name points '
            'further apart, or give its lens from a calibration with a board (--lenses)'
        )


def move_to_keyboard(rig: Rig, points: Mapping[str, Points]) -> tuple[Rig, float]:
    """Move a calibrated rig into the keyboard's frame by points that two cameras or more name.

    Returns:
        The rig, and the scale of the keyboard in it: 1 if the board's squares are right.
    """
    points = {n: p for n, p in points.items() if p.names}
    used = {n: rig.camera(n) for n in points}
    for name, camera in used.items():
        _check_size(camera, points[name])
    names, seen = _triangulate(used, points)
    if len(names) < MIN_SHARED:
        raise CalibrationError(
            f'{len(names)} points are named in two pictures or more, at least {MIN_SHARED} are needed; a camera alone '
            'is placed in two runs: by the board, then by --keyboard without videos, with that rig as --lenses'
        )
    there = _locate(names)
    if _are_on_line(there):
        raise CalibrationError(f'all points that are named in two pictures or more {ON_LINE}')
    rotation, shift, scale = _fit_motion(seen, there)
    moved = move_rig(rig, rotation, shift, KEYBOARD_FRAME)
    middle = there.mean(axis=0)
    for camera in (c for c in moved.cameras if c.name in points):
        # Keys are as large as the board makes them: squares that are a little off are no wrong point.
        expected = middle + scale * (_locate(points[camera.name].names) - middle)
        _check_expected(camera, expected, points[camera.name])
    return moved, scale


def _triangulate(
    cameras: Mapping[str, Camera], points: Mapping[str, Points]
) -> tuple[list[str], FloatArray]:
    """Return the N points that two cameras or more name, and their (N, 3) places in the cameras' frame [m]."""
    names = sorted({n for p in points.values() for n in p.names})
    if not names:
        return [], np.zeros((0, 3))
    rays = np.full((len(cameras), len(names), 2), np.nan)
    for i, (name, camera) in enumerate(cameras.items()):
        rows = [names.index(n) for n in points[name].names]
        rays[i, rows] = camera.normalize(points[name].pixels)
    places = solve_linear(stack_projections(list(cameras.values())), rays)
    known = np.flatnonzero(np.isfinite(places).all(axis=1))
    return [names[i] for i in known], places[known]


def _check_size(lens: Camera, named: Points) -> None:
    if lens.size != named.size:
        raise CalibrationError(
            f'camera {lens.name!r}: its lens is calibrated for {lens.size[0]} x {lens.size[1]}, the points '
            f'are for {named.size[0]} x {named.size[1]}'
        )


def _check_expected(camera: Camera, expected: FloatArray, named: Points) -> None:
    """Refuse a camera that sees (N, 3) places [m] elsewhere than they were named."""
    check_points(Fit(camera, _measure_off(camera, expected, named), 0.0), named.names)


def _measure_off(camera: Camera, expected: FloatArray, named: Points) -> FloatArray:
    """Return how far (N, 3) places [m] are pictured from where they were named, (N,) [px]; infinite behind it."""
    off = np.linalg.norm(camera.project(expected) - named.pixels, axis=1)
    return np.nan_to_num(off, nan=np.inf)


def _are_on_line(places: FloatArray) -> bool:
    """Tell whether (N, 3) places on a keyboard [m] lie on one line, as good as: tops of keys are hardly higher."""
    return bool(np.linalg.matrix_rank((places - places.mean(axis=0))[:, :2], tol=0.01) < 2)


def _locate(names: Sequence[str]) -> FloatArray:
    """Return the (N, 3) places of named points [m]."""
    return np.stack([locate_point(n) for n in names])


def _place(name: str, named: Points, lens: Camera | None) -> tuple[Camera, float]:
    if len(named.names) < MIN_POINTS:
        raise CalibrationError(
            f'camera {name!r}: needs at least {MIN_POINTS} points, found {len(named.names)}'
        )
    where = _locate(named.names)
    if _are_on_line(where):
        raise CalibrationError(f'camera {name!r}: all points {ON_LINE}')
    if lens is not None:
        return _pose_of(lens, where, named.pixels), 0.0
    return _fit_focal(name, named, where)


def _pose_of(lens: Camera, where: FloatArray, pixels: FloatArray) -> Camera:
    """Place a lens: as a flat keyboard would have it, since tops of black keys are hardly higher, then exactly."""
    rays = lens.normalize(pixels)
    plane, _ = cv2.findHomography(where[:, :2], rays)
    if plane is None or not np.isfinite(plane).all():
        raise _see_none(lens.name)
    first, second, shift = plane.T * np.sign(plane[2, 2])
    u, _, v = np.linalg.svd(np.stack([first, second, np.cross(first, second)], axis=1))
    turn = cv2.Rodrigues(u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v)[0]
    shift = 2 * shift / (np.linalg.norm(first) + np.linalg.norm(second))
    turn, shift = cv2.solvePnPRefineLM(where, rays, np.eye(3), None, turn, shift[:, None])
    if not np.isfinite([turn, shift]).all():
        raise _see_none(lens.name)
    return replace(lens, rotation=cv2.Rodrigues(turn)[0], translation=shift.ravel())


def _see_none(camera: str) -> CalibrationError:
    return CalibrationError(
        f'camera {camera!r}: no camera sees a keyboard so; name the points again'
    )


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
        off = (camera.project(where) - named.pixels) * (CLICK_NOISE / find_noise(named.size))
        return np.nan_to_num(off.ravel(), nan=1e3)

    low, high = np.log(FOCAL_LENGTHS)
    bounds = [low, *[-np.inf] * 6], [high, *[np.inf] * 6]
    best, why = None, None
    for guess in (0.6, 1.0, 1.6):
        try:
            start = make(guess * width, None)
        except CalibrationError as error:
            why = error
            continue
        motion = [*cv2.Rodrigues(np.array(start.rotation))[0].ravel(), *start.translation]
        fit = least_squares(
            residual, [np.log(guess), *motion], x_scale='jac', loss='soft_l1', bounds=bounds
        )
        best = fit if best is None or fit.cost < best.cost else best
    if best is None:
        raise why
    return make(width * np.exp(best.x[0]), best.x[1:]), _doubt_focal(best.jac)


def _doubt_focal(jacobian: FloatArray) -> float:
    """Return 1 sigma of the first of the parameters that a (2 N, 7) Jacobian is of; infinite where it is free."""
    _, s, v = np.linalg.svd(jacobian / np.maximum(np.linalg.norm(jacobian, axis=0), 1e-12))
    if s[-1] < 1e-9:
        return np.inf
    scale = max(float(np.linalg.norm(jacobian[:, 0])), 1e-12)
    return float(CLICK_NOISE * np.linalg.norm(v[:, 0] / s) / scale)


def _fit_motion(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Return rotation and shift that bring (N, 3) points `a` onto `b`, and the scale of `b` in `a`."""
    middle_a, middle_b = a.mean(axis=0), b.mean(axis=0)
    u, s, v = np.linalg.svd((b - middle_b).T @ (a - middle_a))
    mirror = np.diag([1, 1, np.sign(np.linalg.det(u @ v))])
    rotation = u @ mirror @ v
    scale = float((s * np.diag(mirror)).sum() / ((b - middle_b) ** 2).sum())
    return rotation, middle_b - rotation @ middle_a, scale
