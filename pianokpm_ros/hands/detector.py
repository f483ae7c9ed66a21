"""What finds hands in a frame, whatever stands behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import LANDMARK_COUNT, Side
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.records import Frame, HandLandmarks

FloatArray = NDArray[np.floating]

HALF_PIXEL = 0.5
"""MediaPipe counts pixels from the edge of the first, the records from its centre."""


class DetectorError(PianokpmError, RuntimeError):
    """A hand detector can't be made."""


@dataclass(frozen=True)
class Tracking:
    """How MediaPipe follows the hands of a camera.

    Attributes:
        max_hands: how many to look for.
        min_detection: least palm score, 0..1.
        min_tracking: least hand presence to go on tracking, 0..1.
        static: look for palms in each frame anew.
    """

    max_hands: int = 2
    min_detection: float = 0.5
    min_tracking: float = 0.5
    static: bool = False


USUAL = Tracking()


class HandDetector(Protocol):
    """Finds hands in the successive frames of one camera; keeps state from frame to frame."""

    def detect(self, frame: Frame) -> HandLandmarks:
        """Find the hands of a frame; a record without hands where there are none."""

    def close(self) -> None:
        """Free what it holds."""


def record_hands(
    frame: Frame,
    camera: str,
    frame_id: str,
    calls: Sequence[tuple[Side, float]],
    pixels: Sequence[FloatArray],
    world: Sequence[FloatArray],
) -> HandLandmarks:
    """Make the record of a frame.

    Args:
        frame: that was looked at.
        camera: name.
        frame_id: optical frame.
        calls: side and score of each hand.
        pixels: (21, 2) of each, 0 = left edge of the first pixel, half a pixel before its centre.
        world: (21, 3) of each [m].
    """
    height, width = frame.image.shape[:2]
    head = (frame.stamp, camera, frame_id, (width, height), frame.sequence)
    if not calls:
        return HandLandmarks.empty(*head)
    return HandLandmarks(
        *head,
        np.array([side for side, _ in calls], np.uint8),
        np.array([score for _, score in calls], np.float32),
        np.stack([p - HALF_PIXEL for p in pixels]).astype(np.float32),
        np.stack(world).astype(np.float32),
        np.full((len(calls), LANDMARK_COUNT), np.nan, np.float32),
    )
