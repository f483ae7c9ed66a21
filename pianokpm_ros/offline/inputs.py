"""Find out what to estimate from: videos, which camera made which, their calibration, time stamps and keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.capture.address import is_camera_name, make_camera_name
from pianokpm_ros.capture.multi_capture import MultiCapture
from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.capture.video_file import VideoFile, load_timestamps
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.rig_formats import load_any_rig
from pianokpm_ros.records import NANOSECONDS
from pianokpm_ros.takes import Take

ORIGIN = NANOSECONDS
"""Stamp of the beginning of the videos [ns]. Not 0: with a look-ahead the first estimates tell of a time before it,
and stamps can't be negative."""


class InputError(PianokpmError, ValueError):
    """What was named can't be estimated from."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Videos of one scene.

    Attributes:
        name: of the whole, for files and titles.
        videos: path for each camera name.
        rig: the calibration of exactly these cameras in this order; None = one camera, nominal
            intrinsics.
        timestamps: (F,) [ns] of each camera's frames; empty = those in the videos.
    """

    name: str
    videos: dict[str, Path]
    rig: Rig | None
    timestamps: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def open_capture(self) -> MultiCapture:
        """Open all videos at their first frame; the caller closes."""
        delays = {n: self.rig.delay_of(n) if self.rig else 0 for n in self.videos}
        capture = MultiCapture(
            [
                VideoFile(n, p, ORIGIN - delays[n], self.timestamps.get(n))
                for n, p in self.videos.items()
            ]
        )
        capture.open()
        return capture


def gather_inputs(
    words: Sequence[str],
    rig: Path | None = None,
    scale: float = 1.0,
    timestamps: Path | None = None,
) -> Inputs:
    """Bring the words of a command line together with a calibration, and check that they fit.

    Args:
        words: videos, each as `path` (the camera is called like the file) or `camera=path`.
        rig: rig file, handpose3d folder or caliscope file.
        scale: metres in one unit of the rig's lengths.
        timestamps: CSV file.
    """
    videos = name_videos(words)
    probed = {name: probe_video(name, path) for name, path in videos.items()}
    sizes = {name: size for name, (size, _) in probed.items()}
    found = None
    if rig is not None:
        found = load_any_rig(rig, next(iter(sizes.values())), scale)
        videos, found = match_rig(videos, found, sizes)
    elif len(videos) > 1:
        raise InputError(
            f'asked to estimate from {len(videos)} videos without a calibration; name it with --rig '
            '(`pianokpm calibrate` makes one), or give one video'
        )
    counts = {name: probed[name][1] for name in videos}
    stamps = match_timestamps(counts, load_timestamps(timestamps)) if timestamps else {}
    return Inputs(suggest_name(list(videos.values())), videos, found, stamps)


def find_take(words: Sequence[str]) -> Path | None:
    """Return the take's folder if that is what the words of a command line name."""
    folders = [Path(w) for w in words if (Path(w) / 'take.json').is_file()]
    if folders and len(words) > 1:
        raise InputError(f'asked for the take {folders[0]} and more; name one take, or videos')
    return folders[0] if folders else None


def inputs_of_take(take: Take) -> Inputs:
    """Return a take's videos with its calibration."""
    return Inputs(take.performance.name, dict(take.videos), take.rig)


def name_videos(words: Sequence[str]) -> dict[str, Path]:
    """Turn `path` and `camera=path` into a path for each camera name."""
    if not words:
        raise InputError('asked to estimate from no video; name at least one')
    videos: dict[str, Path] = {}
    for word in words:
        name, path = _split(word)
        if name in videos:
            raise InputError(
                f'{videos[name]} and {path} are both called {name!r}; call each camera differently: '
                f'NAME={path}'
            )
        videos[name] = path
    return videos


def _split(word: str) -> tuple[str, Path]:
    name, equals, rest = word.partition('=')
    if equals and is_camera_name(name) and not Path(word).exists():
        return name, Path(rest)
    path = Path(word)
    if path.is_dir():
        raise InputError(f'{path} is a folder, neither a video nor a take (it has no take.json)')
    return make_camera_name(path.stem), path


def probe_video(name: str, path: Path) -> tuple[tuple[int, int], int | None]:
    """Return (width, height) of a video [px] and its number of frames where the file tells it."""
    source = VideoFile(name, path)
    source.open()
    try:
        if source.read() is None:
            raise CaptureError(f'camera {name!r}: {path} has no frame that can be read')
        return source.size, source.count
    finally:
        source.close()


def match_rig(
    videos: dict[str, Path], rig: Rig, sizes: dict[str, tuple[int, int]]
) -> tuple[dict[str, Path], Rig]:
    """Put videos and cameras into the rig's order and check names and sizes; cameras without a video are left out."""
    strangers = [n for n in videos if n not in rig.names]
    if strangers:
        free = [n for n in rig.names if n not in videos]
        raise InputError(
            f'no camera called {", ".join(strangers)} in the rig, which has {", ".join(rig.names)}; '
            f'say which camera made which video, such as {free[0] if free else rig.names[0]}='
            f'{videos[strangers[0]]}'
        )
    names = tuple(n for n in rig.names if n in videos)
    for name in names:
        expected = rig.camera(name).size
        if sizes[name] != expected:
            raise InputError(
                f'camera {name!r} is calibrated for {expected[0]}x{expected[1]}, but {videos[name]} is '
                f'{sizes[name][0]}x{sizes[name][1]}; record in the calibrated size or calibrate again'
            )
    return {n: videos[n] for n in names}, rig.select(names)


def match_timestamps(
    counts: dict[str, int | None], stamps: dict[str, NDArray[np.int64]]
) -> dict[str, NDArray[np.int64]]:
    """Return each camera's time stamps; there must be one for every frame, and they must increase."""
    missing = [n for n in counts if n not in stamps]
    if missing:
        raise InputError(
            f'no time stamps for {", ".join(missing)}; the file has {", ".join(sorted(stamps))}'
        )
    for name, count in counts.items():
        if count is not None and len(stamps[name]) != count:
            raise InputError(
                f'{len(stamps[name])} time stamps for the {count} frames of {name!r}; '
                'give one for every frame'
            )
        steps = np.diff(stamps[name])
        if (steps <= 0).any():
            raise InputError(
                f'time stamps of {name!r} must increase; frame {int(np.argmax(steps <= 0)) + 1} '
                'is not later than the one before'
            )
    return {n: stamps[n] for n in counts}


def suggest_name(paths: Sequence[Path]) -> str:
    """Call one video like its file, several like their folder."""
    name = paths[0].stem if len(paths) == 1 else paths[0].resolve().parent.name
    return name or 'estimate'


def replace_rig(inputs: Inputs, rig: Rig) -> Inputs:
    """Return the same inputs with another calibration of the same cameras."""
    return replace(inputs, rig=rig)
