"""Does the confidence fall on hands that the model does not know? Playing hands are bent into strange ones.

Letters: P poses.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.evaluation.takes import Take

from pianokpm_ros.anatomy import FINGER_CHAINS, Side
from pianokpm_ros.muscle.batch import PoseSeries, batch_features
from pianokpm_ros.muscle.bundle import ModelBundle
from pianokpm_ros.muscle.estimator import LITTLE_TRUST
from pianokpm_ros.muscle.features import shape_hand

FloatArray = NDArray[np.floating]

CURL = np.cumsum(np.radians([75.0, 95.0, 60.0]))
"""How far the bones of a finger point into the palm in a fist [rad]."""


def make_fist(local: FloatArray) -> FloatArray:
    """Close the four fingers of (P, 21, 3) hands in their palm frames; the thumb lies over them."""
    closed = _lay(local, CURL, FINGER_CHAINS[1:])
    middle = closed[:, 10]
    for share, joint in zip((0.5, 0.9, 1.1), FINGER_CHAINS[0][2:], strict=True):
        closed[:, joint] = closed[:, 1] + share * (middle - closed[:, 1])
    return closed


def make_flat(local: FloatArray) -> FloatArray:
    """Stretch all fingers in the plane of the palm."""
    return _lay(local, np.zeros(3), FINGER_CHAINS)


def _lay(local: FloatArray, angles: FloatArray, chains: Sequence[tuple[int, ...]]) -> FloatArray:
    """Point the three outer bones of fingers away from the wrist, turned towards the palm by angles [rad]."""
    result = local.copy()
    for chain in chains:
        joints = list(chain)
        away = result[:, joints[1]] * [1.0, 1.0, 0.0]
        away /= np.linalg.norm(away, axis=-1, keepdims=True)
        for angle, before, joint in zip(angles, joints[1:], joints[2:], strict=False):
            bone = np.linalg.norm(local[:, joint] - local[:, before], axis=-1, keepdims=True)
            direction = away * np.cos(angle) - np.array([0.0, 0.0, 1.0]) * np.sin(angle)
            result[:, joint] = result[:, before] + bone * direction
    return result


def shuffle_fingers(local: FloatArray) -> FloatArray:
    """Exchange fingers, as a detector does that takes one for another: index and little, middle and ring tips."""
    result = local.copy()
    for one, other in ((1, 4), (2, 3)):
        first, second = (list(FINGER_CHAINS[i][2:]) for i in (one, other))
        result[:, first], result[:, second] = local[:, second], local[:, first]
    return result


OUTSIDE: dict[str, Callable[[FloatArray], FloatArray]] = {
    'playing': lambda local: local,
    'fist': make_fist,
    'flat hand': make_flat,
    'shuffled fingers': shuffle_fingers,
}


def bend(poses: PoseSeries, side: Side, change: Callable[[FloatArray], FloatArray]) -> PoseSeries:
    """Change the shape of a hand where it is."""
    shape = shape_hand(poses.landmarks, side, poses.placed)
    local = change(shape.local) * shape.length[:, None, None]
    world = local @ shape.axes + shape.world[:, :1]
    if side == Side.LEFT:
        world = world * [-1.0, 1.0, 1.0]
    return replace(poses, landmarks=world)


def score_outside(bundle: ModelBundle, takes: Sequence[Take]) -> dict[str, dict[str, Any]]:
    """Return the median confidence of each kind of hand, and the part of it that is DEGRADED."""
    return {name: _score(bundle, takes, change) for name, change in OUTSIDE.items()}


def _score(bundle: ModelBundle, takes: Sequence[Take], change: Callable) -> dict[str, Any]:
    trust = np.concatenate(
        [
            bundle.novelty.trust(stretch.features)
            for take in takes
            for stretch in batch_features(bend(take.poses, take.side, change), take.side)
        ]
    )
    return {
        'confidence': float(np.median(trust)),
        'degraded': float(np.mean(trust < LITTLE_TRUST)),
    }
