"""Two small videos of a real hand with their calibration."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.geometry.rig import Rig, save_rig
from pianokpm_ros.geometry.rig_formats import load_handpose3d
from pianokpm_ros.view.video_writer import VideoWriter

SIZE = (360, 360)
FRAMES = 90
RATE = 30
SCALE = 0.0411
"""Metres in one unit of the recording's lengths: wrist to index knuckle is 90 mm then."""


@dataclass(frozen=True)
class Recording:
    """Videos of one hand from two cameras."""

    videos: dict[str, Path]
    rig: Path
    frames: dict[str, list[np.ndarray]]
    count: int = FRAMES

    @property
    def arguments(self):
        """As `GraphOptions.videos` takes them."""
        return tuple(f'{name}={path}' for name, path in self.videos.items())


@pytest.fixture(scope='session')
def recording(shared_data, tmp_path_factory):
    """Return the first seconds of the stereo recording at half its size."""
    source, folder = shared_data / 'hands_stereo', tmp_path_factory.mktemp('recording')
    full = load_handpose3d(source, (720, 720), SCALE)
    save_rig(Rig(tuple(halve(c) for c in full.cameras)), folder / 'rig.yaml')
    videos, frames = {}, {}
    for i, camera in enumerate(full.cameras):
        path = folder / f'{camera.name}.mp4'
        shrink(source / f'cam{i}_test.mp4', path)
        videos[camera.name], frames[camera.name] = path, read_frames(path)
    return Recording(videos, folder / 'rig.yaml', frames)


def halve(camera):
    """Return the calibration of a camera whose pictures are halved; pixel centres lie at whole numbers."""
    half = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])
    return replace(camera, size=SIZE, matrix=half @ camera.matrix)


def shrink(source, path):
    """Write the beginning of a video at half its size."""
    video = VideoFile('any', source)
    video.open()
    with VideoWriter(path, SIZE, RATE, quality=18) as writer:
        for _ in range(FRAMES):
            frame = video.read()
            writer.write(cv2.resize(frame.image, SIZE, interpolation=cv2.INTER_AREA), frame.stamp)
    video.close()


def read_frames(path):
    """Return the images of a video as a node decodes them."""
    video = VideoFile('any', path)
    video.open()
    images = []
    while (frame := video.read()) is not None:
        images.append(frame.image)
    video.close()
    return images
