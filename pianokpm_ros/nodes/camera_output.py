"""What is published about one camera."""

from pianokpm.msg import HandLandmarks
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from pianokpm_ros.capture.preview import Preview
from pianokpm_ros.geometry.camera import Camera, name_optical_frame
from pianokpm_ros.nodes.base import IMAGES, LATCHED, STREAM
from pianokpm_ros.nodes.sensor_messages import (
    make_camera_info,
    make_compressed,
    make_header,
    make_image,
)
from pianokpm_ros.records import Frame


class CameraOutput:
    """The publishers of one camera: calibration, hands or images, preview."""

    def __init__(
        self,
        node: Node,
        name: str,
        size: tuple[int, int],
        calibration: Camera | None,
        landmarks: bool,
        preview: Preview | None,
    ) -> None:
        """Offer the topics and send the calibration once, with a stamp of 0.

        Args:
            node: that publishes.
            name: of the camera: namespace of its topics.
            size: (width, height) of its pictures [px].
            calibration: None = not calibrated: the matrix that is sent is zero.
            landmarks: whether hands are published, else full images.
            preview: makes JPEG pictures; None = none.
        """
        self._frame_id = name_optical_frame(name)
        self._calibration, self._size, self._preview = calibration, size, preview
        self._info = node.create_publisher(CameraInfo, f'{name}/camera_info', LATCHED)
        self.hands = self._images = self._previews = None
        if landmarks:
            self.hands = node.create_publisher(HandLandmarks, f'{name}/hands', STREAM)
        else:
            self._images = node.create_publisher(Image, f'{name}/image_raw', IMAGES)
        if preview is not None:
            topic = f'{name}/image/compressed'
            self._previews = node.create_publisher(CompressedImage, topic, IMAGES)
        self.publish_info(0)

    def publish_info(self, stamp: int) -> None:
        """Send the calibration with a stamp [ns]."""
        header = make_header(stamp, self._frame_id)
        self._info.publish(make_camera_info(self._calibration, self._size, header))

    def publish_frame(self, frame: Frame) -> None:
        """Send what is wanted of a frame: the image with its calibration, the preview."""
        if self._images is not None:
            self._images.publish(make_image(frame, self._frame_id))
            self.publish_info(frame.stamp)
        if self._previews is not None:
            jpeg = self._preview.encode(frame)
            if jpeg is not None:
                self._previews.publish(make_compressed(jpeg, frame.stamp, self._frame_id))
