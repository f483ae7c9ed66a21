"""Hands in the images that any camera driver publishes."""

import sys
from dataclasses import replace
from functools import partial

from pianokpm.msg import HandLandmarks
from sensor_msgs.msg import CompressedImage, Image

from pianokpm_ros.hands.choice import choose_detector
from pianokpm_ros.hands.latest import LatestWorkers
from pianokpm_ros.messages import MessageError, checked_stamp
from pianokpm_ros.nodes.base import IMAGES, STREAM, Health, PianoNode, run_node
from pianokpm_ros.nodes.connections import WAIT_PARAMETERS, Connections
from pianokpm_ros.nodes.detection import HAND_PARAMETERS, read_hand_settings
from pianokpm_ros.nodes.parameters import Parameter, ParameterError
from pianokpm_ros.nodes.sensor_messages import ImageError, read_image
from pianokpm_ros.records import Frame
from pianokpm_ros.records import HandLandmarks as Hands

TRANSPORTS = {'raw': (Image, 'image_raw'), 'compressed': (CompressedImage, 'image_raw/compressed')}


class HandLandmarkNode(PianoNode):
    """Subscribe to each `<camera>/image_raw`, publish `<camera>/hands` with stamp and frame of the image."""

    PARAMETERS = (
        Parameter('cameras', [''], 'camera names: namespaces of the image topics'),
        Parameter(
            'transport', 'raw', 'raw images or `image_raw/compressed`', choices=tuple(TRANSPORTS)
        ),
        *HAND_PARAMETERS,
        *WAIT_PARAMETERS,
    )

    def __init__(self) -> None:
        super().__init__('hand_landmark_node')
        cameras = self.settings['cameras']
        if not cameras or len(set(cameras)) < len(cameras):
            raise ParameterError(
                f'cameras: expected different names, found [{", ".join(cameras)}]'
            )
        self._hands = {
            name: self.create_publisher(HandLandmarks, f'{name}/hands', STREAM) for name in cameras
        }
        self._frame_ids: dict[str, str] = {}
        self._received = {name: 0 for name in cameras}
        self._looked_at = dict(self._received)
        make = choose_detector(read_hand_settings(self.settings))
        self._workers = LatestWorkers(make, cameras, self._send)
        self.offer_pause()
        waits = Connections(self, self.settings['wait_for'])
        waits.call_when_complete(self.settings['wait_timeout'], self._listen)

    def _listen(self) -> None:
        kind, topic = TRANSPORTS[self.settings['transport']]
        for name in self._hands:
            self.create_subscription(kind, f'{name}/{topic}', partial(self._take, name), IMAGES)

    def _take(self, camera: str, message: Image | CompressedImage) -> None:
        sequence, self._received[camera] = self._received[camera], self._received[camera] + 1
        if not self.enabled:
            return
        try:
            frame = Frame(
                checked_stamp(message.header.stamp), camera, sequence, read_image(message)
            )
        except (ImageError, MessageError) as error:
            self.reject(f'{camera}: {error}')
            return
        self._frame_ids[camera] = message.header.frame_id
        self._workers.push(frame)

    def _send(self, record: Hands) -> None:
        camera = record.camera
        self.publish(self._hands[camera], replace(record, frame_id=self._frame_ids[camera]))

    def diagnose(self) -> Health:
        """Tell what came and what was dropped."""
        counts = self._workers.counts
        values = {f'{n} processed': done for n, (done, _) in counts.items()}
        values |= {f'{n} dropped': dropped for n, (_, dropped) in counts.items()}
        values['rejected'] = self.rejected
        if stuck := self._workers.answers.explain_silence():
            return Health.error(stuck, **values)
        before, self._looked_at = self._looked_at, dict(self._received)
        waiting = [n for n, count in self._received.items() if not count]
        if waiting:
            return Health.warning(f'no image yet of {", ".join(waiting)}', **values)
        silent = [n for n, count in self._received.items() if count == before[n]]
        if silent:
            return Health.error(f'no image of {", ".join(silent)} in the last second', **values)
        return Health.good('running', **values)

    def close(self) -> None:
        """Stop the workers."""
        self._workers.close()


def main() -> int:
    """Run the node."""
    return run_node(HandLandmarkNode)


if __name__ == '__main__':
    sys.exit(main())
