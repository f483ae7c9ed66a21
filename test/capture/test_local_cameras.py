"""Cameras of a machine as messages name them."""

import pytest

from pianokpm_ros.capture.local_cameras import describe_cameras, list_cameras


@pytest.fixture
def devices(tmp_path):
    for device, index, name in (
        ('video10', '0', 'Far Camera'),
        ('video2', '0', 'HD Webcam'),
        ('video3', '1', 'HD Webcam'),
    ):
        (tmp_path / device).mkdir()
        (tmp_path / device / 'index').write_text(f'{index}\n')
        (tmp_path / device / 'name').write_text(f'{name}\n')
    return tmp_path


def test_lists_what_gives_pictures(devices):
    found = list_cameras(devices)
    assert found == {'/dev/video2': 'HD Webcam', '/dev/video10': 'Far Camera'}
    assert list(found) == ['/dev/video2', '/dev/video10']
    assert describe_cameras(devices) == (
        'plugged in: /dev/video2 (HD Webcam), /dev/video10 (Far Camera)'
    )


def test_says_when_there_is_none(tmp_path):
    assert describe_cameras(tmp_path / 'none') == 'no camera is plugged into this machine'
