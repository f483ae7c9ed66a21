"""Frames of the real four-view recording: two bare hands, then a board is held, then hands again."""

from functools import lru_cache

import pytest

from pianokpm_ros.capture.video_file import VideoFile

FIRST, LAST = 90, 111
"""Frames that are kept: two hands in all of them."""


@lru_cache
def _read(path, name):
    source = VideoFile(name, path)
    source.open()
    frames = {i: frame for i in range(LAST) if (frame := source.read()) and i >= FIRST}
    source.close()
    return frames


@pytest.fixture(scope='session')
def frames(shared_data):
    """Return a function: the kept frames of a camera, by frame number."""
    return lambda number: _read(
        shared_data / 'charuco_4cam' / f'cam_{number}.mp4', f'cam_{number}'
    )
