"""Names and addresses of live cameras."""

import pytest

from pianokpm_ros.capture.address import (
    hide_password,
    is_camera_name,
    make_camera_name,
    refuse_absent,
)
from pianokpm_ros.capture.opening import pair_sources, split_source
from pianokpm_ros.capture.source import CaptureError


@pytest.mark.parametrize('address', ['/dev/video77', '77'])
def test_refuses_a_device_that_is_not_there(address):
    with pytest.raises(CaptureError, match=r"camera 'top': asked for /dev/video77, which is not"):
        refuse_absent('top', address)


@pytest.mark.parametrize('address', ['/dev/vidoe0', 'no_such.mp4', 'video0'])
def test_refuses_a_path_that_leads_nowhere(address):
    with pytest.raises(CaptureError, match=rf"camera 'top': asked for {address}, which is not"):
        refuse_absent('top', address)


def test_refuses_a_url_that_nobody_speaks():
    with pytest.raises(CaptureError, match=r'asked for htp://phone/live; .* begin with rtsp://'):
        refuse_absent('phone', 'htp://phone/live')


@pytest.mark.parametrize(
    ('address', 'shown'),
    [
        ('rtsp://user:word@10.0.0.9/live', 'rtsp://user:***@10.0.0.9/live'),
        ('rtsp://user:w:o@rd@10.0.0.9:554/live', 'rtsp://user:***@10.0.0.9:554/live'),
        ('http://10.0.0.9:8080/video?a=b:c@d', 'http://10.0.0.9:8080/video?a=b:c@d'),
        ('rtsp://user@cam/1', 'rtsp://user@cam/1'),
        ('/dev/video0', '/dev/video0'),
    ],
)
def test_passwords_of_cameras_are_not_shown(address, shown):
    assert hide_password(address) == shown


@pytest.mark.parametrize('address', ['/dev/null', 'rtsp://phone/live', 'HTTP://phone/v?x=1'])
def test_leaves_other_addresses_alone(address):
    refuse_absent('top', address)


@pytest.mark.parametrize(
    ('name', 'good'),
    [('top', True), ('cam_2', True), ('front-left', False), ('2nd', False), ('für', False), ('', False)],
)  # fmt: skip
def test_names_that_topics_can_have(name, good):
    assert is_camera_name(name) == good


@pytest.mark.parametrize(
    ('text', 'name'),
    [
        ('top', 'top'),
        ('top__2', 'top__2'),
        ('20240501_183000', 'camera_20240501_183000'),
        ('Für Elise – rechte Hand', 'Fur_Elise_rechte_Hand'),
        ('WhatsApp Video 2024-05-01 (1)', 'WhatsApp_Video_2024_05_01_1'),
        ('左手', 'camera'),
    ],
)
def test_any_file_can_name_a_camera(text, name):
    assert make_camera_name(text) == name and is_camera_name(name)


@pytest.mark.parametrize(
    ('text', 'name', 'path'),
    [
        ('top=/dev/video0', 'top', '/dev/video0'),
        ('phone=http://a/b?c=d', 'phone', 'http://a/b?c=d'),
        ('takes/a=b.mp4', 'a_b', 'takes/a=b.mp4'),
        ('20240501_183000.mp4', 'camera_20240501_183000', '20240501_183000.mp4'),
    ],
)
def test_every_source_has_a_name_that_later_commands_take(text, name, path):
    """Phones call videos by the date: a rig of them had cameras that neither `estimate` nor `up` could name."""
    assert split_source(text) == (name, path) and is_camera_name(name)


@pytest.mark.parametrize('text', ['left hand=a.mp4', '2=/dev/video0', '/dev/video0', 'rtsp://a/b'])
def test_sources_without_such_a_name_are_refused(text):
    with pytest.raises(CaptureError, match='cameras need names'):
        split_source(text)


def test_each_camera_needs_a_name_and_a_source_of_its_own():
    assert pair_sources(['a', 'b'], 'videos', ['x', 'y']) == {'a': 'x', 'b': 'y'}
    for cameras, sources in (([], []), (['a'], []), (['a', 'a'], ['x', 'y'])):
        with pytest.raises(CaptureError, match='expected cameras .* and addresses for all'):
            pair_sources(cameras, 'addresses', sources)
