"""A recorded bag as if it happened now: the same topics, the same bytes, and its time on /clock."""

import importlib
import os
import sys
import threading
import time
from functools import partial

from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock

from pianokpm_ros.nodes.base import LATCHED, STREAM, Health, PianoNode, run_node
from pianokpm_ros.nodes.connections import WAIT_PARAMETERS, Connections
from pianokpm_ros.nodes.parameters import Parameter, ParameterError
from pianokpm_ros.nodes.sensor_messages import make_header
from pianokpm_ros.priority import ask_for_real_time
from pianokpm_ros.recording.layout import LATCHED_TYPES
from pianokpm_ros.recording.namespaces import find_namespace, place_topic
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.replay.player import Follower, Player, read_stamp
from pianokpm_ros.replay.selection import (
    LEVELS,
    Selection,
    StoredMessage,
    list_topics,
    select_messages,
)

POLL = 0.05
QUEUE = QoSProfile(depth=100)
FOREVER = 1e9
CALM = 4.0
"""Up to this rate the player sleeps most of the time, so that a real-time thread takes nothing from others."""


class ReplayNode(PianoNode):
    """Publish what was recorded."""

    PARAMETERS = (
        Parameter('bag', '', 'bag folder or file to replay'),
        Parameter('rate', 1.0, 'times faster than recorded; 0 = as fast as possible', 0.0, 100.0),
        Parameter(
            'what', 'all', 'everything, or what the later stages need', choices=tuple(LEVELS)
        ),
        Parameter('topics', [''], 'only these topics; empty = all'),
        Parameter('exclude', [''], 'topics to leave out'),
        Parameter('start', 0.0, 'skip the beginning [s]', 0.0, FOREVER),
        Parameter('duration', FOREVER, 'end after this time of the bag [s]', 0.0, FOREVER),
        Parameter('loop', False, 'begin again at the end'),
        Parameter('clock', True, 'publish the time of the bag on /clock'),
        Parameter('follow', [''], 'answers whose stamps to wait for when as fast as possible'),
        *WAIT_PARAMETERS,
        Parameter('real_time', True, 'ask for a real-time thread, at rates up to 4'),
    )

    def __init__(self) -> None:
        super().__init__('replay_node')
        s = self.settings
        if not s['bag']:
            raise ParameterError('bag: expected a bag to replay, found none')
        self._selection = Selection(
            s['what'], tuple(s['topics']), tuple(s['exclude']), s['start'], s['duration']
        )
        self._connections = Connections(self, s['wait_for'])
        self._outputs = self._offer_topics()
        self._clock_out = self.create_publisher(Clock, '/clock', 10) if s['clock'] else None
        self._follower = Follower(s['follow']) if s['follow'] else None
        self._player = Player(s['rate'], self._send, self._tick, self._follower)
        self._follow_answers()
        self._state, self._error = 'waiting for listeners', ''
        self._in_real_time = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._play, name='replay', daemon=True)
        self._thread.start()

    def _offer_topics(self) -> dict[str, Publisher | None]:
        """Make the publisher of each recorded topic."""
        topics = list_topics(self.settings['bag'], self._selection)
        recorded, chosen = find_namespace(topics), self.get_namespace().rstrip('/')
        return {
            topic: self._offer(place_topic(topic, recorded, chosen), kind)
            for topic, kind in topics.items()
            if topic != '/clock'
        }

    def _offer(self, topic: str, datatype: str) -> Publisher | None:
        package, _, name = datatype.split('/')
        try:
            kind = getattr(importlib.import_module(f'{package}.msg'), name)
        except (ImportError, AttributeError):
            self.get_logger().warning(f'{topic} is left out: {datatype} is not installed')
            return None
        quality = LATCHED if datatype in LATCHED_TYPES else QUEUE
        if datatype.startswith('pianokpm/'):
            quality = STREAM
        return self.create_publisher(kind, topic, quality)

    def _follow_answers(self) -> None:
        for topic in self._follower.topics if self._follower else ():
            datatype = 'HandPose' if '/hands/' in f'/{topic}' else 'MuscleActivity'
            kind = getattr(importlib.import_module('pianokpm.msg'), datatype)
            self.create_subscription(kind, topic, partial(self._hear, topic), 100, raw=True)

    def _hear(self, topic: str, data: bytes) -> None:
        self._follower.heard(topic, read_stamp(data))

    def _play(self) -> None:
        try:
            self._wait_for_listeners()
            if self.settings['real_time'] and 0 < self.settings['rate'] <= CALM:
                self._in_real_time = ask_for_real_time()
            self._state = 'replaying'
            again = True
            while again:
                messages = select_messages(self.settings['bag'], self._selection)
                again = self._player.play(messages) and self.settings['loop']
            self._state = 'at the end'
        except RecordingError as error:
            self._error = str(error)
            self.get_logger().error(self._error)
        finally:
            self._tell_timing()
            if not self._player.stopped:
                self.finish()

    def _tell_timing(self) -> None:
        try:
            self._print_timing()
            sys.stdout.flush()
        except OSError:
            # Whoever started this may be gone: what is left in the buffer goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _wait_for_listeners(self) -> None:
        end = time.monotonic() + self.settings['wait_timeout']
        while missing := self._connections.find_missing():
            if time.monotonic() > end:
                self.get_logger().warning(f'begins without {", ".join(missing)}')
                return
            if self._ending.wait(POLL):
                return

    def _send(self, message: StoredMessage) -> None:
        publisher = self._outputs.get(message.topic)
        if publisher is not None:
            publisher.publish(message.data)

    def _tick(self, now: int) -> None:
        if self._clock_out is not None:
            self._clock_out.publish(Clock(clock=make_header(now, '').stamp))

    def _print_timing(self) -> None:
        timing = self._player.timing
        words = ', '.join(f'{k} {v:.3f} ms' for k, v in timing.describe().items())
        thread = 'real-time' if self._in_real_time else 'ordinary'
        late = f'; late by: {words} ({thread} thread)' if words else ''
        waits = f'; {timing.skipped_waits} waits in vain' if timing.skipped_waits else ''
        print(f'{timing.count} messages replayed{late}{waits}', flush=True)

    def diagnose(self) -> Health:
        """Tell where it is."""
        timing = self._player.timing
        values = {'messages': timing.count, 'waits in vain': timing.skipped_waits}
        if self._error:
            return Health.error(self._error, **values)
        return Health.good(self._state, **values)

    def close(self) -> None:
        """Stop replaying."""
        self._ending.set()
        self._player.stop()
        self._thread.join(2.0)


def main() -> int:
    """Run the node."""
    return run_node(ReplayNode)


if __name__ == '__main__':
    sys.exit(main())
