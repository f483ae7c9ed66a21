"""A calibrated camera: from points in the rig frame to pixels and back to rays.

Axes of the optical frame are REP 103's: x right, y down, z forward. Pixel (0, 0) is the centre of
the top left pixel.
The distortion models are OpenCV's: `pinhole` (k1 k2 p1 p2 [k3 [k4 k5 k6 ...]]) and `fisheye` (k1
k2 k3 k4).
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pianokpm_ros.errors import PianokpmError

FloatArray = NDArray[np.floating]

MODELS = ('pinhole', 'fisheye')
PINHOLE_LENGTHS = (0, 4, 5, 8, 12, 14)
MIN_DEPTH = 1e-6
"""Points nearer to the camera's plane than this [m] have no picture."""

MAX_DELAY = 1.0
"""A camera that lags more than this [s] needs another connection, not a correction."""

UNDISTORT = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-12)
"""OpenCV's default of five iterations leaves tenths of a pixel with a strong wide angle."""

ASTRAY = 1.0
"""A ray that is seen so far from its pixel [px] is none: OpenCV's inverse ends anywhere where the model has no ray."""


class CameraError(PianokpmError, ValueError):
    """A calibration can't be used."""


def name_optical_frame(camera: str) -> str:
    """Return the name of a camera's optical frame (REP 103's suffix)."""
    return f'{camera}_optical_frame'


