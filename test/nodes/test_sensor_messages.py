"""Image and calibration messages, with both converters where both are there."""

import array

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image

from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.nodes import sensor_messages
from pianokpm_ros.nodes.sensor_messages import (
    ImageError,
    make_camera_info,
    make_compressed,
    make_header,
    make_image,
    read_image,
    read_with_cv_bridge,
    read_with_rosbags,
)
from pianokpm_ros.records import Frame

STAMP = 1_700_000_000_123_456_789


@pytest.fixture
def picture():
    """A picture whose colours survive every subsampling: blocks of 2 x 2 alike."""
    rng = np.random.default_rng(0)
    return np.repeat(np.repeat(rng.integers(0, 256, (12, 16, 3), np.uint8), 2, 0), 2, 1)


@pytest.fixture(params=['rosbags', 'cv_bridge'])
def read(request):
    if request.param == 'rosbags':
        return read_with_rosbags
    pytest.importorskip('cv_bridge', reason='comes with ROS installations, not with the wheels')
    return read_with_cv_bridge


def make(encoding, pixels, padding=0):
    rows = np.ascontiguousarray(pixels).reshape(pixels.shape[0], -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    return Image(
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        step=rows.shape[1],
        data=array.array('B', rows.tobytes()),
    )


@pytest.mark.parametrize('padding', [0, 5])
@pytest.mark.parametrize(
    ('encoding', 'code', 'tolerance'),
    [
        ('bgr8', None, 0),
        ('rgb8', cv2.COLOR_BGR2RGB, 0),
        ('bgra8', cv2.COLOR_BGR2BGRA, 0),
        ('rgba8', cv2.COLOR_BGR2RGBA, 0),
        # Studio range: 219 steps for 255, and rounding of two chroma values: a few steps.
        ('yuv422_yuy2', cv2.COLOR_BGR2YUV_YUY2, 6),
        ('yuv422', cv2.COLOR_BGR2YUV_UYVY, 6),
    ],
)
def test_every_usual_encoding_is_read_also_with_padded_rows(
    picture, read, encoding, code, tolerance, padding
):
    pixels = picture if code is None else cv2.cvtColor(picture, code)
    found = read(make(encoding, pixels, padding))
    assert np.abs(found.astype(int) - picture).max() <= tolerance


def test_grey_pictures_become_colour(picture, read):
    grey = picture[..., 0]
    found = read(make('mono8', grey, 3))
    assert found.shape == picture.shape and (found == grey[..., None]).all()


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_compressed_pictures_are_read(picture, read, suffix):
    data = cv2.imencode(suffix, picture)[1]
    found = read(CompressedImage(format=suffix[1:], data=array.array('B', data.tobytes())))
    assert np.array_equal(found, cv2.imdecode(data, cv2.IMREAD_COLOR))


def test_compressed_pictures_of_grey_cameras_become_colour(picture, read):
    data = cv2.imencode('.png', picture[..., 0])[1]
    found = read(CompressedImage(format='png', data=array.array('B', data.tobytes())))
    assert found.shape == picture.shape and (found == picture[..., :1]).all()


@pytest.mark.parametrize(
    'message',
    [
        Image(height=4, width=4, encoding='bgr8', step=12, data=array.array('B', bytes(10))),
        Image(height=4, width=4, encoding='nonsense', step=12, data=array.array('B', bytes(48))),
        Image(height=0, width=0, encoding='bgr8', step=0),
        CompressedImage(format='jpeg', data=array.array('B', b'nothing')),
        CompressedImage(format='jpeg'),
    ],
)
def test_what_is_no_picture_is_refused(message, read):
    with pytest.raises(ImageError):
        read(message)


@pytest.mark.parametrize(('height', 'width'), [(4, 0), (1, 32767)])
def test_sizes_in_which_no_hand_can_be_looked_for_are_refused(height, width):
    """A detector that met one died with its thread, and the node went on as if all were well."""
    data = array.array('B', bytes(3 * height * width))
    with pytest.raises(ImageError, match=f'found {width} x {height}'):
        read_image(Image(height=height, width=width, encoding='bgr8', step=3 * width, data=data))


def test_a_frame_survives_the_way_there_and_back(picture):
    message = make_image(Frame(STAMP, 'top', 3, picture), 'top_optical_frame')
    assert np.array_equal(read_image(message), picture)
    assert message.header == make_header(STAMP, 'top_optical_frame')
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == divmod(STAMP, 10**9)
    jpeg = cv2.imencode('.jpg', picture)[1]
    compressed = make_compressed(jpeg, STAMP, 'f')
    assert compressed.format == 'jpeg' and bytes(compressed.data) == jpeg.tobytes()


def test_without_cv_bridge_the_other_converter_is_taken(picture, monkeypatch):
    monkeypatch.setattr(sensor_messages, 'CvBridge', None)
    assert np.array_equal(read_image(make('rgb8', picture[..., ::-1])), picture)


@pytest.mark.parametrize(
    ('model', 'count', 'name', 'length'),
    [
        ('pinhole', 0, 'plumb_bob', 5),
        ('pinhole', 4, 'plumb_bob', 5),
        ('pinhole', 5, 'plumb_bob', 5),
        ('pinhole', 8, 'rational_polynomial', 8),
        ('fisheye', 4, 'equidistant', 4),
    ],
)
def test_calibrations_go_by_the_names_of_ros(model, count, name, length):
    matrix = np.array([[600.0, 0, 320], [0, 610, 240], [0, 0, 1]])
    values = np.arange(1, count + 1) / 100
    camera = Camera('top', (640, 480), matrix, values, model=model)
    info = make_camera_info(camera, camera.size, make_header(STAMP, camera.frame_id))
    assert info.distortion_model == name
    assert np.allclose(info.d, np.pad(values, (0, length - count)))
    assert np.allclose(np.reshape(info.k, (3, 3)), matrix)
    assert np.allclose(np.reshape(info.p, (3, 4))[:, :3], matrix)
    assert (info.width, info.height, info.header.frame_id) == (640, 480, 'top_optical_frame')


def test_a_camera_without_calibration_says_so_with_zeros():
    info = make_camera_info(None, (640, 480), make_header(0, 'f'))
    assert not np.any(info.k) and not info.d and (info.width, info.height) == (640, 480)
