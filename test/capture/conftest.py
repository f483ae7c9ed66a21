"""Made-up videos whose frames tell their number."""

import av
import numpy as np
import pytest

SIZE = (96, 64)
RATE = 30


def paint(index: int) -> np.ndarray:
    """Make the picture of a frame: 8 columns, white where a bit of the number is set."""
    bits = (index >> np.arange(8)) & 1
    row = np.repeat(bits * 255, SIZE[0] // 8).astype(np.uint8)
    return np.broadcast_to(row[None, :, None], (SIZE[1], SIZE[0], 3)).copy()


def read_number(image: np.ndarray) -> int:
    """Read the number of a painted picture."""
    columns = image.mean(axis=(0, 2)).reshape(8, -1).mean(axis=1)
    return int(((columns > 127) << np.arange(8)).sum())


def write_video(path, count=20, pts=None, rate=RATE):
    """Write numbered frames; `pts` are their times in frame periods."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=rate, options={'preset': 'ultrafast'})
        stream.width, stream.height, stream.pix_fmt = *SIZE, 'yuv420p'
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(paint(i), format='bgr24')
            frame.pts = i if pts is None else pts[i]
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


@pytest.fixture
def video(tmp_path):
    """Return a function that writes a numbered video and returns its path."""
    return lambda name='a.mp4', **kwargs: write_video(tmp_path / name, **kwargs)
