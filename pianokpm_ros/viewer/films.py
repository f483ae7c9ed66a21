"""Pictures of a recording: the videos that were filmed beside its bag, a few a second."""

import csv
import logging
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from pianokpm_ros.capture.conversion import BgrConverter
from pianokpm_ros.recording.layout import VIDEOS
from pianokpm_ros.recording.schemas import bag_types, load_store
from pianokpm_ros.recording.video import list_films
from pianokpm_ros.records import NANOSECONDS
from pianokpm_ros.viewer.cameras import PICTURE

logger = logging.getLogger(__name__)

WIDTH = 640
"""Widest picture that is shown [px]."""

FAR = 2 * NANOSECONDS
"""Further ahead than this it is quicker to begin at a key frame than to read on [ns]."""

QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 75]


def open_films(bag: Path) -> list['Film']:
    """Open the videos beside a bag; what can't be shown is left out, with a warning."""
    films = []
    folder = (bag if bag.is_dir() else bag.parent) / VIDEOS
    for camera, path in ((c, p) for c, paths in list_films(folder).items() for p in paths):
        try:
            films.append(Film(camera, path))
        except (av.FFmpegError, OSError, IndexError, KeyError, TypeError, ValueError) as error:
            logger.warning('%s is left out: %s', path, error)
    return films


class Film:
    """One video of a camera, read where it is looked at."""

    def __init__(self, camera: str, path: Path) -> None:
        """Open it; its frames' times count from the stamp of the first one."""
        self.camera = camera
        self._convert = BgrConverter()
        with path.with_suffix('.csv').open(newline='') as file:
            row = next(csv.DictReader(file), None)
        self._first = int(row['stamp']) if row else 0
        self._container = av.open(str(path))
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = 'NONE'  # pictures are few; cores are for others
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._next: av.VideoFrame | None = None
        self._shown = -1

    def read(self, stamp: int) -> tuple[int, bytes] | None:
        """Return stamp and picture message of the newest frame at a moment [ns]; None where it was given before."""
        if stamp < self._first:
            return None
        if self._next is None and 0 <= self._shown <= stamp:
            return None  # the last frame stays
        if self._next is None or not -FAR < self._stamp(self._next) - stamp < FAR:
            self._seek(stamp)
        found = None
        while self._next is not None and self._stamp(self._next) <= stamp:
            found, self._next = self._next, self._decode()
        if found is None or self._stamp(found) == self._shown:
            return None
        self._shown = self._stamp(found)
        return self._shown, self._write(found)

    def _stamp(self, frame: av.VideoFrame) -> int:
        return self._first + round(frame.pts * frame.time_base * NANOSECONDS)

    def _seek(self, stamp: int) -> None:
        """Begin at the key frame before a moment."""
        ahead = max(stamp - self._first, 0) / NANOSECONDS
        try:
            self._container.seek(round(ahead / self._stream.time_base), stream=self._stream)
            self._frames = self._container.decode(self._stream)
        except av.FFmpegError as error:
            logger.warning('%s: %s', self._container.name, error)
            self._frames = iter(())
        self._next = self._decode()
        self._shown = -1

    def _decode(self) -> av.VideoFrame | None:
        """Return the next frame; a video that breaks off, as of a killed recorder, ends there."""
        try:
            return next(self._frames, None)
        except av.FFmpegError as error:
            logger.warning('%s: %s', self._container.name, error)
            return None

    def _write(self, frame: av.VideoFrame) -> bytes:
        image = self._convert(frame)
        if image.shape[1] > WIDTH:
            size = WIDTH, round(image.shape[0] * WIDTH / image.shape[1])
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        types = bag_types()
        jpeg = np.asarray(cv2.imencode('.jpg', image, QUALITY)[1], np.uint8).reshape(-1)
        header = types.header(self._shown, f'{self.camera}_optical_frame')
        message = types.get(PICTURE)(header=header, format='jpeg', data=jpeg)
        return bytes(load_store().serialize_cdr(message, PICTURE))

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()
