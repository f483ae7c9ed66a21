"""A detector has learned what hands usually look like, and shows fingers that move less, or else, than they do.

The motion of a finger in the palm's frame, about its mean over a take, is seen times a gain along each of the palm's
axes. Letters: T frames, F fingers (5, from the thumb), A axes of the palm: sideways, forward, normal to it.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pianokpm_ros.anatomy import FINGER_CHAINS, PALM
from pianokpm_ros.muscle.features import WRIST, find_palm_axes

FloatArray = NDArray[np.floating]

FINGERS = tuple(tuple(i for i in chain if i not in PALM) for chain in FINGER_CHAINS)
"""Landmarks of each finger that are not part of the palm."""

GAINS = (0.0, 1.5)
"""No finger is seen to move the wrong way for a whole take, or much more than it does."""

LEAST_MOTION = 0.003
"""A finger that moves less along an axis (one sigma) tells nothing of its gain there [m]."""


def palm_axes(landmarks: FloatArray) -> FloatArray:
    """Axes of the palm, rows of (T, 3, 3): sideways, forward, normal; zero where landmarks coincide."""
    with np.errstate(divide='ignore', invalid='ignore'):
        return np.nan_to_num(find_palm_axes(landmarks))


def draw_gains(mean: ArrayLike, spread: ArrayLike, random: np.random.Generator) -> FloatArray:
    """Draw how much of each finger's motion is seen in a take, (F, A)."""
    size = (len(FINGERS), 3)
    return (np.asarray(mean) + np.asarray(spread) * random.normal(size=size)).clip(*GAINS)


def damp(landmarks: FloatArray, gain: FloatArray) -> FloatArray:
    """Return the error that gains make, (T, 21, 3) [m].

    Args:
        landmarks: exact, (T, 21, 3) [m].
        gain: (F, A).
    """
    axes = palm_axes(landmarks)
    motion = _motion(landmarks, axes)
    error = np.zeros_like(motion)
    for finger, marks in enumerate(FINGERS):
        error[:, marks] = (gain[finger] - 1.0) * motion[:, marks]
    return error @ axes


def measure_gains(truth: FloatArray, seen: FloatArray) -> FloatArray:
    """Find the gains of a hand by least squares, (F, A); NaN where a finger hardly moves.

    Args:
        truth: exact landmarks, (T, 21, 3) [m].
        seen: as they were seen, likewise; frames with NaN are left out.
    """
    known = np.isfinite(seen).all(axis=(1, 2))
    real, shown = (_motion(x[known], palm_axes(x[known])) for x in (truth, seen))
    gains = np.full((len(FINGERS), 3), np.nan)
    for finger, marks in enumerate(FINGERS):
        a, b = real[:, marks], shown[:, marks]
        size = np.square(a).mean(axis=(0, 1))
        moving = size > LEAST_MOTION**2
        gains[finger, moving] = ((a * b).mean(axis=(0, 1)) / np.maximum(size, 1e-12))[moving]
    return gains


def _motion(landmarks: FloatArray, axes: FloatArray) -> FloatArray:
    """Landmarks in the palm's frame, about their mean, (T, 21, 3) [m]."""
    local = (landmarks - landmarks[:, [WRIST]]) @ axes.transpose(0, 2, 1)
    return local - local.mean(axis=0)
