"""Record the topics of the package to an MCAP bag, byte by byte as received."""

import importlib
import os
import sys
from functools import partial

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from pianokpm_ros.graph import list_topics
from pianokpm_ros.nodes.base import LATCHED, Health, PianoNode, run_node
from pianokpm_ros.nodes.parameters import Parameter, ParameterError
from pianokpm_ros.priority import ask_for_real_time
from pianokpm_ros.recording.layout import LATCHED_TYPES, RIG
from pianokpm_ros.recording.topic_recorder import TopicRecorder
from pianokpm_ros.records import NANOSECONDS

DISCOVERY = 0.5
"""How often new topics are looked for [s]."""

EMPTY_AFTER = 10.0
"""A bag in which nothing but diagnostics has come for so long is complained about [s]."""

MEGABYTE = 1_000_000
DEPTH = 1000
IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')


class RecorderNode(PianoNode):
    """Subscribe to every topic of the graph, and to later ones of this package's types in the same namespace."""

    PARAMETERS = (
        Parameter('bag', '', 'folder of the bag to make'),
        Parameter('cameras', [''], 'cameras whose topics to expect'),
        Parameter('free_space', 200, 'stop when less than this is left [MB]', 1, 1_000_000_000),
        Parameter(
            'split_size', 0, 'begin another file at this size [MB]; 0 = never', 0, 1_000_000
        ),
        Parameter('split_duration', 0.0, 'likewise after this time [s]', 0.0, 86_400.0),
        Parameter('rig', '', 'calibration file to keep with the bag; empty = none'),
        Parameter(
            'real_time', True, 'ask to run before ordinary programs; takes some % of a core'
        ),
        Parameter('topics', [''], 'further topics to record, of types that are installed'),
    )

    def __init__(self) -> None:
        super().__init__('recorder_node')
        s = self.settings
        if not s['bag']:
            raise ParameterError('bag: expected the folder of a new bag, found none')
        self._recorder = TopicRecorder(
            s['bag'],
            s['free_space'] * MEGABYTE,
            s['split_size'] * MEGABYTE,
            round(s['split_duration'] * NANOSECONDS),
        )
        if s['rig']:
            self._recorder.attach(s['rig'], RIG)
        self._further = {self.resolve_topic_name(t) for t in s['topics']}
        self._recorded: dict[str, tuple[str, QoSProfile, Subscription]] = {}
        for topic, datatype in list_topics(s['cameras']).items():
            self._record(self.resolve_topic_name(topic), datatype)
        self.offer_pause()
        self.create_timer(DISCOVERY, self._discover, clock=self._steady)
        self._empty = ''
        self._waited = self.create_timer(EMPTY_AFTER, self._look, clock=self._steady)
        # The threads that receive too, or what comes is overwritten before it was taken.
        self._in_real_time = s['real_time'] and ask_for_real_time(every_thread=True)

    def _record(self, topic: str, datatype: str) -> None:
        package, _, name = datatype.split('/')
        kind = getattr(importlib.import_module(f'{package}.msg'), name)
        quality = self._choose_quality(topic, datatype)
        take = partial(self._take, topic, datatype)
        made = self.create_subscription(kind, topic, take, quality, raw=True)
        self._recorded[topic] = (datatype, quality, made)

    def _choose_quality(self, topic: str, datatype: str) -> QoSProfile:
        """Ask for no more than every publisher offers: who is asked for more isn't heard."""
        offers = [p.qos_profile for p in self.get_publishers_info_by_topic(topic)]
        kept = all(o.durability is not DurabilityPolicy.VOLATILE for o in offers)
        if datatype in LATCHED_TYPES and kept:
            return LATCHED
        sure = datatype not in IMAGE_TYPES and all(
            o.reliability is not ReliabilityPolicy.BEST_EFFORT for o in offers
        )
        policy = ReliabilityPolicy.RELIABLE if sure else ReliabilityPolicy.BEST_EFFORT
        return QoSProfile(depth=DEPTH, reliability=policy, durability=DurabilityPolicy.VOLATILE)

    def _adapt(self) -> None:
        """Subscribe anew, asking for less, where a publisher came that offers less."""
        for topic, (datatype, asked, subscription) in list(self._recorded.items()):
            offered = self._choose_quality(topic, datatype)
            # Both count up with how little is asked for: 1 reliable, 2 best effort; 1 kept, 2 volatile.
            less = offered.reliability > asked.reliability or offered.durability > asked.durability
            if less:
                self.destroy_subscription(subscription)
                self._record(topic, datatype)

    def _discover(self) -> None:
        self._adapt()
        # Another namespace is another graph, whose hands would be taken for these.
        inside = f'{self.get_namespace().rstrip("/")}/'
        for topic, (datatype, *_) in self.get_topic_names_and_types():
            graph = datatype.startswith('pianokpm/msg/') and topic.startswith(inside)
            ours = graph or topic in self._further
            if ours and topic not in self._recorded and self._recorder.records(datatype):
                self._record(topic, datatype)

    def _take(self, topic: str, datatype: str, data: bytes) -> None:
        if self.enabled:
            latched = datatype in LATCHED_TYPES
            self._recorder.write(topic, datatype, data, self.now, latched)

    def _look(self) -> None:
        """Complain once, until it comes, that nothing of a graph is heard: later it can't be recorded any more."""
        self._waited.cancel()
        if self._holds_nothing():
            self._empty = self._explain_emptiness()
            self.get_logger().warning(self._empty)

    def _explain_emptiness(self) -> str:
        if self._recorder.early:
            return 'what comes waits for simulated time, of which nothing has come on /clock yet'
        domain = os.environ.get('ROS_DOMAIN_ID', '0')
        return (
            'nothing but diagnostics has come yet; is a graph running, in the namespace '
            f'{self.get_namespace()} and with ROS_DOMAIN_ID {domain}?'
        )

    def _holds_nothing(self) -> bool:
        return set(self._recorder.counts) <= {'/diagnostics'}

    def diagnose(self) -> Health:
        """Tell how much was written."""
        counts = self._recorder.counts
        values = {'messages': sum(counts.values()), 'lost': self._recorder.lost}
        values |= {'real time': self._in_real_time, **counts}
        if self._recorder.error:
            return Health.error(self._recorder.error, **values)
        if self._empty and self._holds_nothing():
            return Health.warning(self._empty, **values)
        return Health.good(f'recording to {self._recorder.path}', **values)

    def close(self) -> None:
        """Finish the bag."""
        self._recorder.close()
        counts = self._recorder.counts
        print(f'{sum(counts.values())} messages of {len(counts)} topics in {self._recorder.path}')


def main() -> int:
    """Run the node."""
    return run_node(RecorderNode)


if __name__ == '__main__':
    sys.exit(main())
