import numpy as np
import pytest

from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.muscle.bundle import load_bundle
from pianokpm_ros.shares import find_asset
from pianokpm_ros.view.video_writer import VideoWriter

from . import scene

CLIP = range(210, 240)
"""Frames of the recording in the clip: an open hand that closes, in sight of both cameras."""


@pytest.fixture
def rig():
    return scene.make_rig()


@pytest.fixture(scope='session')
def model():
    """Folder of the model that ships with the package."""
    return find_asset('models/small')


@pytest.fixture(scope='session')
def bundle(model):
    return load_bundle(model)


@pytest.fixture(scope='session')
def clip(shared_data, tmp_path_factory):
    """Return the videos of one second of a real two-camera recording, by camera, and its calibration."""
    source, folder = shared_data / 'hands_stereo', tmp_path_factory.mktemp('clip')
    videos = {}
    for name in ('cam0', 'cam1'):
        video = VideoFile(name, source / f'{name}_test.mp4')
        video.open()
        path = folder / f'{name}.mp4'
        with VideoWriter(path, video.size, video.rate, quality=15) as writer:
            while (frame := video.read()) is not None:
                if frame.sequence in CLIP:
                    writer.write(frame.image, frame.stamp)
        video.close()
        videos[name] = path
    return videos, source


@pytest.fixture
def rng():
    return np.random.default_rng(0)
