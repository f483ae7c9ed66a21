"""A hand in space from one camera: the mean hand, bent as MediaPipe sees it, placed where it covers what is seen.

MediaPipe's metric landmarks can't be placed as they are: of hands at a keyboard the first bones of the fingers come out
half as long as they are, which puts the hand by 10 to 40 % of its distance too near.

Letters: J joints, E edges, R residuals.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from pianokpm_ros.anatomy import BONES, LANDMARK_COUNT
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.hand_template import (
    EDGE_PROPORTIONS,
    EDGES,
    PALM_SIZE,
    SPREAD,
    lengthen,
)
from pianokpm_ros.geometry.triangulation import UPPER

FloatArray = NDArray[np.floating]

NOMINAL_VIEW = np.deg2rad(60.0)
"""Angle of view assumed of a camera without calibration, along the longer side of its pictures, however a phone is
held: phones and webcams have 55 to 75 degrees."""

SIDEWAYS_DEVIATION = 0.007
RELIEF_DEVIATION = 0.013
DISTANCE_PART = 0.12
"""1 sigma across the line of sight and, with the hand as a whole in its place, along it [m]; and of its distance,
in parts of it: root mean squares on nine simulated takes and two real recordings (`make bench-vision` prints how true
they are). The sizes of people alone make 6 %."""

SINGLE_VIEW_NOISE = 0.007
"""1 sigma of a landmark at the hand, one axis across the line of sight, where one view places the whole hand [m]; for
several views see `triangulation.LANDMARK_NOISE`."""

DIRECTION_NOISE = 0.35
"""1 sigma of a bone's direction as MediaPipe sees it [rad]."""

STEPS = 8
START_DAMPING = 1e-3
MIN_LANDMARKS = 6


@dataclass(frozen=True, eq=False)
class PlacedHand:
    """A hand from one view.

    Attributes:
        landmarks: (21, 3) [m], frame of the camera's extrinsics.
        covariance: (21, 6) [m^2].
    """

    landmarks: FloatArray
    covariance: FloatArray


def assume_camera(name: str, size: tuple[int, int]) -> Camera:
    """Make a camera with nominal intrinsics; its optical frame is also the frame of its poses."""
    focal = max(size) / 2 / np.tan(NOMINAL_VIEW / 2)
    matrix = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])
    return Camera(name, size, matrix)


def place_hand(
    camera: Camera, pixels: FloatArray, world: FloatArray, palm: float = PALM_SIZE
) -> PlacedHand | None:
    """Place a hand by its pixels, the lengths of the mean hand, and MediaPipe's directions of the bones.

    Args:
        camera: calibrated, or assumed.
        pixels: (21, 2) [px], NaN = not seen.
        world: (21, 3) [m], MediaPipe's, centred on the hand.
        palm: size of the hand (`hand_template.PALM_SIZE`) [m].

    Returns:
        None where too little is known or the hand would be behind the camera.
    """
    rays = camera.normalize(pixels)
    known = np.isfinite(rays).all(axis=1)
    if known.sum() < MIN_LANDMARKS or not np.isfinite(world).all():
        return None
    start = _place_stiff(rays, known, lengthen(world, palm))
    if start is None:
        return None
    local = _bend(start, rays, known, palm)
    if not np.isfinite(local).all() or local[:, 2].min() <= 0:
        return None
    landmarks = (local - camera.translation) @ camera.rotation
    return PlacedHand(landmarks, spread_covariance(camera, local.mean(axis=0)))


def _place_stiff(
    rays: FloatArray, known: NDArray[np.bool_], hand: FloatArray
) -> FloatArray | None:
    """Return the hand as a stiff body where its picture fits best (SQPnP), in the camera's axes."""
    seen, eye = np.ascontiguousarray(rays[known]), np.eye(3)
    found, turn, shift = cv2.solvePnP(hand[known], seen, eye, None, flags=cv2.SOLVEPNP_SQPNP)
    if not found:
        return None
    local = hand @ cv2.Rodrigues(turn)[0].T + shift[:, 0]
    return local if np.isfinite(local).all() and local[:, 2].min() > 0 else None


