"""The video files of a set-up, checked before anything is played."""

from collections.abc import Mapping
from pathlib import Path

from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.capture.video_file import VideoFile, load_timestamps
from pianokpm_ros.geometry.rig import Rig


def prepare_videos(
    videos: Mapping[str, str], rig: Rig | None = None, timestamps: str = ''
) -> list[VideoFile]:
    """Open each file once, so that its size is known and what can't be played is refused.

    Each `start` is minus the camera's delay: what it shows is older than its stamps by that.

    Args:
        videos: path of each camera's video.
        rig: must have each camera, in the size of its video; None = not calibrated.
        timestamps: CSV with the time of each frame (see `load_timestamps`); empty = as in the files.
    """
    stamps = load_timestamps(timestamps) if timestamps else {}
    sources = []
    for name, path in videos.items():
        if stamps and name not in stamps:
            raise CaptureError(
                f'camera {name!r} is not in {timestamps}, which has {", ".join(stamps)}'
            )
        delay = rig.delay_of(name) if rig is not None else 0
        source = VideoFile(name, Path(path), -delay, stamps.get(name))
        source.open()
        source.close()
        if rig is not None:
            rig.camera_of_size(name, source.size)
        sources.append(source)
    return sources
