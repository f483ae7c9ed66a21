"""From sightings of a board to a calibrated rig with a statement of its quality, or a refusal with the reason."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.geometry.calibration.board import Board, CalibrationError
from pianokpm_ros.geometry.calibration.bundle import Bundle, adjust_bundle
from pianokpm_ros.geometry.calibration.intrinsics import (
    estimate_intrinsics,
    keep_lenses,
    scale_limits,
)
from pianokpm_ros.geometry.calibration.observations import (
    Moment,
    Sighting,
    check_layout,
    group_moments,
    shift_stamps,
    weigh_by_speed,
)
from pianokpm_ros.geometry.calibration.pose_graph import place_cameras
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.triangulation import solve_linear, stack_projections

FloatArray = NDArray[np.floating]

MAX_FLATNESS = 0.15
"""Corners further than this from a flat board's [squares] carry wrong numbers; a strong fisheye bends by less."""

MAX_ERROR = 2.0
"""Median reprojection error beyond which a calibration is refused [px, `scale_limits`]."""

MAX_SQUARE_ERROR = 0.02
"""Squares measured in space that are off by more than this part speak of a wrong board or unsynchronised videos."""

MIN_KEPT = 0.5
"""A camera that contradicts the others in more than this part of its pictures does not belong to them."""

CLOCK_ROUNDS, CLOCK_SETTLED = 3, 0.004
"""How often to fit with stamps set right, and offsets [s] that don't ask for it."""

LATE = 0.04
"""A camera whose pictures are older than another's by more than this is named [s]."""

MIN_COVERAGE = 0.2
GRID = (8, 6)
"""Cells of the picture that count as covered when a corner lies in them."""


@dataclass(frozen=True, eq=False)
class CameraQuality:
    """How well one camera is calibrated.

    Attributes:
        views: pictures used.
        error: median distance of corners from where they are expected [px].
        error_90: 90th percentile of it [px].
        coverage: part of the picture's cells that corners were in, 0..1.
        pixels: (N, 2) all corners used [px].
        residuals: (N, 2) seen minus expected [px].
    """

    views: int
    error: float
    error_90: float
    coverage: float
    pixels: FloatArray
    residuals: FloatArray


@dataclass(frozen=True, eq=False)
class Calibration:
    """A calibrated rig and how good it is.

    Attributes:
        rig: frame = optical frame of the first camera, unless moved.
        cameras: quality of each.
        moments: moments used.
        squares: (S,) sides of squares between corners triangulated from several views [m].
        square: their true side [m].
        offsets: how much later than its stamps each camera saw the world, against the first [s].
        warnings: what could be better, in words.
    """

    rig: Rig
    cameras: dict[str, CameraQuality]
    moments: int
    squares: FloatArray
    square: float
    offsets: dict[str, float]
    warnings: tuple[str, ...] = ()

    @property
    def error(self) -> float:
        """Median reprojection error over all cameras [px]."""
        every = np.concatenate(
            [np.linalg.norm(q.residuals, axis=1) for q in self.cameras.values()]
        )
        return float(np.median(every))

    @property
    def distances(self) -> dict[tuple[str, str], float]:
        """Distance of each pair of cameras [m]."""
        return {
            (a.name, b.name): float(np.linalg.norm(a.centre - b.centre))
            for a, b in combinations(self.rig.cameras, 2)
        }


