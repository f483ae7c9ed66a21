"""The bones of a hand keep their lengths: learned from poses, then held softly.

Letters: J joints, B bones.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from pianokpm_ros.anatomy import BONES, LANDMARK_COUNT
from pianokpm_ros.geometry.triangulation import UPPER

FloatArray = NDArray[np.floating]

PARENTS = np.array([a for a, _ in BONES])
CHILDREN = np.array([b for _, b in BONES])
STEPS = 3
MIN_NOISE = 1e-3
"""Landmarks are never surer than this, whatever the triangulation says [m]: what a network calls a joint wanders."""


@dataclass(frozen=True)
class BoneSettings:
    """How bones are learned and held.

    Attributes:
        poses: sound poses to learn from before anything is held.
        memory: newest poses that count.
        stiffness: 1 sigma of a bone's length as seen by the network, in parts of it.
    """

    poses: int = 60
    memory: int = 600
    stiffness: float = 0.03


class BoneKeeper:
    """Learn one hand's bone lengths and pull poses towards them."""

    def __init__(self, settings: BoneSettings | None = None) -> None:
        self.settings = settings or BoneSettings()
        self._seen: deque[FloatArray] = deque(maxlen=self.settings.memory)
        self._lengths: FloatArray | None = None
        self._learned = 0

    @property
    def lengths(self) -> FloatArray | None:
        """The (B,) lengths [m], None until enough poses were seen."""
        return self._lengths

    def learn(self, points: FloatArray) -> None:
        """Take (J, 3) points [m] of a sound pose into account."""
        lengths = measure_bones(points)
        if not np.isfinite(lengths).all():
            return
        self._seen.append(lengths)
        self._learned += 1
        # A median of hundreds hardly moves with one more: renewed now and then.
        if len(self._seen) >= self.settings.poses and self._learned % 10 == 0:
            self._lengths = np.median(np.stack(self._seen), axis=0)

    def hold(self, points: FloatArray, covariance: FloatArray) -> FloatArray:
        """Return (J, 3) points moved, as far as their (J, 6) covariance [m^2] lets them, to the known lengths."""
        known = np.isfinite(points).all() and np.isfinite(covariance).all()
        if self._lengths is None or not known:
            return points
        return hold_bones(points, covariance, self._lengths, self.settings.stiffness)


def measure_bones(points: FloatArray) -> FloatArray:
    """Return (..., B) lengths [m] of (..., J, 3) points."""
    return np.linalg.norm(points[..., CHILDREN, :] - points[..., PARENTS, :], axis=-1)


def hold_bones(
    points: FloatArray, covariance: FloatArray, lengths: FloatArray, stiffness: float
) -> FloatArray:
    """Minimise the shift over its covariance and the lengths' errors over their tolerance (Gauss-Newton).

    Args:
        points: (J, 3) [m].
        covariance: (J, 6) [m^2], xx xy xz yy yz zz.
        lengths: (B,) [m].
        stiffness: 1 sigma of a length, in parts of it.

    Returns:
        (J, 3) [m].
    """
    information = _block_information(covariance)
    moved = np.array(points, np.float64)
    tolerance = stiffness * lengths
    rows = np.arange(len(BONES))
    for _ in range(STEPS):
        bones = moved[CHILDREN] - moved[PARENTS]
        length = np.maximum(np.linalg.norm(bones, axis=1), 1e-6)
        direction = bones / length[:, None] / tolerance[:, None]
        jacobian = np.zeros((len(BONES), LANDMARK_COUNT, 3))
        jacobian[rows, CHILDREN] = direction
        jacobian[rows, PARENTS] = -direction
        jacobian = jacobian.reshape(len(BONES), -1)
        error = (lengths - length) / tolerance
        gradient = jacobian.T @ error - information @ (moved - points).ravel()
        # Cholesky, as in `single_view`: much quicker than `numpy.linalg.solve` on busy cores.
        _, step, failed = lapack.dposv(information + jacobian.T @ jacobian, gradient)
        if failed:
            break
        moved = moved + step.reshape(-1, 3)
    return moved


def _block_information(covariance: FloatArray) -> FloatArray:
    full = np.zeros((LANDMARK_COUNT, 3, 3))
    for k, (i, j) in enumerate(UPPER):
        full[:, i, j] = full[:, j, i] = covariance[:, k]
    full += MIN_NOISE**2 * np.eye(3)
    information = np.zeros((LANDMARK_COUNT, 3, LANDMARK_COUNT, 3))
    index = np.arange(LANDMARK_COUNT)
    information[index, :, index, :] = np.linalg.inv(full)
    return information.reshape(3 * LANDMARK_COUNT, -1)
