"""What people have named in pictures of some cameras: where the cameras are by it, and what to name next."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.capture.still import Still
from pianokpm_ros.geometry.calibration.board import CalibrationError
from pianokpm_ros.geometry.calibration.intrinsics import keep_lenses, scale_limits
from pianokpm_ros.geometry.calibration.key_corners import CORNERS, locate_point, say_corner
from pianokpm_ros.geometry.calibration.key_suggestions import ENOUGH, suggest_corner
from pianokpm_ros.geometry.calibration.key_wires import draw_wires, find_pixels, place_names
from pianokpm_ros.geometry.calibration.keyboard_frame import (
    MIN_POINTS,
    Fit,
    Points,
    check_focal,
    check_points,
    fit_camera,
    load_points,
    save_points,
)
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.keyboard.layout import (
    BLACK_FRONT,
    BLACK_HEIGHT,
    BLACK_TOP_WIDTH,
    BLACK_WIDTH,
    FIRST_KEY,
    KEY_CENTRES,
    KEY_WIDTH,
    WHITE_LENGTH,
    is_black,
)

FloatArray = NDArray[np.floating]

ODD, ODD_PIXELS = 3.0, 3.0
"""A point is marked that is off by so many medians, and by so many pixels, more in large pictures."""


class Naming:
    """Corners named in each picture; what is in the file already is kept, also of cameras that aren't shown.

    Attributes:
        stills: the pictures.
        path: of the file of points.
    """

    def __init__(
        self,
        stills: Sequence[Still],
        path: Path,
        lenses: Mapping[str, Camera] | None = None,
    ) -> None:
        """Set up; go on with the file if it is there.

        Args:
            stills: one of each camera, with distinct names.
            path: of the file to write.
            lenses: calibrated lenses, by camera.
        """
        self.stills, self.path = tuple(stills), path
        self._points = load_points(path) if path.exists() else {}
        for still in stills:
            self._check(still)
            self._points.setdefault(still.camera, Points(still.size, (), np.zeros((0, 2))))
        self._lenses = keep_lenses(lenses or {}, {n: p.size for n, p in self._points.items()})
        self._skipped: dict[str, tuple[str, ...]] = {s.camera: () for s in stills}
        self._cameras: dict[str, Camera | None] = {}

    def _check(self, still: Still) -> None:
        there, name = self._points.get(still.camera), still.camera
        if there is None:
            return
        if there.size != still.size:
            asked, found = ('{} x {}'.format(*size) for size in (there.size, still.size))
            raise CalibrationError(
                f'camera {name!r}: its points in {self.path} are for {asked}, its picture has {found}; take pictures '
                'of one size, or begin another file'
            )
        for corner in there.names:
            locate_point(corner)

    @property
    def count(self) -> int:
        """Number of corners that are named in all pictures."""
        return sum(len(p.names) for p in self._points.values())

    def describe(self) -> dict[str, Any]:
        """Return what a page needs first; lengths in [m]."""
        return {
            'file': self.path.name,
            'enough': ENOUGH,
            'least': MIN_POINTS,
            'cameras': [{'name': s.camera, 'size': list(s.size)} for s in self.stills],
            'corners': {c: [locate_point(c).tolist(), say_corner(c)] for c in CORNERS},
            'keyboard': {
                'white': [KEY_WIDTH, WHITE_LENGTH],
                'black': [BLACK_WIDTH, BLACK_TOP_WIDTH, BLACK_FRONT, BLACK_HEIGHT],
                'keys': [
                    [FIRST_KEY + i, round(float(x), 5), is_black(FIRST_KEY + i)]
                    for i, x in enumerate(KEY_CENTRES)
                ],
            },
        }

    def take(self, asked: Mapping[str, Any]) -> str | None:
        """Take what a page says of one camera and return its name; None where it makes no sense.

        Args:
            asked: `camera`, `points` ({corner: [x, y]} [px]) and `skipped` (corners).
        """
        try:
            name, points, skipped = asked['camera'], asked['points'], asked['skipped']
            if name not in self._skipped:
                return None
            for corner in (*points, *skipped):
                locate_point(corner)
            pixels = np.array([[float(x), float(y)] for x, y in points.values()]).reshape(-1, 2)
        except (KeyError, TypeError, ValueError, AttributeError, CalibrationError):
            return None
        if not np.isfinite(pixels).all():
            return None
        self._points[name] = Points(self._points[name].size, tuple(points), pixels)
        self._skipped[name] = tuple(skipped)
        return str(name)

    def judge(self, name: str) -> dict[str, Any]:
        """Return what the points of one camera tell: where it is, how well they agree, which to name next."""
        points, skipped = self._points[name], self._skipped[name]
        pixels = {n: p.tolist() for n, p in zip(points.names, points.pixels, strict=True)}
        told = {'camera': name, 'points': pixels, 'skipped': list(skipped)}
        fit, level, words = self._fit(name, points)
        told |= {'level': level, 'words': words, 'turned': _find_turn(points)}
        trusted = fit is not None and level in ('unsure', 'good')
        self._cameras[name] = fit.camera if trusted else None
        if fit is not None:
            told |= _describe_fit(fit, points)
        return told | self.suggest(name)

    def suggest(self, name: str) -> dict[str, Any]:
        """Return which corner to name next, by where the camera was when it was judged last; quick."""
        named = self._points[name].names
        corner = suggest_corner(named, self._skipped[name], self._cameras.get(name))
        return {'camera': name, 'next': corner}

    def _fit(self, name: str, points: Points) -> tuple[Fit | None, str, str]:
        level, fit = 'few', None
        try:
            fit = fit_camera(name, points, self._lenses.get(name))
            level = 'bad'
            check_points(fit, points.names)
            level = 'unsure'
            check_focal(fit)
        except CalibrationError as error:
            return fit, level, str(error).removeprefix(f'camera {name!r}: ')
        return fit, 'good', ''

    def find_trouble(self) -> str:
        """Say why the points don't place all cameras yet; empty if they do."""
        for name, points in self._points.items():
            _, level, words = self._fit(name, points)
            if level != 'good':
                return f'camera {name!r}: {words}'
        return ''

    def save(self) -> None:
        """Write the file, without cameras in which nothing is named."""
        save_points({n: p for n, p in self._points.items() if p.names}, self.path)


