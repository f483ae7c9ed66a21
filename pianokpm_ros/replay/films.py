"""What the cameras filmed beside a bag, and the hands found in it once more."""

import logging
from collections.abc import Iterator
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
from pianokpm_ros.recording.video import PART, load_frame_index
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.records import NANOSECONDS

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Film:
    """The video of one camera, F frames.

    Attributes:
        camera: name.
        path: of the video.
        stamp: (F,) [ns].
        sequence: (F,) numbers that the frames had when they were recorded.
    """

    camera: str
    path: Path
    stamp: NDArray[np.int64]
    sequence: NDArray[np.int64]

    @property
    def period(self) -> int:
        """Median time between two frames [ns]."""
        return int(np.median(np.diff(self.stamp))) if len(self.stamp) > 1 else NANOSECONDS // 30


def find_films(bag: Path | str) -> list[Film]:
    """List the videos of a bag, by camera name; raises RecordingError where there is none."""
    path = Path(bag)
    folder = (path if path.is_dir() else path.parent) / VIDEOS
    films = [
        Film(video.stem, video, *load_frame_index(video.with_suffix('.csv')))
        for video in sorted(folder.glob('*.mp4'))
    ]
    films = [f for f in films if len(f.stamp)]
    if parts := sorted(p.name for p in folder.glob(f'{PART}*')):
        logger.warning('%s: cameras were started again; %s is left out', folder, ', '.join(parts))
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
    sources = [VideoFile(f.camera, f.path, 0, f.stamp) for f in films]
    capture = MultiCapture(sources, tolerance)
    workers = make_workers(settings, tuple(f.camera for f in films), rig)
    sequences = {f.camera: f.sequence for f in films}
    capture.open()
    try:
        found = detect_ahead(workers, capture.read_all(), StageTimes())
        yield (
            {n: replace(h, sequence=int(sequences[n][h.sequence])) for n, h in hands.items()}
            for hands in found
        )
    finally:
        capture.close()
        workers.close()
