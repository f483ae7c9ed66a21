"""Camera video beside a bag: H.264 that plays up to the last half second whatever happens, and when each frame was.

`<camera>.mp4` is fragmented, so a killed recorder leaves a video that plays. `<camera>.csv` has a row
for each frame: camera, frame_index, frame_time [s], stamp [ns], sequence; `load_timestamps` reads it.
"""

import csv
import itertools
import logging
import queue
import threading
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.records import NANOSECONDS, Frame

logger = logging.getLogger(__name__)

COLUMNS = ('camera', 'frame_index', 'frame_time', 'stamp', 'sequence')
FRAGMENT = 0.5
"""Time after which what was encoded is in the file [s]."""

QUEUE, QUEUE_BYTES = 8, 64_000_000
"""Frames that may wait for the encoder, and more if they are small [bytes]; then the newest are dropped and counted."""

SET_BACK = 1_000_000
"""A frame so long before the last one is not late: the clock was set back [us]. The index has its stamp."""

PART = 'part_'
"""Begins the names of folders of what was filmed after another start."""

MICROSECOND = Fraction(1, 1_000_000)


def choose_folder(folder: Path, cameras: Iterable[str]) -> Path:
    """Return where to film to: `folder`, or `part_2` in it and so on, of a process that was started again."""
    names = [f'{camera}.mp4' for camera in cameras]
    parts = (folder / f'{PART}{number}' for number in itertools.count(2))
    places = itertools.chain([folder], parts)
    return next(p for p in places if not any((p / name).exists() for name in names))


def list_films(folder: Path) -> dict[str, list[Path]]:
    """Return the videos of each camera below a folder that `choose_folder` chose from, in the order of filming."""
    parts = sorted(
        folder.glob(f'{PART}*'), key=lambda p: (len(p.name), p.name)
    )  # part_2 before part_10
    films: dict[str, list[Path]] = {}
    for place in (folder, *parts):
        for path in sorted(place.glob('*.mp4')):
            films.setdefault(path.stem, []).append(path)
    return dict(sorted(films.items()))


class CameraVideo(threading.Thread):
    """Encode one camera's frames in a thread of its own.

    Attributes:
        written: frames in the file.
        dropped: frames for which there was no time, or that were not later than the last.
        error: why it stopped, empty = it goes on.
    """

    def __init__(self, folder: Path, camera: str, rate: float = 60.0, quality: int = 21) -> None:
        """Open the files; the picture's size is that of the first frame.

        Args:
            folder: of the videos, made where it is missing.
            camera: name of the files.
            rate: nominal frame rate, for the encoder [Hz].
            quality: x264's constant rate factor, lower is better.
        """
        super().__init__(name=f'video {camera}', daemon=True)
        self.path, self.camera = Path(folder) / f'{camera}.mp4', camera
        self.written = self.dropped = 0
        self.error = ''
        self._rate, self._quality = rate, quality
        self._queue: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        if self.path.exists():
            raise RecordingError(f'asked to film to {self.path}, which exists; name a new folder')
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._index = self.path.with_suffix('.csv').open('w', newline='')
            self._rows = csv.writer(self._index)
            self._rows.writerow(COLUMNS)
            options = {'movflags': 'frag_keyframe+empty_moov+default_base_moof'}
            options |= {'flush_packets': '1', 'frag_duration': str(int(FRAGMENT * 1e6))}
            self._container = av.open(str(self.path), 'w', format='mp4', options=options)
        except OSError as error:
            raise RecordingError(
                f'asked to film to {self.path}: {error.strerror or error}; choose another place'
            ) from error
        self._stream: av.VideoStream | None = None
        self._first = self._last = 0
        self.start()

    def push(self, frame: Frame) -> None:
        """Hand over a frame; never waits."""
        full = self._queue.qsize() >= max(QUEUE, QUEUE_BYTES // frame.image.nbytes)
        if self.error or full:
            self.dropped += 1
        else:
            self._queue.put(frame)

    def run(self) -> None:
        """Encode until closed."""
        while (frame := self._queue.get()) is not None:
            if self.error:
                self.dropped += 1
                continue
            try:
                self._encode(frame)
            except (av.FFmpegError, OSError) as error:
                self.error = f'{self.path}: {error}; what was filmed so far is kept'
                logger.error('%s', self.error)

    def _open_stream(self, frame: Frame) -> None:
        height, width = frame.image.shape[:2]
        stream = self._container.add_stream('libx264', rate=max(1, round(self._rate)))
        stream.width, stream.height = width - width % 2, height - height % 2
        stream.pix_fmt = 'yuv420p'
        stream.time_base = stream.codec_context.time_base = MICROSECOND
        # A key frame begins a fragment; zero latency keeps no frames inside the encoder.
        gop = max(1, round(self._rate * FRAGMENT))
        stream.options = {
            'crf': str(self._quality),
            'preset': 'ultrafast',
            'tune': 'zerolatency',
            'g': str(gop),
        }
        self._stream, self._first = stream, frame.stamp

    def _time_of(self, stamp: int) -> int:
        """Return when the video shows a frame [us]; where the clock was set back it goes on as if nothing had been."""
        time = round((stamp - self._first) / 1000)
        if time < self._last - SET_BACK:
            time = self._last + round(1e6 / self._rate)
            self._first = stamp - 1000 * time
        return time

    def _encode(self, frame: Frame) -> None:
        if self._stream is None:
            self._open_stream(frame)
        time = self._time_of(frame.stamp)
        if self.written and time <= self._last:
            self.dropped += 1
            return
        image = np.ascontiguousarray(frame.image[: self._stream.height, : self._stream.width])
        picture = av.VideoFrame.from_ndarray(image, format='bgr24')
        picture.pts, picture.time_base = time, MICROSECOND
        self._container.mux(self._stream.encode(picture))
        seconds = f'{frame.stamp // NANOSECONDS}.{frame.stamp % NANOSECONDS:09d}'
        self._rows.writerow((self.camera, self.written, seconds, frame.stamp, frame.sequence))
        if not self.written % max(1, round(self._rate * FRAGMENT)):
            self._index.flush()
        self._last, self.written = time, self.written + 1

    def close(self) -> None:
        """Encode what waits and finish the files; without any frame nothing is left behind."""
        self._queue.put(None)
        self.join()
        try:
            if self._stream is not None and not self.error:
                self._container.mux(self._stream.encode(None))
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            self.error = self.error or f'{self.path}: {error}'
        self._index.close()
        if not self.written:
            self.path.unlink(missing_ok=True)
            self.path.with_suffix('.csv').unlink(missing_ok=True)


def load_frame_index(path: Path | str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read (F,) stamps [ns] and (F,) sequence numbers; a last row that was cut off is left out."""
    try:
        with Path(path).open(newline='') as stream:
            rows = [r for r in csv.DictReader(stream) if None not in r.values()]
        stamps = [(int(r['stamp']), int(r['sequence'])) for r in rows if r['sequence']]
    except (OSError, KeyError, ValueError) as error:
        raise RecordingError(f'asked for the frame index {path}: {error}') from error
    made = np.array(stamps, np.int64).reshape(-1, 2)
    return made[:, 0], made[:, 1]
