"""What the cameras filmed beside a bag, and the hands found in it once more."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.capture.multi_capture import MultiCapture
from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.hands.choice import HandSettings, make_workers
from pianokpm_ros.offline.pipeline import Hands, StageTimes, detect_ahead
from pianokpm_ros.recording.layout import VIDEOS
from pianokpm_ros.recording.video import list_films, load_frame_index
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.records import NANOSECONDS, Frame


@dataclass(frozen=True, eq=False)
class Piece:
    """A video that was filmed in one go, F frames.

    Attributes:
        path: of the video.
        stamp: (F,) [ns].
        sequence: (F,) numbers that the frames had when they were recorded.
    """

    path: Path
    stamp: NDArray[np.int64]
    sequence: NDArray[np.int64]


class Film:
    """What one camera filmed, a source of frames; after each start of its process another piece began.

    Attributes:
        name: of the camera.
        pieces: one or more, in the order of filming.
        size: (width, height) [px] of the first, once open.
    """

    rate = None

    def __init__(self, name: str, pieces: Sequence[Piece]) -> None:
        self.name, self.pieces = name, tuple(pieces)
        self.size, self.count = (0, 0), sum(len(p.stamp) for p in self.pieces)
        self._videos = [VideoFile(name, p.path, 0, p.stamp) for p in self.pieces]
        self._current = 0

    @property
    def period(self) -> int:
        """Median time between two frames [ns]."""
        steps = np.concatenate([np.diff(p.stamp) for p in self.pieces])
        return int(np.median(steps)) if len(steps) else NANOSECONDS // 30

    def open(self) -> None:
        """Open the first piece, once all of them could be."""
        for video in reversed(self._videos):
            self.close()
            video.open()
        self._current, self.size = 0, self._videos[0].size

    def read(self) -> Frame | None:
        """Return the next frame with the stamp and number with which it was recorded."""
        while (frame := self._videos[self._current].read()) is None:
            if self._current + 1 == len(self._videos):
                return None
            self._videos[self._current].close()
            self._current += 1
            self._videos[self._current].open()
        number = self.pieces[self._current].sequence[frame.sequence]
        return replace(frame, sequence=int(number))

    def close(self) -> None:
        """Close what is open."""
        for video in self._videos:
            video.close()


def find_films(bag: Path | str) -> list[Film]:
    """List the films beside a bag, by camera name; raises RecordingError where there is none."""
    path = Path(bag)
    folder = (path if path.is_dir() else path.parent) / VIDEOS
    films = []
    for camera, videos in list_films(folder).items():
        pieces = [Piece(v, *load_frame_index(v.with_suffix('.csv'))) for v in videos]
        if filled := [p for p in pieces if len(p.stamp)]:
            films.append(Film(camera, filled))
    if not films:
        raise RecordingError(
            f'asked to estimate again from the videos of {bag}, but {folder} holds none with frames; '
            'record with `pianokpm up --record FOLDER --film`'
        )
    return films


@contextmanager
def detect_in_films(
    films: list[Film], settings: HandSettings, rig: Rig | None, tolerance: int
) -> Iterator[Iterator[Hands]]:
    """Find the hands of every set of frames, stamped and numbered as they were recorded.

    Args:
        films: at least one.
        settings: how to find hands.
        rig: of exactly these cameras; None = not calibrated.
        tolerance: largest distance of two frames of one moment [ns].
    """
    capture = MultiCapture(films, tolerance)
    workers = make_workers(settings, tuple(f.name for f in films), rig)
    capture.open()
    try:
        yield detect_ahead(workers, capture.read_all(), StageTimes())
    finally:
        capture.close()
        workers.close()
