import time

import cv2
import numpy as np
import pytest

from pianokpm_ros.capture import still
from pianokpm_ros.capture.device import CameraSettings
from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.capture.still import take_still
from test.capture.conftest import SIZE, read_number
from test.capture.streams import MjpegServer

SETTINGS = CameraSettings()


def test_a_video_gives_its_first_frame_and_its_name(video):
    taken = take_still(str(video('front.mp4')), SETTINGS)
    assert (taken.camera, taken.size) == ('front', SIZE) and read_number(taken.image) == 0
    assert take_still(f'left={video("b.mp4")}', SETTINGS).camera == 'left'


def test_a_photo_is_a_picture_turned_as_it_says(tmp_path):
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :30] = (255, 0, 0)
    cv2.imwrite(str(tmp_path / 'desk.PNG'), image)
    taken = take_still(str(tmp_path / 'desk.PNG'), SETTINGS)
    assert (taken.camera, taken.size) == ('desk', (60, 40))
    np.testing.assert_array_equal(taken.image, image)


def test_a_live_camera_is_given_time_to_settle(monkeypatch):
    monkeypatch.setattr(still, 'SETTLE', 1.0)
    begun = time.monotonic()

    def brighten():
        """Come up from black in 0.7 s after the first picture was asked for."""
        part = min((time.monotonic() - begun) / 0.7, 1.0)
        return np.full((SIZE[1], SIZE[0], 3), round(200 * part), np.uint8)

    server = MjpegServer(20, pictures=brighten)
    try:
        taken = take_still(f'phone={server.url}', SETTINGS)
    finally:
        server.cut()
    assert taken.camera == 'phone' and taken.image.mean() == pytest.approx(200, abs=3)


def test_a_camera_that_freezes_does_not_hold_it_up(monkeypatch):
    monkeypatch.setattr(still, 'SETTLE', 1.0)
    server = MjpegServer(20)
    server.frozen = True
    try:
        assert take_still(f'phone={server.url}', SETTINGS).size == SIZE
    finally:
        server.cut()


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('front=nowhere.jpg', 'no file'),
        ('front=nowhere.mp4', 'no file'),
        ('photo.heic', 'save it as JPEG'),
        ('/dev/video99', 'need names'),
        ('front=/dev/video99', 'is not there'),
        ('front=ftp://x/y', 'no file'),
    ],
)
def test_bad_sources_are_refused_with_words(text, words):
    with pytest.raises(CaptureError, match=words):
        take_still(text, SETTINGS)


def test_a_picture_that_is_none_is_refused(tmp_path):
    (tmp_path / 'x.jpg').write_text('words')
    with pytest.raises(CaptureError, match='no picture that can be read'):
        take_still(str(tmp_path / 'x.jpg'), SETTINGS)
