"""One good picture of a camera, a video or a picture file."""

import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.capture.device import CameraSettings
from pianokpm_ros.capture.live_camera import LiveCamera
from pianokpm_ros.capture.opening import open_source, split_source
from pianokpm_ros.capture.source import CaptureError, FrameSource

PICTURES = ('.jpg', '.jpeg', '.png', '.webp', '.bmp', '.tif', '.tiff')
OTHERS = ('.heic', '.heif', '.avif', '.gif', '.raw', '.dng')
"""Pictures that people have and OpenCV doesn't read."""

SETTLE = 2.0
"""A live camera finds exposure, white balance and focus in this time [s]."""


@dataclass(frozen=True, eq=False)
class Still:
    """One picture.

    Attributes:
        camera: its name.
        image: (height, width, 3) BGR.
    """

    camera: str
    image: NDArray[np.uint8]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) [px]."""
        return self.image.shape[1], self.image.shape[0]


def take_still(text: str, settings: CameraSettings) -> Still:
    """Return one picture of a source, as `open_source` takes it, or of a file with a picture.

    Args:
        text: `[NAME=]FILE`, `NAME=/dev/video0` or `NAME=URL`.
        settings: asked of live cameras.
    """
    name, path = split_source(text)
    kind = Path(path).suffix.lower()
    if kind in PICTURES and '://' not in path:
        return Still(name, _read_picture(name, path))
    if kind in OTHERS and '://' not in path:
        raise CaptureError(f'asked for the picture {path}; save it as JPEG or PNG first')
    source = open_source(text, settings)
    source.open()
    try:
        return Still(source.name, _take(source))
    finally:
        source.close()


def _read_picture(camera: str, path: str) -> NDArray[np.uint8]:
    if not Path(path).is_file():
        raise CaptureError(
            f'camera {camera!r}: asked for the picture {path}, which is no file; check the path'
        )
    image = cv2.imread(path, cv2.IMREAD_COLOR)  # turned as the file says
    if image is None:
        raise CaptureError(
            f'camera {camera!r}: {path} is no picture that can be read; save it as JPEG or PNG'
        )
    return image


def _take(source: FrameSource) -> NDArray[np.uint8]:
    frame = source.read()
    if frame is None:
        raise CaptureError(f'camera {source.name!r} gave no frame; name another file or camera')
    end = time.monotonic() + SETTLE
    while isinstance(source, LiveCamera) and time.monotonic() < end:
        frame = source.poll() or frame  # `read` would wait for ever for one that fell silent
        time.sleep(0.02)
    return frame.image
