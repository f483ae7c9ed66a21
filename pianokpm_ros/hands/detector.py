"""What finds hands in a frame, whatever stands behind it."""

from typing import Protocol

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.records import Frame, HandLandmarks


class DetectorError(PianokpmError, RuntimeError):
    """A hand detector can't be made."""


class HandDetector(Protocol):
    """Finds hands in the successive frames of one camera; keeps state from frame to frame."""

    def detect(self, frame: Frame) -> HandLandmarks:
        """Find the hands of a frame; a record without hands where there are none."""

    def close(self) -> None:
        """Free what it holds."""
