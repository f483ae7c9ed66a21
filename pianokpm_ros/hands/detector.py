"""What finds hands in a frame, whatever stands behind it."""

from dataclasses import dataclass
from typing import Protocol

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.records import Frame, HandLandmarks


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
