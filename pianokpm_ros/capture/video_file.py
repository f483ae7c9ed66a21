"""A video file as a camera, with the time stamps the file has."""

import logging
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.capture.conversion import BgrConverter
from pianokpm_ros.capture.source import MOST_BROKEN, CaptureError
from pianokpm_ros.records import NANOSECONDS, Frame

logger = logging.getLogger(__name__)


class VideoFile:
    """Read a video, turned as it is to be shown; stamp = `start` + presentation time.

    Frames of another size than the first, as of a phone that was turned while it filmed, are left out.

    Attributes:
        truncated: the last reading ended before the file should.
    """

    def __init__(
        self,
        name: str,
        path: Path | str,
        start: int = 0,
        timestamps: NDArray[np.int64] | None = None,
    ) -> None:
        """Set up.

        Args:
            name: camera name.
            path: any video that FFmpeg reads.
            start: stamp of time 0 of the file [ns].
            timestamps: (F,) [ns] after `start` of each frame, ascending, where something knows
                better than the file.
        """
        self.name, self.path, self.start = name, Path(path), start
        self.size, self.rate, self.count = (0, 0), None, None
        self.truncated = False
        self._timestamps = timestamps
        self._container: av.container.InputContainer | None = None
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._sequence = self._turns = self._misfits = self._broken = 0
        self._convert = BgrConverter()

    def open(self) -> None:
        """Open the file at its first frame; again to start over."""
        self.close()
        self._container = self._open_container()
        if not self._container.streams.video:
            self.close()
            raise CaptureError(
                f'camera {self.name!r}: {self.path} has no picture track; name a video'
            )
        stream = self._container.streams.video[0]
        stream.thread_type = 'SLICE'  # frame threads would read ahead and hold frames back
        self._turns, self.size = self._look_at_first()
        self.rate = float(stream.average_rate) if stream.average_rate else None
        self.count = stream.frames or None
        # AVI tells when frames are decoded, not when they are shown.
        self._times = _DecodingTimes(stream) if self._container.format.name == 'avi' else None
        self._offset = 0 if self._times is not None else stream.start_time or 0
        self._frames = self._container.decode(stream)
        self._sequence = self._misfits = self._broken = 0
        self.truncated = False

    def _open_container(self) -> av.container.InputContainer:
        if not self.path.is_file():
            raise CaptureError(
                f'camera {self.name!r}: asked for the video {self.path}, which is no file; '
                'check the path'
            )
        try:
            return av.open(str(self.path))
        except (av.FFmpegError, OSError) as error:
            raise CaptureError(
                f'camera {self.name!r}: {self.path} is no video that can be read ({error.strerror}); name an MP4, MKV, '
                'AVI or another file that FFmpeg knows'
            ) from error

    def _look_at_first(self) -> tuple[int, tuple[int, int]]:
        """Return the quarter turns to the left that a phone asks for and the (width, height) [px] then.

        Only a decoded picture knows; where none can be decoded, reading says what is wrong.
        """
        with self._open_container() as container:
            stream = container.streams.video[0]
            try:
                first = next(container.decode(stream), None)
            except (av.FFmpegError, OSError):
                first = None
            shown = first or stream.codec_context
            size = shown.width, shown.height
        turns = round(first.rotation / 90) % 4 if first is not None else 0
        return turns, size[::-1] if turns % 2 else size

    def read(self) -> Frame | None:
        """Return the next frame; a file that breaks off ends early, with a warning and `truncated` set."""
        while (picture := self._decode()) is not None:
            stamp = self._stamp(picture)
            if stamp is None:
                return None
            image = self._convert(picture)
            if self._turns:
                image = np.ascontiguousarray(np.rot90(image, self._turns))
            frame = Frame(stamp, self.name, self._sequence, image)
            self._sequence += 1
            if self._fits(frame):
                return frame
        return None

    def _decode(self) -> av.VideoFrame | None:
        while True:
            try:
                picture = next(self._frames, None)
            except (av.FFmpegError, OSError) as error:
                if self._pass_over(error):
                    continue
                self.truncated = True
                return None
            self._broken = 0
            if picture is None:
                self.truncated = self.count is not None and self._sequence < self.count
            return picture

    def _pass_over(self, error: Exception) -> bool:
        """Go on behind data that can't be decoded; False where the file ends there."""
        self._broken += 1
        # Times that are given go by the number of the frame, which nobody knows from here on.
        known = self._timestamps is None and isinstance(error, av.error.InvalidDataError)
        on = known and self._broken < MOST_BROKEN
        if self._broken == 1 or not on:
            logger.warning(
                'camera %s: %s %s after %d frames: %s',
                self.name,
                self.path,
                'has data that can not be decoded, which are left out,' if on else 'breaks off',
                self._sequence,
                error,
            )
        if on:
            self._sequence += 1
            self._frames = self._container.decode(self._container.streams.video[0])
        return on

    def _fits(self, frame: Frame) -> bool:
        size = frame.image.shape[1::-1]
        if size == self.size:
            return True
        if not self._misfits:
            logger.warning(
                'camera %s: from frame %d on %s has pictures of %d x %d instead of %d x %d; such are left out',
                self.name,
                frame.sequence,
                self.path,
                *size,
                *self.size,
            )
        self._misfits += 1
        return False

    def _stamp(self, picture: av.VideoFrame) -> int | None:
        if self._timestamps is not None:
            known = self._sequence < len(self._timestamps)
            return self.start + int(self._timestamps[self._sequence]) if known else None
        ticks = picture.pts if self._times is None else self._times.push(picture.dts)
        if ticks is None:
            raise CaptureError(
                f'camera {self.name!r}: frame {self._sequence} of {self.path} has no time stamp; '
                'give a file of time stamps'
            )
        time = (ticks - self._offset) * picture.time_base
        return self.start + round(time * NANOSECONDS)

    def close(self) -> None:
        """Close the file."""
        self._frames = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None