def _bend(
    start: FloatArray, rays: FloatArray, known: NDArray[np.bool_], palm: float
) -> FloatArray:
    """Return the likeliest hand (Levenberg-Marquardt): places, lengths and directions weighed by their noise."""
    lengths = EDGE_PROPORTIONS * palm
    problem = _Problem(start, rays, known, lengths)
    hand, damping = start, START_DAMPING
    residual, jacobian = problem.linearise(hand)
    for _ in range(STEPS):
        normal = jacobian.T @ jacobian
        normal[np.diag_indices_from(normal)] *= 1 + damping
        # Cholesky: `numpy.linalg.solve` takes twenty times as long here when its threads find the cores busy.
        _, step, failed = lapack.dposv(normal, jacobian.T @ residual)
        tried = hand - step.reshape(-1, 3)
        trial = problem.linearise(tried)
        better = trial[0] @ trial[0] < residual @ residual
        if not failed and tried[:, 2].min() > 0 and better:
            hand, (residual, jacobian), damping = tried, trial, damping / 10
        else:
            damping *= 10
    return hand


class _Problem:
    """Residuals of a hand in units of their noise, and how they change with it."""

    def __init__(
        self,
        start: FloatArray,
        rays: FloatArray,
        known: NDArray[np.bool_],
        lengths: FloatArray,
    ) -> None:
        self._rays, self._lengths = np.where(known[:, None], rays, 0.0), lengths
        inverse_noise = np.median(start[:, 2]) / SINGLE_VIEW_NOISE
        self._inverse_noise = np.where(known, inverse_noise, 0.0)[:, None]
        count = len(BONES)
        self._difference = np.zeros((len(EDGES), LANDMARK_COUNT))
        rows = np.arange(len(EDGES))
        self._difference[rows, EDGES[:, 0]], self._difference[rows, EDGES[:, 1]] = -1.0, 1.0
        self._turning = self._difference[:count] / (lengths[:count, None] * DIRECTION_NOISE)
        self._directions = self._turning @ start
        # The directions' part of the Jacobian never changes.
        self._fixed = np.kron(self._turning, np.eye(3))

    def linearise(self, hand: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the (R,) residuals and their (R, 3 J) Jacobian at a (J, 3) hand [m]."""
        depth = hand[:, 2:]
        shown = (hand[:, :2] / depth - self._rays) * self._inverse_noise
        sideways = np.zeros((LANDMARK_COUNT, 2, LANDMARK_COUNT, 3))
        each = np.arange(LANDMARK_COUNT)
        scale = self._inverse_noise / depth
        for axis in range(2):
            sideways[each, axis, each, axis] = scale[:, 0]
            sideways[each, axis, each, 2] = -(scale * hand[:, axis : axis + 1] / depth)[:, 0]
        edges = self._difference @ hand
        long = np.linalg.norm(edges, axis=1)
        weight = 1 / (self._lengths * SPREAD)
        along = edges * (weight / long)[:, None]
        stretching = self._difference[:, :, None] * along[:, None, :]
        residual = [
            shown.ravel(),
            (long - self._lengths) * weight,
            (self._turning @ hand - self._directions).ravel(),
        ]
        size = 3 * LANDMARK_COUNT
        jacobian = [sideways.reshape(-1, size), stretching.reshape(-1, size), self._fixed]
        return np.concatenate(residual), np.concatenate(jacobian)


def spread_covariance(
    camera: Camera,
    centre: FloatArray,
    along: float = DISTANCE_PART,
    across: float = SIDEWAYS_DEVIATION,
) -> FloatArray:
    """Return (J, 6) [m^2] of a hand at a (3,) place in the camera's axes.

    `along` is 1 sigma of its distance, in parts of it, `across` that of its landmarks to the sides [m].
    """
    distance = np.linalg.norm(centre)
    sight = camera.rotation.T @ (centre / distance)
    deep = (along * distance) ** 2 + RELIEF_DEVIATION**2
    full = across**2 * np.eye(3) + (deep - across**2) * np.outer(sight, sight)
    return np.tile([full[i, j] for i, j in UPPER], (LANDMARK_COUNT, 1))
