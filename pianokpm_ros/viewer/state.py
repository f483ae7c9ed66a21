"""What the view knows of the graph: heard as bytes on one thread, read by browsers' feeds on another."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.health_names import find_node
from pianokpm_ros.messages import stamp_of
from pianokpm_ros.recording.events import EVENT_TOPIC, EVENT_TYPE, SessionEvent
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.records import NANOSECONDS, EmgBlock, HandPose, KeyMotion, MuscleActivity
from pianokpm_ros.viewer.cameras import LANDMARKS, PICTURE, CameraView
from pianokpm_ros.viewer.reading import read_message
from pianokpm_ros.viewer.traces import Trace

if TYPE_CHECKING:
    from pianokpm_ros.viewer.contractions import Contractions
    from pianokpm_ros.viewer.measured import Measured

POSE, KEYS, ACTIVITY, EMG = (
    f'pianokpm/msg/{n}' for n in ('HandPose', 'KeyMotion', 'MuscleActivity', 'EmgBlock')
)
DIAGNOSTICS, TIME = 'diagnostic_msgs/msg/DiagnosticArray', 'builtin_interfaces/msg/Time'
SHOWN = (LANDMARKS, PICTURE, POSE, KEYS, ACTIVITY, EMG, EVENT_TYPE, DIAGNOSTICS, TIME)
"""Types of the messages that the view can use."""

DELAYS = 60
"""The delay shown is the median of that many estimates."""

RATE_WINDOW = 2 * NANOSECONDS


@dataclass
class HandState:
    """One hand.

    Attributes:
        pose: newest.
        activity: newest estimate.
        trace: of its envelope.
        delays: from the acquisition to the arrival of estimates [s].
        times: stamps of estimates within `RATE_WINDOW` [ns].
    """

    pose: HandPose | None = None
    activity: MuscleActivity | None = None
    trace: Trace = field(default_factory=Trace)
    delays: deque[float] = field(default_factory=lambda: deque(maxlen=DELAYS))
    times: deque[int] = field(default_factory=deque)

    @property
    def delay(self) -> float:
        """Median delay [s], NaN = unknown."""
        known = [d for d in self.delays if np.isfinite(d)]
        return float(np.median(known)) if known else float('nan')

    @property
    def rate(self) -> float:
        """Estimates a second of late, in the time of their stamps [Hz]."""
        return len(self.times) * NANOSECONDS / RATE_WINDOW

    def take(self, activity: MuscleActivity, delay: float) -> None:
        """Take an estimate and how late it came [s], NaN = unknown."""
        self.activity = activity
        self.times.append(activity.stamp)
        while self.times[0] <= activity.stamp - RATE_WINDOW:
            self.times.popleft()
        if len(activity.envelope):
            self.trace.push(activity)
        if activity.status >= Status.DEGRADED:  # others repeat an old stamp
            self.delays.append(delay)


@dataclass
class Content:
    """All that is known since the last break in time; read it inside `ViewState.reading` only."""

    hands: dict[Side, HandState] = field(
        default_factory=lambda: {Side.LEFT: HandState(), Side.RIGHT: HandState()}
    )
    keys: dict[int, float] = field(default_factory=dict)
    cameras: dict[str, CameraView] = field(default_factory=dict)
    measured: 'Measured | None' = None
    origin: int | None = None


class ViewState:
    """Collect what is heard; `clock` tells now on the clock of the stamps [ns]."""

    def __init__(self, clock: Callable[[], int], rate: float = 1.0, namespace: str = '') -> None:
        """Set up.

        Args:
            clock: tells now [ns].
            rate: of file playback: at another speed than 1, stamps run faster or slower than the clock.
            namespace: of the graph; what nodes in others complain about is none of its faults.
        """
        self._lock = threading.Lock()
        self._clock, self._rate, self._namespace = clock, rate, namespace
        self._playback: int | None = None
        self._content = Content()
        self.generation = 0
        """Counts the breaks in time; what was sent before one is of no use after it."""
        self.faults: dict[str, str] = {}
        self.rejected = 0
        """Messages that break their contract."""
        self.amplitudes: dict[tuple[Side, str], float] = {}
        """Envelopes of maximum contractions, as far as known, in the unit of the EMG."""
        self._streams = 0
        self._contractions: Contractions | None = None

    @property
    def contracting(self) -> bool:
        """Whether somebody contracts a muscle on purpose, so that its EMG is worth hearing whoever looks."""
        return self._contractions is not None and self._contractions.running

    @property
    def now(self) -> int:
        """Now in the time of the stamps [ns]."""
        return self._in_stamps(self._clock())

    def _in_stamps(self, now: int) -> int:
        if self._playback is None or self._rate in (0.0, 1.0):
            return now
        return self._playback + round((now - self._playback) * self._rate)

    @contextmanager
    def reading(self) -> Iterator[Content]:
        """Give access to the content, locked."""
        with self._lock:
            yield self._content

    def clear(self, origin: int | None = None) -> None:
        """Forget all: time has jumped; times are told after `origin` [ns], None = after what comes first."""
        with self._lock:
            self._content = Content(origin=origin)
            self.generation += 1

    def hear(self, topic: str, datatype: str, data: bytes, now: int | None) -> None:
        """Take a message.

        Args:
            topic: name.
            datatype: one of `SHOWN`; others are passed over.
            data: CDR.
            now: when it came [ns], None = nobody knows.
        """
        if datatype in (LANDMARKS, PICTURE):
            camera = name_camera(topic, datatype)
            with self._lock:
                self._content.cameras.setdefault(camera, CameraView()).hear(datatype, data)
        elif datatype in SHOWN:
            message = read_message(data, datatype)
            if message is None:
                self.rejected += 1
            else:
                self._take(topic, message, now)

    def _take(self, topic: str, message: Any, now: int | None) -> None:
        if isinstance(message, MuscleActivity):
            self._take_activity(message, now)
        elif isinstance(message, EmgBlock):
            self._take_emg(message)
        elif isinstance(message, HandPose):
            with self._lock:
                self._content.hands[message.side].pose = message
        elif isinstance(message, KeyMotion):
            with self._lock:
                self._content.keys = read_keys(message)
        elif topic.endswith(EVENT_TOPIC.lstrip('/')):
            self._take_event(message.data)
        elif hasattr(message, 'status'):
            self._diagnose(message)
        elif topic.endswith('playback/start'):
            self._playback = stamp_of(message)

    def _take_activity(self, activity: MuscleActivity, now: int | None) -> None:
        with self._lock:
            last = self._content.hands[activity.side].activity
        if last is not None and activity.stamp < last.stamp - NANOSECONDS:
            self.clear()  # the clock was set back, or a bag begins again
        late = float('nan')
        if now is not None:
            late = (self._in_stamps(now) - activity.stamp) / NANOSECONDS / (self._rate or 1.0)
        with self._lock:
            content = self._content
            content.origin = activity.stamp if content.origin is None else content.origin
            content.hands[activity.side].take(activity, late)

    def _take_emg(self, block: EmgBlock) -> None:
        # Not on import: filters and scores are of no use to a graph without electrodes.
        from pianokpm_ros.viewer.measured import Measured

        with self._lock:
            measured = self._content.measured
        if measured is not None and block.stamp < measured.newest - NANOSECONDS:
            self.clear()
        with self._lock:
            content = self._content
            content.origin = block.stamp if content.origin is None else content.origin
            if content.measured is None or not content.measured.fits(block):
                self._streams += 1
                content.measured = Measured(block, self.amplitudes, self._streams)
            estimates = {
                side: (hand.activity.muscle if hand.activity else (), hand.trace)
                for side, hand in content.hands.items()
            }
            content.measured.take(block, estimates)

    def _take_event(self, text: str) -> None:
        from pianokpm_ros.viewer.contractions import Contractions  # for the same reason

        self._contractions = self._contractions or Contractions()
        try:
            event = SessionEvent.from_json(text)
        except RecordingError:
            self.rejected += 1
            return
        with self._lock:
            self._contractions.hear(event, self._content.measured)
            self.amplitudes.clear()
            self.amplitudes.update(self._contractions.amplitudes())

    def _diagnose(self, message: Any) -> None:
        for status in message.status:
            node = find_node(status.name, self._namespace).rpartition('/')[2]
            if not node:
                continue
            level = status.level if isinstance(status.level, int) else int(status.level[0])
            self.faults = {k: v for k, v in self.faults.items() if k != node}
            if level:
                self.faults[node] = status.message


def name_camera(topic: str, datatype: str) -> str:
    """Return the camera of `<camera>/hands` or `<camera>/image/compressed`."""
    parts = topic.strip('/').split('/')
    return parts[max(-len(parts), -2 if datatype == LANDMARKS else -3)]


def read_keys(motion: KeyMotion) -> dict[int, float]:
    """Return the newest position of each key that is not at rest."""
    newest = zip(motion.key.tolist(), motion.position.tolist(), strict=True)
    return {key: position for key, position in dict(newest).items() if position > 0.005}
