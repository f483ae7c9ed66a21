"""Small JPEG pictures of a camera for people to look at, at most a few a second."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.records import NANOSECONDS, Frame


class Preview:
    """Encode some of one camera's frames."""

    def __init__(self, rate: float, quality: int = 80) -> None:
        """Set up.

        Args:
            rate: most pictures a second of the frames' stamps [Hz].
            quality: of the JPEG, 1 to 100.
        """
        self._period = round(NANOSECONDS / rate)
        self._quality = [cv2.IMWRITE_JPEG_QUALITY, quality]
        self._next = 0

    def encode(self, frame: Frame) -> NDArray[np.uint8] | None:
        """Return the JPEG of a frame, (bytes,); None where it comes too early after the last."""
        if 0 < self._next - frame.stamp <= self._period:  # further ahead: the clock was set back
            return None
        self._next = frame.stamp + self._period
        done, data = cv2.imencode('.jpg', frame.image, self._quality)
        return data if done else None