@dataclass(frozen=True, eq=False)
class Camera:
    """Intrinsics and place of one camera.

    Attributes:
        name: as in topic names.
        size: (width, height) [px] the intrinsics refer to.
        matrix: (3, 3) [px].
        distortion: (D,) OpenCV coefficients of `model`.
        rotation: (3, 3) from the rig frame to the optical frame.
        translation: (3,) [m], likewise: x_camera = rotation @ x_rig + translation.
        model: `pinhole` or `fisheye`.
        delay: how much older than its stamps the camera's pictures are, against the rig's other
            cameras [s]; buffers of USB and network cameras hold frames back.
    """

    name: str
    size: tuple[int, int]
    matrix: FloatArray
    distortion: FloatArray = field(default_factory=lambda: np.zeros(5))
    rotation: FloatArray = field(default_factory=lambda: np.eye(3))
    translation: FloatArray = field(default_factory=lambda: np.zeros(3))
    model: str = 'pinhole'
    delay: float = 0.0

    def __post_init__(self) -> None:
        for name, shape in (('matrix', (3, 3)), ('rotation', (3, 3)), ('translation', (3,))):
            object.__setattr__(self, name, self._check_array(name, shape))
        object.__setattr__(self, 'distortion', self._check_array('distortion', None))
        object.__setattr__(self, 'size', self._check_size())
        self._check_meaning()

    def _check_size(self) -> tuple[int, int]:
        try:
            width, height = (int(n) for n in self.size)
        except (TypeError, ValueError, OverflowError) as error:
            raise CameraError(
                f'camera {self.name!r}: size must be width and height in pixels, found {self.size!r}'
            ) from error
        return width, height

    def _check_array(self, name: str, shape: tuple[int, ...] | None) -> FloatArray:
        try:
            array = np.array(getattr(self, name), np.float64)
        except (TypeError, ValueError) as error:
            raise CameraError(
                f'camera {self.name!r}: {name} must be numbers, found {getattr(self, name)!r}'
            ) from error
        array = array.reshape(-1) if shape is None else array
        if shape is not None and array.shape != shape:
            raise CameraError(
                f'camera {self.name!r}: {name} must have shape {shape}, found {array.shape}'
            )
        if not np.isfinite(array).all():
            raise CameraError(
                f'camera {self.name!r}: {name} holds NaN or infinity; calibrate this camera again'
            )
        array.setflags(write=False)
        return array

    def _check_meaning(self) -> None:
        who = f'camera {self.name!r}'
        if self.model not in MODELS:
            raise CameraError(
                f'{who}: asked for the model {self.model!r}; known are {", ".join(MODELS)}'
            )
        lengths = (4,) if self.model == 'fisheye' else PINHOLE_LENGTHS
        if len(self.distortion) not in lengths:
            raise CameraError(
                f'{who}: {self.model} takes {lengths} distortion coefficients, found {len(self.distortion)}'
            )
        if min(self.size) < 1:
            raise CameraError(f'{who}: the image size must be positive, found {self.size}')
        if (
            min(self.matrix[0, 0], self.matrix[1, 1]) <= 0
            or abs(np.linalg.det(self.matrix)) < 1e-9
        ):
            raise CameraError(
                f'{who}: the camera matrix is singular or has no positive focal length; calibrate again'
            )
        if not abs(self.delay) < MAX_DELAY:
            raise CameraError(
                f'{who}: the delay must be less than {MAX_DELAY:g} s, found {self.delay}'
            )
        # 1e-4: a rotation written with five decimals passes, a mirrored or scaled one doesn't.
        if (
            not np.allclose(self.rotation @ self.rotation.T, np.eye(3), atol=1e-4)
            or np.linalg.det(self.rotation) < 0
        ):
            raise CameraError(
                f'{who}: rotation is not a rotation matrix (orthonormal, determinant +1)'
            )

    @property
    def frame_id(self) -> str:
        """Name of the optical frame."""
        return name_optical_frame(self.name)

    @property
    def centre(self) -> FloatArray:
        """Place of the optical centre, (3,) [m], rig frame."""
        return -self.rotation.T @ self.translation

    @property
    def focal(self) -> float:
        """Mean focal length [px]."""
        return float((self.matrix[0, 0] + self.matrix[1, 1]) / 2)

    def transform(self, points: ArrayLike) -> FloatArray:
        """Move (..., 3) points [m] from the rig frame to the optical frame."""
        with np.errstate(invalid='ignore'):
            return np.asarray(points, np.float64) @ self.rotation.T + self.translation

    def project(self, points: ArrayLike) -> FloatArray:
        """Picture (..., 3) points [m] of the rig frame as (..., 2) [px]; NaN behind the camera and for NaN."""
        local = self.transform(points)
        flat = local.reshape(-1, 3)
        seen = np.isfinite(flat).all(axis=1) & (flat[:, 2] > MIN_DEPTH)
        pixels = np.full((len(flat), 2), np.nan)
        if seen.any():
            pixels[seen] = self._project_local(flat[seen])
        return pixels.reshape(*local.shape[:-1], 2)

    def _project_local(self, points: FloatArray) -> FloatArray:
        zero = np.zeros(3)
        if self.model == 'fisheye':
            pixels, _ = cv2.fisheye.projectPoints(
                points[:, None], zero, zero, self.matrix, self.distortion
            )
        else:
            pixels, _ = cv2.projectPoints(
                points[:, None], zero, zero, self.matrix, self.distortion
            )
        return pixels[:, 0]

    def normalize(self, pixels: ArrayLike) -> FloatArray:
        """Undistort (..., 2) pixels to (..., 2) coordinates x/z, y/z of the optical frame; NaN stays NaN.

        Pixels outside the picture are NaN too, where they are further out than the lens model reaches.
        """
        pixels = np.asarray(pixels, np.float64)
        flat = pixels.reshape(-1, 2)
        known = np.isfinite(flat).all(axis=1)
        result = np.full(flat.shape, np.nan)
        if known.any():
            result[known] = self._normalize_known(flat[known])
        return result.reshape(pixels.shape)

    def _normalize_known(self, pixels: FloatArray) -> FloatArray:
        if self.model == 'fisheye':
            rays = cv2.fisheye.undistortPoints(pixels[:, None], self.matrix, self.distortion)[:, 0]
        else:
            rays = cv2.undistortPointsIter(
                pixels[:, None], self.matrix, self.distortion, None, None, UNDISTORT
            )[:, 0]
        out = ((pixels < -0.5) | (pixels > np.subtract(self.size, 0.5))).any(axis=1)
        if out.any():
            ways = np.column_stack([rays[out], np.ones(out.sum())])
            off = np.linalg.norm(self._project_local(ways) - pixels[out], axis=1)
            rays[out] = np.where((off < ASTRAY)[:, None], rays[out], np.nan)
        return rays
