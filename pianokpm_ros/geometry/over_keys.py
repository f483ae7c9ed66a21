"""How far away a hand is that one camera sees over the keys: its lowest fingertips are near the keys' surface."""

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import FINGERTIPS
from pianokpm_ros.geometry.camera import Camera

FloatArray = NDArray[np.floating]

LOWEST = 2
"""So many fingertips are taken for those near the keys."""

HEIGHT_DEVIATION = 0.025
"""1 sigma of their mean height over the keys [m]. While a hand plays they are within a centimetre; wider, for hands
that are lifted from chord to chord."""

BLURRED = 0.5
"""A camera nearly level with the keys tells less than this, 1 sigma in parts of the distance: then nothing is told."""


def reach_keys(camera: Camera, landmarks: FloatArray) -> tuple[float, float] | None:
    """Tell where along the line of sight a hand touches the keys.

    Args:
        camera: of a rig whose frame is the keyboard's (z = 0 on the white keys).
        landmarks: (21, 3) of a hand as that camera sees it, at some distance [m].

    Returns:
        By which factor the distance from the camera has to change, and 1 sigma of that; None where it can't tell.
    """
    above = camera.centre[2]
    fall = above - np.sort(landmarks[list(FINGERTIPS), 2])[:LOWEST].mean()
    if not fall * BLURRED > HEIGHT_DEVIATION:
        return None
    return float(above / fall), float(HEIGHT_DEVIATION / fall)
