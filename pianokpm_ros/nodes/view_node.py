"""The live view of the graph: a page for browsers, on this machine unless asked."""

import sys
from functools import partial

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from pianokpm.msg import EmgBlock, HandLandmarks, HandPose, KeyMotion, MuscleActivity
from rclpy.clock import Clock, ClockType
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String

from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.nodes.base import IMAGES, LATCHED, LISTEN, Health, PianoNode, run_node
from pianokpm_ros.nodes.parameters import Parameter
from pianokpm_ros.recording.events import EVENT_TOPIC, EVENT_TYPE
from pianokpm_ros.viewer.hello import describe_view
from pianokpm_ros.viewer.page_server import HOST, PORT
from pianokpm_ros.viewer.server import ViewServer
from pianokpm_ros.viewer.state import DIAGNOSTICS, EMG, TIME, ViewState

LOOK = 0.5
"""How often new cameras are looked for [s]."""

NEWEST = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
"""What is lost is soon replaced: nobody sends it again for the view."""

SELDOM = (DIAGNOSTICS, TIME, EVENT_TYPE)

CAMERA_TOPICS = {
    'hands': ('pianokpm/msg/HandLandmarks', HandLandmarks, NEWEST),
    'image/compressed': ('sensor_msgs/msg/CompressedImage', CompressedImage, IMAGES),
    'image_raw/compressed': ('sensor_msgs/msg/CompressedImage', CompressedImage, IMAGES),
}
"""What is shown of each `<camera>/...`."""


class ViewNode(PianoNode):
    """Hear everything as bytes; what a browser does not show is never read."""

    PARAMETERS = (
        Parameter('host', HOST, 'address to serve at; 0.0.0.0 lets other machines look'),
        Parameter('port', PORT, 'likewise; 0 = any that is free', 0, 65535),
        Parameter('title', 'live', 'what stands above the view'),
        Parameter(
            'rate', 1.0, 'speed of the files that are played, for the times shown', 0.0, 100.0
        ),
        Parameter('wait_for_browser', False, 'listen only once a browser looks'),
    )

    def __init__(self) -> None:
        super().__init__('view_node')
        s = self.settings
        self._state = ViewState(lambda: self.now, s['rate'], self.get_namespace())
        self._server = ViewServer(
            self._state, describe_view(s['title'], live=True), s['host'], s['port']
        )
        self._server.__enter__()
        self.get_logger().info(self._server.invitation)
        self._heard: set[str] = set()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._waiting = self.create_timer(LOOK, self._look, clock=steady)

    def _look(self) -> None:
        """Subscribe to what is there to see."""
        if self.settings['wait_for_browser'] and not (self._server.viewers or self._heard):
            return
        for side in SIDES:
            self._listen(f'hands/{side.label}', 'HandPose', HandPose, NEWEST)
            topic = f'muscle_activity/{side.label}'
            self._listen(topic, 'MuscleActivity', MuscleActivity, LISTEN)
        self._listen('keys', 'KeyMotion', KeyMotion, LISTEN)
        self._listen('emg', 'EmgBlock', EmgBlock, LISTEN)
        self._listen(EVENT_TOPIC.lstrip('/'), EVENT_TYPE, String, LISTEN)
        self._listen('playback/start', 'builtin_interfaces/msg/Time', Time, LATCHED)
        diagnostics = 'diagnostic_msgs/msg/DiagnosticArray'
        self._listen('/diagnostics', diagnostics, DiagnosticArray, LISTEN)
        self._look_for_cameras()

    def _look_for_cameras(self) -> None:
        own = self.get_namespace().rstrip('/')
        for topic, datatypes in self.get_topic_names_and_types():
            camera, _, name = topic.removeprefix(f'{own}/').partition('/')
            datatype, kind, quality = CAMERA_TOPICS.get(name, ('', None, None))
            if topic.startswith(f'{own}/{camera}/') and datatype in datatypes:
                self._listen(topic, datatype, kind, quality)

    def _listen(self, topic: str, datatype: str, kind: type, quality: QoSProfile) -> None:
        if topic in self._heard:
            return
        self._heard.add(topic)
        datatype = datatype if '/' in datatype else f'pianokpm/msg/{datatype}'
        hear = partial(self._hear, topic, datatype)
        self.create_subscription(kind, topic, hear, quality, raw=True)

    def _hear(self, topic: str, datatype: str, data: bytes) -> None:
        # Without a browser nothing but what is said once, or seldom, is worth reading.
        # A maximum contraction is the scale of all that comes later.
        contraction = datatype == EMG and self._state.contracting
        if self._server.viewers or datatype in SELDOM or contraction:
            self._state.hear(topic, datatype, data, self.now)

    def diagnose(self) -> Health:
        """Tell where to look and who does."""
        server = self._server
        values = {'viewers': server.viewers, 'url': server.url, 'rejected': self._state.rejected}
        return Health.good('serving', **values)

    def close(self) -> None:
        """Serve no more."""
        self._server.__exit__()


def main() -> int:
    """Run the node."""
    return run_node(ViewNode)


if __name__ == '__main__':
    sys.exit(main())
