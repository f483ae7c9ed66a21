"""Bundle adjustment: lenses, places of cameras and boards that fit all pictures at once.

Residuals are pixels over their noise, with analytic sparse derivatives (OpenCV's projection and
composition of motions); the normal equations of some hundred unknowns are solved directly.
"""

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, vstack

from pianokpm_ros.geometry.calibration.board import Board
from pianokpm_ros.geometry.calibration.observations import Moment, Sighting
from pianokpm_ros.geometry.calibration.pose_graph import make_pose
from pianokpm_ros.geometry.camera import Camera

FloatArray = NDArray[np.floating]

POSE = 6
ROBUST_SIGMAS = 2.0
ASPECT_SIGMA = 0.005
"""1 sigma of fx / fy against 1: pixels are square."""

CENTRE_SIGMA = 0.03
"""1 sigma of the principal point against the middle of the picture, in widths."""

PINHOLE_SIGMAS = (0.25, 0.25, 0.003, 0.003, 0.1)
FISHEYE_SIGMAS = (0.1, 0.1, 0.05, 0.02)
"""1 sigma of distortion coefficients against none. A board in a corner of the picture tells little of the lens: what it
doesn't tell stays near what lenses are like. A board all over the picture outweighs this by far."""

FIRST_DAMPING, MAX_STEPS, MAX_TRIES, CONVERGED = 1e-3, 30, 6, 1e-6

OFFSET_SIGMA = 0.05
"""1 sigma of a camera's clock against the first one's [s]: buffers of USB and network cameras hold 1 to 3 frames."""

