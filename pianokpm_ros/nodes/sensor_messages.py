"""Images and calibrations as the messages that all of ROS uses, and images from them."""

import array
from collections.abc import Callable

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState
from std_msgs.msg import Header

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.records import NANOSECONDS, Frame, MuscleActivity

try:
    from cv_bridge import CvBridge, CvBridgeError
except ImportError:  # not among the wheels
    CvBridge = None

DISTORTIONS = {4: 'plumb_bob', 5: 'plumb_bob', 8: 'rational_polynomial'}

LARGEST = 32766
"""OpenCV cuts hands out of no larger pictures [px]."""


class ImageError(PianokpmError, ValueError):
    """An image message can't be read."""


def make_header(stamp: int, frame_id: str) -> Header:
    """Make a header of a stamp [ns]."""
    sec, nanosec = divmod(stamp, NANOSECONDS)
    return Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=frame_id)


def make_camera_info(camera: Camera | None, size: tuple[int, int], header: Header) -> CameraInfo:
    """Make the calibration message of a camera; without calibration K is zero, as sensor_msgs says."""
    info = CameraInfo(header=header, width=size[0], height=size[1])
    if camera is None:
        return info
    matrix = camera.matrix
    info.distortion_model, info.d = _name_distortion(camera)
    info.k = matrix.reshape(-1).tolist()
    info.r = np.eye(3).reshape(-1).tolist()
    info.p = np.column_stack([matrix, np.zeros(3)]).reshape(-1).tolist()
    return info


def _name_distortion(camera: Camera) -> tuple[str, list[float]]:
    values = camera.distortion.tolist()
    if camera.model == 'fisheye':
        return 'equidistant', values
    if len(values) < 5:
        values = (values + [0.0] * 5)[:5]
    # 12 and 14 coefficients (thin prism, tilt) have no name of their own; image_geometry hands all to OpenCV.
    return DISTORTIONS.get(len(values), 'rational_polynomial'), values


def make_image(frame: Frame, frame_id: str) -> Image:
    """Make the full image message of a frame."""
    height, width = frame.image.shape[:2]
    message = Image(
        header=make_header(frame.stamp, frame_id),
        height=height,
        width=width,
        encoding='bgr8',
        step=3 * width,
    )
    data = array.array('B')
    data.frombytes(np.ascontiguousarray(frame.image).data)  # other ways copy element by element
    message.data = data
    return message


def make_compressed(jpeg: NDArray[np.uint8], stamp: int, frame_id: str) -> CompressedImage:
    """Make the message of a JPEG."""
    data = array.array('B')
    data.frombytes(jpeg.tobytes())
    return CompressedImage(header=make_header(stamp, frame_id), format='jpeg', data=data)


def make_joint_state(activity: MuscleActivity) -> JointState:
    """Mirror an estimate for consumers that know no MuscleActivity, such as CEINMS-RT's EMG plug-in.

    name = muscles, position = activation (fraction of the normalisation), NaN where unknown.
    """
    return JointState(
        header=make_header(activity.stamp, activity.frame_id),
        name=list(activity.muscle),
        position=np.asarray(activity.activation, np.float64).tolist(),
    )


def read_image(message: Image | CompressedImage) -> NDArray[np.uint8]:
    """Return the (height, width, 3) BGR image of a message of any usual encoding."""
    read = read_with_rosbags if CvBridge is None else read_with_cv_bridge
    image = read(message)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ImageError(f'expected a colour image, found an array {image.shape} of {image.dtype}')
    height, width = image.shape[:2]
    if not (0 < height <= LARGEST and 0 < width <= LARGEST):
        raise ImageError(
            f'expected a picture of 1 to {LARGEST} px a side, found {width} x {height}'
        )
    return image


def read_with_cv_bridge(message: Image | CompressedImage) -> NDArray[np.uint8]:
    """Read a message with the converter of ROS installations."""
    bridge = CvBridge()
    is_raw = isinstance(message, Image)
    convert: Callable = bridge.imgmsg_to_cv2 if is_raw else bridge.compressed_imgmsg_to_cv2
    try:
        return convert(message, 'bgr8')
    except CvBridgeError as error:
        raise ImageError(f'cv_bridge can not read this image: {error}') from error


def read_with_rosbags(message: Image | CompressedImage) -> NDArray[np.uint8]:
    """Read a raw message with `rosbags-image`, which needs no ROS installation; OpenCV reads compressed ones."""
    if isinstance(message, CompressedImage):
        return _decode(message)
    from rosbags.image import ImageError as RosbagsError
    from rosbags.image import image_to_cvimage

    try:
        return image_to_cvimage(_drop_padding(message), 'bgr8')
    except (RosbagsError, TypeError, ValueError, cv2.error) as error:
        raise ImageError(f'rosbags-image can not read this image: {error}') from error


def _decode(message: CompressedImage) -> NDArray[np.uint8]:
    data = np.frombuffer(message.data, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise ImageError(f'{len(data)} bytes of format {message.format!r} are no picture')
    return image


def _drop_padding(message: Image) -> Image:
    """Cut the bytes that fill up rows: `rosbags-image` takes rows to follow each other at once."""
    rows = np.frombuffer(message.data, np.uint8)
    if not message.height or len(rows) < message.height * message.step:
        raise ImageError(
            f'expected {message.height} rows of {message.step} bytes, found {len(rows)} bytes'
        )
    width = _row_bytes(message)
    if width == message.step:
        return message
    packed = rows[: message.height * message.step].reshape(message.height, -1)[:, :width]
    return Image(
        header=message.header,
        height=message.height,
        width=message.width,
        encoding=message.encoding,
        is_bigendian=message.is_bigendian,
        step=width,
        data=array.array('B', packed.tobytes()),
    )


def _row_bytes(message: Image) -> int:
    from rosbags.image.image import to_cvtype

    _, _, kind, channels = to_cvtype(message.encoding)
    return message.width * channels * np.dtype(kind).itemsize