def calibrate_rig(
    board: Board,
    sightings: Mapping[str, Sequence[Sighting]],
    sizes: Mapping[str, tuple[int, int]],
    tolerance: int,
    model: str = 'pinhole',
    lenses: Mapping[str, Camera] | None = None,
    fix_clocks: bool = False,
) -> Calibration:
    """Calibrate cameras from a board shown to them.

    Args:
        board: its true dimensions.
        sightings: of each camera, in order of time.
        sizes: (width, height) of each camera's pictures [px].
        tolerance: stamps nearer than this are one moment [ns].
        model: of the lenses that are not given.
        lenses: cameras whose intrinsics are known already and are kept; others' are fitted.
        fix_clocks: trust the stamps, as with cameras that are triggered together.
    """
    weighed = {n: weigh_by_speed(s) for n, s in sightings.items()}
    for name, seen in weighed.items():
        _check_board(name, board, seen)
    known = keep_lenses(lenses or {}, sizes)
    cameras = {
        n: known.get(n) or estimate_intrinsics(n, sizes[n], board, s, model)
        for n, s in weighed.items()
    }
    moments, bundle, offsets = _adjust(cameras, board, weighed, tolerance, known, fix_clocks)
    _check_kept(moments, bundle)
    result = _judge(bundle, board, sizes, offsets)
    _check_result(result, sizes)
    return replace(result, warnings=tuple(_warn(result)))


def _adjust(
    cameras: Mapping[str, Camera],
    board: Board,
    sightings: Mapping[str, Sequence[Sighting]],
    tolerance: int,
    fixed: Collection[str],
    fix_clocks: bool,
) -> tuple[list[Moment], Bundle, dict[str, float]]:
    """Fit everything; where cameras turn out to be late, fit again with the pictures that belong together.

    A board's motion is known by its speed only, which says little of where it was a tenth of a second before.

    Returns:
        The moments, what was fitted to them, and how much later than its stamps each camera saw the world [s].
    """
    best, offsets = None, dict.fromkeys(sightings, 0.0)
    for _ in range(CLOCK_ROUNDS):
        moments = group_moments(shift_stamps(sightings, offsets), tolerance)
        try:
            poses, boards = place_cameras(cameras, board, moments)
        except CalibrationError:
            if best is None:
                raise
            break
        bundle = adjust_bundle(cameras, poses, board, moments, boards, fixed, fix_clocks)
        offsets = {n: offsets[n] + bundle.offsets[n] for n in offsets}
        best, cameras = (moments, bundle, offsets), bundle.cameras
        if max(abs(o) for o in bundle.offsets.values()) < CLOCK_SETTLED:
            break
    return best


def _check_board(name: str, board: Board, sightings: Sequence[Sighting]) -> None:
    if not sightings:
        raise CalibrationError(f'camera {name!r}: the board is in none of its pictures')
    off = check_layout(board, sightings)
    if off > MAX_FLATNESS:
        raise CalibrationError(
            f'camera {name!r}: the corners are {off:.1f} squares from where a board of '
            f'{board.columns} x {board.rows} squares has them; give the columns and rows of your board, '
            'counted in squares'
        )


def _check_kept(moments: Sequence[Moment], bundle: Bundle) -> None:
    """Refuse cameras that had to be left out most of the time."""
    for name in bundle.cameras:
        before, after = (
            sum(name in m.cameras for m in group) for group in (moments, bundle.moments)
        )
        if after < MIN_KEPT * before:
            raise CalibrationError(
                f'camera {name!r}: only {after} of {before} pictures agree with the other cameras; '
                'check that the videos start together and the lenses did not change'
            )


def _judge(
    bundle: Bundle,
    board: Board,
    sizes: Mapping[str, tuple[int, int]],
    offsets: Mapping[str, float],
) -> Calibration:
    quality = {n: _camera_quality(bundle, n, sizes[n]) for n in bundle.cameras}
    rig = Rig(_delay(bundle, offsets), f'{next(iter(bundle.cameras))}_optical_frame')
    return Calibration(
        rig,
        quality,
        len(bundle.moments),
        _measure_squares(bundle, board),
        board.square,
        dict(offsets),
    )


def _delay(bundle: Bundle, offsets: Mapping[str, float]) -> tuple[Camera, ...]:
    """Give the cameras their delays; the promptest camera has none."""
    latest = max(offsets.values())
    return tuple(
        replace(c, delay=round(latest - offsets[n], 4)) for n, c in bundle.cameras.items()
    )