class _DecodingTimes:
    """When frames are shown, by when they are decoded: in the same order, and as far apart."""

    def __init__(self, stream: av.VideoStream) -> None:
        self._first: int | None = None
        self._next = 0
        rate, base = stream.average_rate, stream.time_base
        self._step = max(1, round(1 / (rate * base))) if rate and base else 1

    def push(self, ticks: int | None) -> int:
        """Return the time of the next frame [ticks]; None = one of the last, which the decoder had kept."""
        if self._first is None:
            self._first = ticks or 0
        time = self._next if ticks is None else ticks - self._first
        self._next = time + self._step
        return time


def load_timestamps(path: Path | str) -> dict[str, NDArray[np.int64]]:
    """Read a CSV with the columns `cam_id` (or `camera`), `frame_index` and `frame_time` [s].

    Returns:
        For each camera (`cam_N` for a number N) the (F,) stamps in frame order [ns], relative to
        the earliest of all.
    """
    path = Path(path)
    try:
        # A spreadsheet's CSV may begin with a byte order mark.
        lines = path.read_text(encoding='utf-8-sig').splitlines()
        if len(lines) < 2:
            raise CaptureError(
                f'{path}: expected a row for each frame below the names of the columns, found none'
            )
        table = np.genfromtxt(lines, delimiter=',', names=True, dtype=None, encoding='utf-8')
    except (OSError, ValueError) as error:
        raise CaptureError(f'asked for time stamps in {path}: {error}') from error
    names = table.dtype.names or ()
    column = next((c for c in ('camera', 'cam_id', 'port') if c in names), None)
    if column is None or not {'frame_index', 'frame_time'} <= set(names):
        raise CaptureError(
            f'{path}: expected the columns cam_id (or camera), frame_index, frame_time; '
            f'found {", ".join(names) or "none"}'
        )
    if table['frame_time'].dtype.kind not in 'if' or not np.isfinite(table['frame_time']).all():
        raise CaptureError(
            f'{path}: frame_time must be a number of seconds in every row; correct the others'
        )
    first, stamps = table['frame_time'].min(), {}
    for label in np.unique(table[column]):
        rows = np.sort(table[table[column] == label], order='frame_index')
        name = label if isinstance(label, str) else f'cam_{label}'
        stamps[str(name)] = np.round((rows['frame_time'] - first) * NANOSECONDS).astype(np.int64)
    return stamps
