"""Bring poses to where the view shows them: over the keyboard, or at a fixed place where no place is known."""

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import LANDMARKS, Side
from pianokpm_ros.muscle.features import KEYBOARD_REACH
from pianokpm_ros.muscle.timebase import is_camera_frame
from pianokpm_ros.view.muscle_shapes import palm_axes

FloatArray = NDArray[np.floating]

HOMES = {Side.LEFT: (-0.17, -0.07, 0.055), Side.RIGHT: (0.17, -0.07, 0.055)}
"""Wrists of hands whose place is unknown, keyboard frame [m]: about where they rest on the keys."""

_WRIST = LANDMARKS.index('wrist')


def is_over_keys(landmarks: FloatArray) -> bool:
    """Tell whether (21, 3) landmarks [m] can be in the keyboard's frame, by their wrist."""
    wrist = landmarks[_WRIST]
    return all(low <= v <= high for v, (low, high) in zip(wrist, KEYBOARD_REACH, strict=True))


def lay_down(landmarks: FloatArray, side: Side) -> FloatArray:
    """Turn (21, 3) landmarks of an unknown frame palm down, fingers away from the player, at the side's home."""
    axes = palm_axes(landmarks, side)
    # x of the keyboard goes to the thumb of a left hand and away from that of a right one.
    axes[0] *= -1 if side == Side.RIGHT else 1
    return (landmarks - landmarks[_WRIST]) @ axes.T + HOMES[side]


def place_hand(landmarks: FloatArray, side: Side, frame_id: str) -> tuple[FloatArray, bool]:
    """Return (21, 3) landmarks [m] to show, and whether they are where the hand is.

    Args:
        landmarks: (21, 3) [m] in `frame_id`.
        side: of the hand.
        frame_id: a camera's optical frame is never the keyboard's.
    """
    if is_over_keys(landmarks) and not is_camera_frame(frame_id):
        return landmarks, True
    return lay_down(landmarks, side), False