def _camera_quality(bundle: Bundle, name: str, size: tuple[int, int]) -> CameraQuality:
    pixels, residuals = [np.zeros((0, 2))], [np.zeros((0, 2))]
    for moment, rows in zip(bundle.moments, bundle.residuals, strict=True):
        for sighting, residual in zip(moment.sightings, rows, strict=True):
            if sighting.camera == name:
                pixels.append(sighting.view.pixels)
                residuals.append(residual)
    every, off = np.concatenate(pixels), np.concatenate(residuals)
    distance = np.linalg.norm(off, axis=1)
    if not len(distance):
        raise CalibrationError(
            f'camera {name!r}: none of its pictures agrees with the other cameras; check that the videos '
            'start together and the lenses did not change'
        )
    cells = np.clip((every / size * GRID).astype(int), 0, np.array(GRID) - 1)
    coverage = len(np.unique(cells, axis=0)) / (GRID[0] * GRID[1])
    return CameraQuality(
        len(pixels) - 1,
        float(np.median(distance)),
        float(np.percentile(distance, 90)),
        coverage,
        every,
        off,
    )


def _measure_squares(bundle: Bundle, board: Board) -> FloatArray:
    """Triangulate the corners of each moment from the pictures alone and measure the squares' sides."""
    sides = [np.zeros(0)]
    for moment in bundle.moments:
        points = triangulate_corners(bundle.cameras, board, moment, bundle.offsets)
        grid = points.reshape(board.rows - 1, board.columns - 1, 3)
        for axis in (0, 1):
            sides.append(np.linalg.norm(np.diff(grid, axis=axis), axis=-1).ravel())
    every = np.concatenate(sides)
    return every[np.isfinite(every)]


def triangulate_corners(
    cameras: Mapping[str, Camera], board: Board, moment: Moment, offsets: Mapping[str, float]
) -> FloatArray:
    """Return the (C, 3) corners [m] that at least two cameras saw at a moment, NaN for the others."""
    if len(moment.sightings) < 2:
        return np.full(board.points.shape, np.nan)
    used = [cameras[s.camera] for s in moment.sightings]
    rays = np.full((len(used), len(board.points), 2), np.nan)
    for i, s in enumerate(moment.sightings):
        rays[i, s.view.ids] = used[i].normalize(s.at_offset(offsets.get(s.camera, 0.0)))
    return solve_linear(stack_projections(used), rays)


def _check_result(result: Calibration, sizes: Mapping[str, tuple[int, int]]) -> None:
    for name, quality in result.cameras.items():
        limit = MAX_ERROR * scale_limits(sizes[name])
        if quality.error > limit:
            raise CalibrationError(
                f'camera {name!r}: corners are {quality.error:.1f} px from where they are expected, at most '
                f'{limit:.1f} can be accepted; is the board flat and stiff, is the focus fixed, do the '
                'videos start together?'
            )
    if not len(result.squares):
        return
    off = abs(float(np.median(result.squares)) / result.square - 1)
    if off > MAX_SQUARE_ERROR:
        raise CalibrationError(
            f'squares measure {np.median(result.squares) * 1e3:.2f} mm in space and are '
            f'{result.square * 1e3:.2f} mm on the board; do the videos start together?'
        )


def _warn(result: Calibration) -> list[str]:
    words = [
        f'camera {c.name!r}: its pictures are {1e3 * c.delay:.0f} ms later than those of the promptest camera; this is '
        'taken off, and poses wait for it, but steady delays only: try a smaller picture, another format or a cable'
        for c in result.rig.cameras
        if c.delay > LATE
    ]
    for name, quality in result.cameras.items():
        if quality.coverage < MIN_COVERAGE:
            words.append(
                f'camera {name!r}: the board was in {quality.coverage:.0%} of its picture only; what '
                'happens elsewhere is less sure: show it there too'
            )
    return words
