"""Write pictures as H.264 with the time stamps they have, complete or not at all."""

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.view.lettering import BgrImage

MICROSECOND = Fraction(1, 1_000_000)


class VideoWriteError(PianokpmError, RuntimeError):
    """A video can't be written."""


class VideoWriter:
    """Write an MP4 whose frame times are exact to a microsecond.

    Frames go to a hidden file beside the target, which is renamed by `close`; `discard` leaves
    nothing behind. As a context manager it closes after success and discards after an error.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], rate: float = 30.0, quality: int = 21
    ) -> None:
        """Open the file.

        Args:
            path: target, `.mp4`.
            size: (width, height) [px], both even.
            rate: nominal rate, for the encoder's rate control only [Hz].
            quality: x264's constant rate factor, lower is better.
        """
        if size[0] % 2 or size[1] % 2:
            raise VideoWriteError(
                f'asked for a video of {size[0]}x{size[1]}, but H.264 needs even sizes; '
                'crop or scale the pictures'
            )
        self.path = Path(path)
        self._part = self.path.with_name(f'.{self.path.name}.part')
        self._size, self._first, self._last = size, None, -1
        try:
            self._part.touch()
            self._container = av.open(
                str(self._part), 'w', format='mp4', options={'movflags': '+faststart'}
            )
        except OSError as error:
            raise VideoWriteError(
                f'asked to write {self.path}: {error.strerror or error}; '
                'choose a folder that can be written'
            ) from error
        self._stream = self._container.add_stream('libx264', rate=max(1, round(rate)))
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = 'yuv420p'
        self._stream.time_base = self._stream.codec_context.time_base = MICROSECOND
        self._stream.options = {'crf': str(quality), 'preset': 'veryfast'}
        self.count = 0

    def write(self, image: BgrImage, stamp: int) -> None:
        """Append a picture.

        Args:
            image: (height, width, 3) BGR.
            stamp: [ns]; the first one becomes time 0. A picture that isn't later than the last one
                is refused.
        """
        if (image.shape[1], image.shape[0]) != self._size:
            raise VideoWriteError(
                f'asked to append a picture of {image.shape[1]}x{image.shape[0]} to a video of '
                f'{self._size[0]}x{self._size[1]}'
            )
        self._first = stamp if self._first is None else self._first
        time = round((stamp - self._first) / 1000)
        if time <= self._last:
            raise VideoWriteError(
                f'asked to append a picture at {time} us after one at {self._last} us; '
                'stamps must increase'
            )
        frame = av.VideoFrame.from_ndarray(image, format='bgr24')
        frame.pts, frame.time_base = time, MICROSECOND
        self._container.mux(self._stream.encode(frame))
        self._last, self.count = time, self.count + 1

    def close(self) -> Path | None:
        """Finish the file and give it its name; without any frame nothing is left behind and None returned."""
        if not self.count:
            self.discard()
            return None
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            os.replace(self._part, self.path)
        except BaseException:
            self._part.unlink(missing_ok=True)
            raise
        return self.path

    def discard(self) -> None:
        """Give up and remove what was written."""
        self._container.close()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> 'VideoWriter':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()
