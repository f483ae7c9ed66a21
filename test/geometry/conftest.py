import numpy as np
import pytest

from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.rig import Rig


def look_at(
    name,
    place,
    target=(0.0, 0.1, 0.02),
    focal=600.0,
    size=(640, 480),
    distortion=None,
    model='pinhole',
):
    """Make a camera at `place` [m] that looks at `target`, image top up."""
    forward = np.subtract(target, place)
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, (0, 0, 1) if abs(forward[2]) < 0.99 else (0, 1, 0))
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    matrix = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])
    if distortion is None:
        distortion = np.zeros(4 if model == 'fisheye' else 5)
    return Camera(
        name,
        size,
        matrix,
        np.asarray(distortion, float),
        rotation,
        -rotation @ np.asarray(place),
        model,
    )


@pytest.fixture
def rig():
    mild = (-0.1, 0.02, 1e-3, -1e-3, 0.0)
    return Rig(
        (
            look_at('top', (0.0, 0.05, 0.7), distortion=mild),
            look_at('left', (-0.6, 0.0, 0.35)),
            look_at('right', (0.6, 0.0, 0.35), distortion=mild),
            look_at('front', (0.1, 0.7, 0.4)),
        )
    )


@pytest.fixture
def hands():
    """Two made-up hands, (2, 21, 3) [m]: fans of fingers 0.4 m apart, left then right."""
    fan = np.zeros((21, 3))
    for finger, angle in enumerate(np.deg2rad([50, 15, 0, -15, -30])):
        for joint in range(4):
            reach = (
                (0.04, 0.06, 0.075, 0.085)[joint]
                if finger == 0
                else (0.09, 0.13, 0.155, 0.175)[joint]
            )
            fan[1 + 4 * finger + joint] = (
                -np.sin(angle) * reach,
                np.cos(angle) * reach,
                0.03 - 0.006 * joint,
            )
    left = fan * (-1, 1, 1) + (-0.2, 0, 0.02)
    return np.stack([left, fan + (0.2, 0, 0.02)])
