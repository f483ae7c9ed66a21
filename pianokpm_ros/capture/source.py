"""What a source of frames can do, whatever stands behind it."""

from typing import Protocol

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.records import Frame

MOST_BROKEN = 30
"""So many pictures after each other that can't be decoded end a file, and open a stream anew."""


class CaptureError(PianokpmError, RuntimeError):
    """A source of frames can't be opened or read."""


class FrameSource(Protocol):
    """One camera's frames, in order.

    Attributes:
        name: camera name.
        size: (width, height) [px], known once open.
        rate: nominal frame rate [Hz], None = unknown.
        count: number of frames, None = unknown or endless.
    """

    name: str
    size: tuple[int, int]
    rate: float | None
    count: int | None

    def open(self) -> None:
        """Get ready, or say in a `CaptureError` why not."""

    def read(self) -> Frame | None:
        """Return the next frame, None at the end."""

    def close(self) -> None:
        """Let go of the device or file; allowed at any time."""
