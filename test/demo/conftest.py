import numpy as np
import pytest

from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import Performance, load_take, save_take
from pianokpm_ros.view.video_writer import VideoWriter

SHORT = 1_500_000_000
"""Length of the short take [ns]."""

CAMERAS = 2


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope='session')
def short_take(tmp_path_factory):
    """Return the folder of a take: the beginning of the one that ships, from two of its cameras."""
    whole = load_take(find_asset('takes/demo'))
    folder = tmp_path_factory.mktemp('short')
    rig = whole.rig.select(whole.rig.names[:CAMERAS])
    videos = {n: cut(whole.videos[n], n, folder / f'raw_{n}.mp4') for n in rig.names}
    short = cut_performance(whole.performance)
    save_take(folder / 'take', short, rig, videos, whole.rate, {'command': 'a test'})
    return folder / 'take'


def cut(source, name, path):
    """Write the beginning of a video."""
    video = VideoFile(name, source)
    video.open()
    with VideoWriter(path, video.size, video.rate, quality=15) as writer:
        while (frame := video.read()) is not None and frame.stamp < SHORT:
            writer.write(frame.image, frame.stamp)
    video.close()
    return path


def cut_performance(whole):
    """Return the beginning of a performance."""
    poses, keys, samples = (
        getattr(whole, n) < SHORT for n in ('stamp', 'key_stamp', 'envelope_stamp')
    )
    return Performance(
        whole.stamp[poses],
        whole.landmarks[poses],
        whole.key_stamp[keys],
        whole.key[keys],
        whole.key_position[keys],
        whole.key_velocity[keys],
        whole.envelope_stamp[samples],
        whole.envelope[:, samples],
        'short',
        whole.seed,
        whole.description,
    )