REJECT_SIGMAS = 6.0
"""Sightings whose root mean square is beyond this many of the median are left out of the second round."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """The result.

    Attributes:
        cameras: adjusted, in the first camera's optical frame.
        boards: (4, 4) pose of the board at each moment, in the same frame.
        moments: what was used.
        residuals: for each sighting, in the order of `moments`, (C, 2) [px], seen minus expected.
        offsets: how much later than its stamps each camera saw the world, against the first [s].
    """

    cameras: dict[str, Camera]
    boards: list[FloatArray]
    moments: list[Moment]
    residuals: list[list[FloatArray]]
    offsets: dict[str, float]


def adjust_bundle(
    cameras: Mapping[str, Camera],
    poses: Mapping[str, FloatArray],
    board: Board,
    moments: Sequence[Moment],
    boards: Sequence[FloatArray],
    fixed: Collection[str] = (),
    fix_clocks: bool = False,
) -> Bundle:
    """Fit everything, leave out the sightings that don't fit, fit again.

    Args:
        cameras: with lenses to begin with.
        poses: (4, 4) from the first camera's frame to each camera's, to begin with.
        board: its true dimensions.
        moments: when it was seen.
        boards: (4, 4) pose of the board at each moment, in the first camera's frame, to begin with.
        fixed: cameras whose lenses are kept as they are.
        fix_clocks: trust the stamps.
    """
    problem = _Problem(cameras, board, moments, fixed, fix_clocks)
    values = problem.solve(problem.pack(cameras, poses, boards))
    kept = problem.select_fitting(values)
    if any(len(a.sightings) < len(b.sightings) for a, b in zip(kept, moments, strict=True)):
        left = [i for i, m in enumerate(kept) if m.sightings]
        placed, boards = problem.unpack(values)
        poses = {n: make_pose(c.rotation, c.translation) for n, c in placed.items()}
        problem = _Problem(placed, board, [kept[i] for i in left], fixed, fix_clocks)
        values = problem.solve(problem.pack(placed, poses, [boards[i] for i in left]))
    placed, boards = problem.unpack(values)
    offsets = {n: problem.offset_of(n, values) for n in placed}
    return Bundle(placed, boards, list(problem.moments), problem.list_residuals(values), offsets)


class _Problem:
    """Parameters in one vector: lens of each camera, pose of each camera but the first, pose of each board."""

    def __init__(
        self,
        cameras: Mapping[str, Camera],
        board: Board,
        moments: Sequence[Moment],
        fixed: Collection[str] = (),
        fix_clocks: bool = False,
    ) -> None:
        self.cameras, self.board, self.moments = dict(cameras), board, tuple(moments)
        self._free = [n for n in self.cameras if n not in fixed]
        self._lens, self._pose, self._offset, position = {}, {}, {}, 0
        for name, camera in self.cameras.items():
            length = 4 + len(camera.distortion) if name in self._free else 0
            self._lens[name] = slice(position, position + length)
            position += length
        for name in list(self.cameras)[1:]:
            self._pose[name] = slice(position, position + POSE)
            position += POSE
            if not fix_clocks:
                self._offset[name] = slice(position, position + 1)
                position += 1
        self._boards = position
        self.size = position + POSE * len(self.moments)
        self._priors = self._make_priors()

    def pack(
        self,
        cameras: Mapping[str, Camera],
        poses: Mapping[str, FloatArray],
        boards: Sequence[FloatArray],
    ) -> FloatArray:
        values = np.zeros(self.size)
        for name, camera in cameras.items():
            if name in self._free:
                m = camera.matrix
                values[self._lens[name]] = [
                    m[0, 0],
                    m[1, 1],
                    m[0, 2],
                    m[1, 2],
                    *camera.distortion,
                ]
            if name in self._pose:
                values[self._pose[name]] = _to_vector(poses[name])
        for i, pose in enumerate(boards):
            values[self._board_slice(i)] = _to_vector(pose)
        return values

    def unpack(self, values: FloatArray) -> tuple[dict[str, Camera], list[FloatArray]]:
        cameras = {}
        for name, camera in self.cameras.items():
            matrix, distortion = self._lens_of(name, values)
            pose = _to_pose(self._pose_of(name, values))
            cameras[name] = replace(
                camera,
                matrix=matrix,
                distortion=distortion,
                rotation=pose[:3, :3],
                translation=pose[:3, 3],
            )
        return cameras, [_to_pose(values[self._board_slice(i)]) for i in range(len(self.moments))]

    def solve(self, values: FloatArray) -> FloatArray:
        """Take Levenberg and Marquardt's steps; residuals beyond `ROBUST_SIGMAS` pull ever less (soft L1)."""
        residual, damping = self._residuals(values), FIRST_DAMPING
        for _ in range(MAX_STEPS):
            weights = 1 / np.sqrt(1 + (residual / ROBUST_SIGMAS) ** 2)
            jacobian = self._jacobian(values)
            normal = (jacobian.T @ jacobian.multiply(weights[:, None]).tocsr()).toarray()
            gradient = jacobian.T @ (weights * residual)
            before = _robust_cost(residual)
            for _ in range(MAX_TRIES):
                damped = normal + damping * np.diag(np.diag(normal) + 1e-12)
                moved = values - _solve_normal(damped, gradient)
                changed = self._residuals(moved)
                if _robust_cost(changed) < before:
                    break
                damping *= 4
            else:
                return values
            values, residual, damping = moved, changed, damping / 5
            if before - _robust_cost(residual) < CONVERGED * before:
                break
        return values

    def list_residuals(self, values: FloatArray) -> list[list[FloatArray]]:
        return [
            [self._project(values, i, s)[0] for s in moment.sightings]
            for i, moment in enumerate(self.moments)
        ]

    def select_fitting(self, values: FloatArray) -> list[Moment]:
        residuals = self.list_residuals(values)
        size = [
            [
                float(np.sqrt((r**2).sum(axis=1).mean())) / s.noise
                for s, r in zip(m.sightings, rs, strict=True)
            ]
            for m, rs in zip(self.moments, residuals, strict=True)
        ]
        limit = REJECT_SIGMAS * float(np.median([x for row in size for x in row]))
        return [
            Moment(tuple(s for s, x in zip(m.sightings, row, strict=True) if x <= limit))
            for m, row in zip(self.moments, size, strict=True)
        ]

    def _board_slice(self, index: int) -> slice:
        return slice(self._boards + POSE * index, self._boards + POSE * (index + 1))

    def _lens_of(self, name: str, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        if name not in self._free:
            return self.cameras[name].matrix, self.cameras[name].distortion
        v = values[self._lens[name]]
        return np.array([[v[0], 0, v[2]], [0, v[1], v[3]], [0, 0, 1]]), v[4:]

    def _pose_of(self, name: str, values: FloatArray) -> FloatArray:
        return values[self._pose[name]] if name in self._pose else np.zeros(POSE)

    def offset_of(self, name: str, values: FloatArray) -> float:
        return float(values[self._offset[name]][0]) if name in self._offset else 0.0

    def _project(
        self, values: FloatArray, index: int, sighting: Sighting, derive: bool = False
    ) -> tuple[FloatArray, list[tuple[slice, FloatArray]]]:
        """Return residuals (C, 2) [px] and derivatives (2 C, P) of the picture by blocks of parameters."""
        at = self._board_slice(index)
        board, camera = values[at], self._pose_of(sighting.camera, values)
        turn, shift, *chain = cv2.composeRT(board[:3], board[3:], camera[:3], camera[3:])
        matrix, distortion = self._lens_of(sighting.camera, values)
        points = self.board.points[sighting.view.ids]
        model = self.cameras[sighting.camera].model
        pixels, by_lens, by_motion = _picture(model, points, turn, shift, matrix, distortion)
        # A camera whose stamps are early by some time shows where the board will be then.
        residual = sighting.at_offset(self.offset_of(sighting.camera, values)) - pixels
        if not derive:
            return residual, []
        by_board = by_motion @ np.block([[chain[0], chain[1]], [chain[4], chain[5]]])
        blocks = [(at, by_board)]
        if sighting.camera in self._pose:
            by_camera = by_motion @ np.block([[chain[2], chain[3]], [chain[6], chain[7]]])
            blocks.append((self._pose[sighting.camera], by_camera))
            if sighting.velocity is not None and sighting.camera in self._offset:
                blocks.append((self._offset[sighting.camera], sighting.velocity.reshape(-1, 1)))
        if sighting.camera in self._free:
            blocks.append((self._lens[sighting.camera], by_lens))
        return residual, blocks

    def _residuals(self, values: FloatArray) -> FloatArray:
        pictures = [
            self._project(values, i, s)[0].ravel() / s.noise
            for i, m in enumerate(self.moments)
            for s in m.sightings
        ]
        matrix, expected = self._priors
        return np.concatenate([*pictures, matrix @ values - expected])

    def _make_priors(self) -> tuple[csr_matrix, FloatArray]:
        """Return what is known of lenses before: the residual is `matrix @ values - expected`, in sigmas."""
        entries, expected = [], []
        for name in self._free:
            camera = self.cameras[name]
            start, (width, height) = self._lens[name].start, camera.size
            focal = camera.focal
            row = len(expected)
            entries += [(row, start, 1 / (ASPECT_SIGMA * focal))]
            entries += [(row, start + 1, -1 / (ASPECT_SIGMA * focal))]
            sigmas = FISHEYE_SIGMAS if camera.model == 'fisheye' else PINHOLE_SIGMAS
            weights = [1 / (CENTRE_SIGMA * width)] * 2 + [1 / s for s in sigmas]
            values = [(width - 1) / 2, (height - 1) / 2] + [0.0] * len(sigmas)
            expected.append(0.0)
            for k, (weight, value) in enumerate(zip(weights, values, strict=True)):
                entries.append((row + 1 + k, start + 2 + k, weight))
                expected.append(weight * value)
        for at in self._offset.values():
            entries.append((len(expected), at.start, 1 / OFFSET_SIGMA))
            expected.append(0.0)
        rows, columns, weights = zip(*entries, strict=True) if entries else ((), (), ())
        shape = (len(expected), self.size)
        return csr_matrix((weights, (rows, columns)), shape), np.array(expected)

    def _jacobian(self, values: FloatArray) -> csr_matrix:
        rows, columns, entries, row = [], [], [], 0
        for i, moment in enumerate(self.moments):
            for sighting in moment.sightings:
                _, blocks = self._project(values, i, sighting, derive=True)
                for at, block in blocks:
                    r, c = np.meshgrid(
                        np.arange(row, row + len(block)),
                        np.arange(at.start, at.stop),
                        indexing='ij',
                    )
                    rows.append(r.ravel())
                    columns.append(c.ravel())
                    entries.append(-block.ravel() / sighting.noise)
                row += 2 * len(sighting.view.ids)
        stacked = [np.concatenate(x) for x in (entries, rows, columns)]
        pictures = coo_matrix((stacked[0], (stacked[1], stacked[2])), (row, self.size))
        return vstack([pictures, self._priors[0]]).tocsr()


def _solve_normal(matrix: FloatArray, gradient: FloatArray) -> FloatArray:
    """Return the step. One that pictures hardly tell is no news to a user: it is taken only where it fits better."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', scipy.linalg.LinAlgWarning)
        return scipy.linalg.solve(matrix, gradient, assume_a='pos')


def _robust_cost(residual: FloatArray) -> float:
    return float((np.sqrt(1 + (residual / ROBUST_SIGMAS) ** 2) - 1).sum())


def _picture(
    model: str,
    points: FloatArray,
    turn: FloatArray,
    shift: FloatArray,
    matrix: FloatArray,
    distortion: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return pixels (C, 2), derivatives by fx fy cx cy and distortion (2 C, 4 + D) and by motion (2 C, 6)."""
    if model == 'fisheye':
        pixels, full = cv2.fisheye.projectPoints(points[:, None], turn, shift, matrix, distortion)
        return pixels[:, 0], full[:, :8], full[:, 8:14]
    pixels, full = cv2.projectPoints(points[:, None], turn, shift, matrix, distortion)
    return pixels[:, 0], full[:, 6 : 10 + len(distortion)], full[:, :6]


def _to_vector(pose: FloatArray) -> FloatArray:
    return np.concatenate([cv2.Rodrigues(pose[:3, :3])[0].ravel(), pose[:3, 3]])


def _to_pose(vector: FloatArray) -> FloatArray:
    return make_pose(cv2.Rodrigues(vector[:3])[0], vector[3:])
