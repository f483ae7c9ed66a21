"""Sources of frames by what people write: `[NAME=]VIDEO`, `NAME=/dev/video0`, `NAME=rtsp://...`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.capture.address import (
    hide_password,
    is_camera_name,
    is_stream,
    make_camera_name,
)
from pianokpm_ros.capture.device import CameraSettings
from pianokpm_ros.capture.live_camera import LiveCamera
from pianokpm_ros.capture.source import CaptureError, FrameSource
from pianokpm_ros.capture.video_file import VideoFile


def split_source(text: str) -> tuple[str, str]:
    """Return the name of a camera, of a file without one made of the file's, and its address or path."""
    name, equals, path = text.partition('=')
    if not equals or '/' in name:  # a path or an address may have a = of its own
        name, path = '', text
    if not name and not _is_live(path):
        return make_camera_name(Path(path).stem), path
    if not is_camera_name(name):
        raise CaptureError(
            f'cameras need names of ASCII letters, digits and _, a letter first: use NAME={hide_password(path)}'
        )
    return name, path


def _is_live(path: str) -> bool:
    return is_stream(path) or path.startswith('/dev/') or path.isdigit()


def open_source(
    text: str,
    settings: CameraSettings,
    stamps: Mapping[str, NDArray[np.int64]] | None = None,
) -> FrameSource:
    """Return a source, not yet open; a video without a name is called after its file.

    Args:
        text: as people write it.
        settings: asked of live cameras.
        stamps: of the frames of each video, where something knows better than the files; empty = nothing does.
    """
    name, path = split_source(text)
    if _is_live(path):
        return LiveCamera(name, path, settings)
    if stamps and name not in stamps:
        raise CaptureError(
            f'camera {name!r} is not in the time stamps, which have {", ".join(stamps)}'
        )
    return VideoFile(name, path, timestamps=(stamps or {}).get(name))


def pair_sources(cameras: Sequence[str], kind: str, sources: Sequence[str]) -> dict[str, str]:
    """Return the source of each camera; `kind` is what they are called, such as videos."""
    if not cameras or len(cameras) != len(sources) or len(set(cameras)) < len(cameras):
        raise CaptureError(
            f'expected cameras with names of their own and {kind} for all of them, found the cameras '
            f'[{", ".join(cameras)}] and the {kind} [{", ".join(sources)}]'
        )
    return dict(zip(cameras, sources, strict=True))


def check_own_names(names: list[str]) -> None:
    """Refuse cameras of the same name."""
    if len(set(names)) < len(names):
        raise CaptureError(
            f'cameras need names of their own, found {", ".join(names)}; use NAME=VIDEO'
        )
