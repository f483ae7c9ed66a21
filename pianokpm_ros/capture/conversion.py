"""Decoded video frames as BGR pictures."""

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray


class BgrConverter:
    """Converts the frames of one video; FFmpeg's set-up is kept, or it would cost as much as the work each time."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """Return (height, width, 3)."""
        # One thread: the others of this machine look for hands.
        return self._reformatter.reformat(frame, format='bgr24', threads=1).to_ndarray()
