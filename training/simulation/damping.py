"""A detector has learned what hands usually look like: it shows fingers that move less than they do, and with others.

The motion of a finger in the palm's frame, about its mean over a take, is seen as a mixture of the motions of all
fingers, along each of the palm's axes: mostly a part of its own, and something of its neighbours'.
Letters: T frames, F fingers (5, from the thumb), J joints (3, from the tip), A axes of the palm: sideways, forward,
normal to it.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pianokpm_ros.anatomy import FINGER_CHAINS, PALM
from pianokpm_ros.muscle.features import WRIST, find_palm_axes

FloatArray = NDArray[np.floating]
Gains = tuple[tuple[tuple[float, ...], ...], ...]
"""How much of each finger's motion (last) is seen in each finger (middle) along each axis (first): (A, F, F)."""

FINGERS = tuple(tuple(i for i in chain if i not in PALM) for chain in FINGER_CHAINS)
"""Landmarks of each finger that are not part of the palm."""

JOINTS = np.array([marks[:-4:-1] for marks in FINGERS])
"""Landmarks of each finger from the tip, (F, J); the thumb's first joint has none like it in other fingers."""

THUMB_BASE = FINGERS[0][0]

PLAIN: Gains = tuple(tuple(map(tuple, np.eye(len(FINGERS)).tolist())) for _ in range(3))
"""Every finger is seen to move as it does."""

LIMITS = (-0.7, 1.5)
"""No finger is seen to move much the wrong way for a whole take, or much more than it does."""

LEAST_MOTION = 0.003
"""A finger that moves less along an axis (one sigma) tells nothing of what is seen of it [m]."""

PULL = 0.001
"""Motion too small to tell two fingers that move together apart (one sigma) [m]."""


def palm_axes(landmarks: FloatArray) -> FloatArray:
    """Axes of the palm, rows of (T, 3, 3): sideways, forward, normal; zero where landmarks coincide."""
    with np.errstate(divide='ignore', invalid='ignore'):
        return np.nan_to_num(find_palm_axes(landmarks))


def draw_gains(mean: ArrayLike, spread: ArrayLike, random: np.random.Generator) -> FloatArray:
    """Draw how much of each finger's motion is seen in each finger in a take, (A, F, F)."""
    mean = np.asarray(mean)
    return (mean + np.asarray(spread) * random.normal(size=mean.shape)).clip(*LIMITS)


def damp(landmarks: FloatArray, gains: ArrayLike) -> FloatArray:
    """Return the error that gains make, (T, 21, 3) [m].

    Args:
        landmarks: exact, (T, 21, 3) [m].
        gains: (A, F, F).
    """
    axes = palm_axes(landmarks)
    motion = _motion(landmarks, axes)
    excess = np.asarray(gains) - np.eye(len(FINGERS))
    error = np.zeros_like(motion)
    error[:, JOINTS] = np.einsum('aij,tjka->tika', excess, motion[:, JOINTS], optimize=True)
    error[:, THUMB_BASE] = excess[:, 0, 0] * motion[:, THUMB_BASE]
    return error @ axes


def measure_gains(truth: FloatArray, seen: FloatArray) -> FloatArray:
    """Find the gains of a hand by least squares, (A, F, F); NaN for fingers that hardly move.

    Args:
        truth: exact landmarks, (T, 21, 3) [m].
        seen: as they were seen, likewise; frames with NaN are left out.
    """
    known = np.isfinite(seen).all(axis=(1, 2))
    real, shown = (_motion(x[known], palm_axes(x[known]))[:, JOINTS] for x in (truth, seen))
    return np.stack([_mix(real[..., a], shown[..., a]) for a in range(3)])


def _mix(real: FloatArray, shown: FloatArray) -> FloatArray:
    """Find what of each real motion is in each that was shown, (F, F), of (T, F, J) along one axis."""
    x, y = (m.transpose(0, 2, 1).reshape(-1, len(FINGERS)) for m in (real, shown))
    moving = np.sqrt(np.square(x).mean(axis=0)) > LEAST_MOTION
    x, plain = x[:, moving], np.eye(len(FINGERS))[moving]
    pull = len(x) * PULL**2
    gains = np.full((len(FINGERS), len(FINGERS)), np.nan)
    gains[:, moving] = np.linalg.solve(
        x.T @ x + pull * np.eye(len(plain)), x.T @ y + pull * plain
    ).T
    return gains


def _motion(landmarks: FloatArray, axes: FloatArray) -> FloatArray:
    """Landmarks in the palm's frame, about their mean, (T, 21, 3) [m]."""
    local = (landmarks - landmarks[:, [WRIST]]) @ axes.transpose(0, 2, 1)
    return local - local.mean(axis=0)
