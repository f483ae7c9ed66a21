"""What a running graph is heard to do: counts, rates, newest estimates, delays; one thread writes, another reads."""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from pianokpm_ros.anatomy import Side
from pianokpm_ros.records import NANOSECONDS, MuscleActivity

RATE_WINDOW = 2 * NANOSECONDS
"""Rates are those of so much of the past [ns]."""

DELAYS = 120
"""The delay shown is the median of that many estimates."""

RECEIVED = 100_000
"""Times of arrival that are kept: of a quarter of an hour of two hands at 60 Hz. A live graph runs for days."""


@dataclass(frozen=True)
class PlaybackClock:
    """When a frame of a file was due.

    Attributes:
        origin: clock time of the file's time 0 [ns], which is also the stamp of it.
        rate: times faster than the file's own time.
    """

    origin: int
    rate: float

    def due(self, stamp: int) -> int:
        """Return when a frame of a stamp was due on the clock [ns]."""
        return self.origin + round((stamp - self.origin) / self.rate)

    def position(self, now: int) -> int:
        """Return how far the file has been played at a clock time [ns]."""
        return max(0, round((now - self.origin) * self.rate))


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The state at one moment.

    Attributes:
        now: clock time [ns].
        clock: of the playback, None = it has not begun.
        ended: when the playback was over [ns], None = not yet.
        counts: messages received of each topic.
        rates: messages a second of each topic.
        newest: newest estimate of each hand.
        delay: median from when a frame was due until its estimate was received [s], NaN = unknown.
        faults: what nodes complain about, by node.
    """

    now: int
    clock: PlaybackClock | None
    ended: int | None
    counts: dict[str, int]
    rates: dict[str, float]
    newest: dict[Side, MuscleActivity]
    delay: float
    faults: dict[str, str] = field(default_factory=dict)


class LiveState:
    """Collect what is heard."""

    def __init__(self, topics: Iterable[str], rate: float) -> None:
        """Set up.

        Args:
            topics: to expect.
            rate: of the playback.
        """
        self._lock = threading.Lock()
        self._rate = rate
        self._times: dict[str, deque[int]] = {t: deque() for t in topics}
        self._counts = dict.fromkeys(self._times, 0)
        self._clock: PlaybackClock | None = None
        self._ended: int | None = None
        self._newest: dict[Side, MuscleActivity] = {}
        self._delays: deque[float] = deque(maxlen=DELAYS)
        self._faults: dict[str, str] = {}
        self.received: dict[tuple[Side, int], int] = {}
        """When the estimate of each hand and stamp that brought samples was received [ns]; the newest `RECEIVED`."""

    def start(self, origin: int) -> None:
        """Note that the playback's time 0 is a clock time [ns]."""
        with self._lock:
            self._clock = PlaybackClock(origin, self._rate)

    def end(self, now: int) -> None:
        """Note that the playback was over at a clock time [ns]."""
        with self._lock:
            self._ended = now

    def count(self, topic: str, now: int) -> None:
        """Note a message."""
        with self._lock:
            times = self._times[topic]
            if times and now < times[-1]:  # the clock was set back
                times.clear()
            times.append(now)
            while times[0] < now - RATE_WINDOW:
                times.popleft()
            self._counts[topic] += 1

    def take(self, topic: str, activity: MuscleActivity, now: int) -> None:
        """Note an estimate."""
        self.count(topic, now)
        with self._lock:
            self._newest[activity.side] = activity
            if not len(activity.envelope):
                return  # repeats or stands for what did not come
            self.received.setdefault((activity.side, activity.stamp), now)
            if len(self.received) > RECEIVED:
                del self.received[next(iter(self.received))]
            # Live, a frame is due at its stamp.
            due = self._clock.due(activity.stamp) if self._clock else activity.stamp
            self._delays.append((now - due) / NANOSECONDS)

    def complain(self, node: str, fault: str) -> None:
        """Note what a node says is wrong, empty = nothing."""
        with self._lock:
            self._faults.pop(node, None)
            if fault:
                self._faults[node] = fault

    def snapshot(self, now: int) -> Snapshot:
        """Return the state at a clock time [ns]."""
        with self._lock:
            rates = {
                topic: sum(t > now - RATE_WINDOW for t in times) * NANOSECONDS / RATE_WINDOW
                for topic, times in self._times.items()
            }
            return Snapshot(
                now,
                self._clock,
                self._ended,
                dict(self._counts),
                rates,
                dict(self._newest),
                float(np.median(self._delays)) if self._delays else float('nan'),
                dict(self._faults),
            )