def _find_turn(points: Points) -> bool | None:
    """Tell whether the keys are upside down in the picture, low ones at the right; None where nothing tells."""
    along = np.array([locate_point(n)[0] for n in points.names])
    if len(along) < 2 or np.ptp(along) == 0:
        return None
    across, down = (along - along.mean()) @ (points.pixels - points.pixels.mean(axis=0))
    return bool(across < -abs(down))


def _describe_fit(fit: Fit, points: Points) -> dict[str, Any]:
    median = float(np.median(fit.off))
    odd = fit.off > max(ODD * median, ODD_PIXELS * max(1.0, scale_limits(fit.camera.size)))
    spots = find_pixels(fit.camera, np.stack([locate_point(c) for c in CORNERS]))
    return {
        'median': _number(median),
        'worst': _number(float(fit.off.max())),
        'off': {n: _number(o) for n, o in zip(points.names, fit.off, strict=True)},
        'odd': [n for n, o in zip(points.names, odd, strict=True) if o],
        'wires': {
            kind: [np.round(line, 1).tolist() for line in lines]
            for kind, lines in draw_wires(fit.camera).items()
        },
        'spots': {
            c: np.round(p, 2).tolist()
            for c, p in zip(CORNERS, spots, strict=True)
            if np.isfinite(p[0])
        },
        'names': {n: np.round(p, 1).tolist() for n, p in place_names(fit.camera).items()},
        'focal': round(fit.camera.focal),
        'doubt': _number(fit.focal_doubt),
        'centre': np.round(fit.camera.centre, 3).tolist(),
    }


def _number(value: float) -> float | None:
    """Return what JSON has for a number: null for one that is infinite or unknown."""
    return round(float(value), 3) if math.isfinite(value) else None
