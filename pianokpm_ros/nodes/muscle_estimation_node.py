"""Muscle activity from hands in space and, where there are some, keys."""

import sys
from pathlib import Path

from pianokpm.msg import HandPose, KeyMotion, MuscleActivity
from sensor_msgs.msg import JointState

from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.muscle.activity_stream import ActivityStream, SilenceSettings
from pianokpm_ros.muscle.bundle import load_bundle
from pianokpm_ros.muscle.person import load_personal
from pianokpm_ros.nodes.backlog import BACKLOG_PARAMETERS
from pianokpm_ros.nodes.base import STREAM, Health, PianoNode, run_node
from pianokpm_ros.nodes.connections import WAIT_PARAMETERS, Connections
from pianokpm_ros.nodes.parameters import Parameter
from pianokpm_ros.nodes.sensor_messages import make_joint_state
from pianokpm_ros.records import MuscleActivity as Activity
from pianokpm_ros.shares import find_asset

TICK = 0.02
MODEL = 'models/small'


class MuscleEstimationNode(PianoNode):
    """Subscribe to `hands/<side>` and `keys`, publish `muscle_activity/<side>` and its mirror."""

    PARAMETERS = (
        Parameter('model', '', 'folder of the model; empty = the one that ships'),
        Parameter(
            'person_file', '', 'what `pianokpm personalise` made for this model; empty = nobody'
        ),
        Parameter(
            'lookahead',
            -1.0,
            'how far the estimate lies behind its pose; below 0 = as the model prefers [s]',
            -1.0,
            1.0,
        ),
        Parameter('stale_after', 0.1, 'silence of the poses that makes STALE [s]', 0.02, 10.0),
        Parameter(
            'invalid_after', 0.25, 'silence of the poses that makes INVALID [s]', 0.02, 10.0
        ),
        Parameter('joint_states', True, 'also publish `muscle_activity/<side>/joint_states`'),
        *BACKLOG_PARAMETERS,
        *WAIT_PARAMETERS,
    )

    def __init__(self) -> None:
        super().__init__('muscle_estimation_node')
        s = self.settings
        bundle = load_bundle(Path(s['model']) if s['model'] else find_asset(MODEL))
        self._bundle = load_personal(bundle, s['person_file'])
        lookahead = s['lookahead'] if s['lookahead'] >= 0 else None
        silence = SilenceSettings(*(round(s[n] * 1e9) for n in ('stale_after', 'invalid_after')))
        self._stream = ActivityStream(self._bundle, lookahead, silence)
        self._activities, self._mirrors, self._counts = {}, {}, {}
        for side in SIDES:
            topic = f'muscle_activity/{side.label}'
            self._activities[side] = self.create_publisher(MuscleActivity, topic, STREAM)
            if s['joint_states']:
                mirror = self.create_publisher(JointState, f'{topic}/joint_states', STREAM)
                self._mirrors[side] = mirror
            self._counts[side] = 0
        self.offer_pause(lambda _: self._stream.reset())
        Connections(self, s['wait_for']).call_when_complete(s['wait_timeout'], self._listen)

    def _listen(self) -> None:
        for side in SIDES:
            self.listen(HandPose, f'hands/{side.label}', self._take)
        self.listen(KeyMotion, 'keys', self._take_keys, skip=False)  # a key lost stays down
        self.repeat(TICK, self._look_for_silence)

    def _take(self, message: HandPose) -> None:
        pose = self.read(message)
        if pose is not None and self.enabled:
            self._send(self._stream.push_pose(pose, self.now))

    def _take_keys(self, message: KeyMotion) -> None:
        motion = self.read(message)
        if motion is not None and self.enabled:
            self._stream.push_keys(motion)

    def _look_for_silence(self) -> None:
        if self.enabled:
            for activity in self._stream.tick(self.now):
                self._send(activity)

    def _send(self, activity: Activity) -> None:
        self.publish(self._activities[activity.side], activity)
        if activity.side in self._mirrors:
            self._mirrors[activity.side].publish(make_joint_state(activity))
        self._counts[activity.side] += 1

    def diagnose(self) -> Health:
        """Tell what was estimated with what."""
        values = {f'{s.label} estimates': n for s, n in self._counts.items()}
        values |= {'model': self._bundle.model_id, 'skipped': self.backlog.skipped}
        values['rejected'] = self.rejected
        if not any(self._counts.values()):
            return Health.warning('no pose yet', **values)
        if self._stream.silent:
            sides = ' and '.join(side.label for side in self._stream.silent)
            return Health.error(f'no pose of the {sides} hand is heard', **values)
        if self._stream.keys_unused:
            return Health.warning(
                'keys come, but are not used: the rig does not know where they are; record half a minute of scales '
                'for pianokpm calibrate --played, or name corners of keys (docs/cameras.md)',
                **values,
            )
        return Health.good('running', **values)


def main() -> int:
    """Run the node."""
    return run_node(MuscleEstimationNode)


if __name__ == '__main__':
    sys.exit(main())
