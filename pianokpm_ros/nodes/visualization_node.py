"""Hands and muscles for RViz, Foxglove and the like, which need no plug-in for these."""

import sys

from pianokpm.msg import HandPose, MuscleActivity
from visualization_msgs.msg import MarkerArray

from pianokpm_ros.anatomy import Side
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.nodes.base import LISTEN, Health, PianoNode, run_node
from pianokpm_ros.nodes.hand_markers import make_markers
from pianokpm_ros.nodes.parameters import Parameter
from pianokpm_ros.records import NANOSECONDS
from pianokpm_ros.records import MuscleActivity as Activity

FRESH = NANOSECONDS // 4
"""An estimate further than this from a pose says nothing about its muscles [ns]."""


class VisualizationNode(PianoNode):
    """Subscribe to `hands/<side>` and `muscle_activity/<side>`, publish `markers`."""

    PARAMETERS = (
        Parameter('rate', 30.0, 'most messages a second of each hand [Hz]', 1.0, 120.0),
        Parameter('full_scale', 0.5, 'activation with the brightest colour', 0.01, 10.0),
    )

    def __init__(self) -> None:
        super().__init__('visualization_node')
        self._markers = self.create_publisher(MarkerArray, 'markers', 10)
        self._activities: dict[Side, Activity] = {}
        self._sent: dict[Side, int] = {}
        self._count = 0
        for side in SIDES:
            topic = f'muscle_activity/{side.label}'
            self.create_subscription(MuscleActivity, topic, self._take_activity, LISTEN)
            self.create_subscription(HandPose, f'hands/{side.label}', self._take_pose, LISTEN)
        self.offer_pause()

    def _take_activity(self, message: MuscleActivity) -> None:
        activity = self.read(message)
        if activity is not None:
            self._activities[activity.side] = activity

    def _take_pose(self, message: HandPose) -> None:
        if not self.enabled or not self.count_subscribers('markers'):
            return
        pose = self.read(message)
        period = NANOSECONDS / self.settings['rate']
        # A tenth of slack: stamps that come at the rate itself are not to be thinned by their jitter.
        if (
            pose is None
            or 0 <= pose.stamp - self._sent.get(pose.side, -NANOSECONDS) < 0.9 * period
        ):
            return
        self._sent[pose.side] = pose.stamp
        activity = self._activities.get(pose.side)
        if activity is not None and abs(activity.stamp - pose.stamp) > FRESH:
            activity = None
        made = make_markers(pose, activity, self.settings['full_scale'])
        if made.markers:
            self._markers.publish(made)
            self._count += 1

    def diagnose(self) -> Health:
        """Tell what was drawn."""
        return Health.good('running', messages=self._count, rejected=self.rejected)


def main() -> int:
    """Run the node."""
    return run_node(VisualizationNode)


if __name__ == '__main__':
    sys.exit(main())
