"""Replay messages at their own pace, faster, or as fast as the listeners can take them."""

import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from pianokpm_ros.records import NANOSECONDS
from pianokpm_ros.replay.selection import StoredMessage

CLOCK_STEP = NANOSECONDS // 200
"""The replayed clock is told at least this often, in its own time [ns]."""

SPIN = 200_000
"""The last stretch before a message is due is waited for in short steps [ns]: sleep is not exact."""

WINDOW = 3 * NANOSECONDS // 10
"""How far the replay may run ahead of those it follows, in its own time [ns]."""

FOLLOW_TIMEOUT = 2.0
SET_BACK, SET_ON = NANOSECONDS, 86_400 * NANOSECONDS
"""A message that was received so long before or after the one it follows: the clock was set meanwhile [ns]."""

MOST_LATE = 1_000_000
"""Of so many messages it is kept how late they were: a bag may be played over and over, for days."""

ANSWERED = ('pianokpm/msg/HandLandmarks', 'pianokpm/msg/HandPose')
"""Those followed answer to these, with their stamps."""

STAMP = struct.Struct('<iI')
"""Seconds and nanoseconds."""


def read_stamp(data: bytes) -> int:
    """Return the stamp [ns] of a serialised message that begins with a header."""
    sec, nanosec = STAMP.unpack_from(data, 4)  # after 4 bytes of CDR's encapsulation
    return sec * NANOSECONDS + nanosec


@dataclass
class Timing:
    """How late messages went out.

    Attributes:
        late: [ns] of each message, of the newest `MOST_LATE`, in real-time replay only.
        skipped_waits: moments at which a follower was waited for in vain.
    """

    late: deque[int] = field(default_factory=lambda: deque(maxlen=MOST_LATE))
    skipped_waits: int = 0
    count: int = 0

    def describe(self) -> dict[str, float]:
        """Return median, 99th percentile and maximum of the lateness [ms]."""
        if not self.late:
            return {}
        late = np.array(self.late) * 1e-6
        return {
            'median': float(np.median(late)),
            'p99': float(np.percentile(late, 99)),
            'max': float(late.max()),
        }


class Follower:
    """Knows how far listeners have come, by the stamps of what they publish in turn."""

    def __init__(self, topics: Iterable[str]) -> None:
        """Set up for topics whose messages begin with a header."""
        self._newest = dict.fromkeys(topics, -1)
        self._changed = threading.Condition()

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics that are followed."""
        return tuple(self._newest)

    def heard(self, topic: str, stamp: int) -> None:
        """Take the stamp [ns] of an answer; from any thread."""
        with self._changed:
            self._newest[topic] = max(self._newest[topic], stamp)
            self._changed.notify_all()

    def forget(self) -> None:
        """Begin again: stamps start anew."""
        with self._changed:
            self._newest = dict.fromkeys(self._newest, -1)

    def wait(self, stamp: int, timeout: float) -> bool:
        """Wait until everybody has come to a stamp [ns], or nobody moves for `timeout` [s]."""
        with self._changed:
            while min(self._newest.values(), default=stamp) < stamp:
                before = dict(self._newest)
                if not self._changed.wait(timeout) and before == self._newest:
                    return False
        return True


class Player:
    """Send messages when they are due.

    Attributes:
        timing: how exact it was.
    """

    def __init__(
        self,
        rate: float,
        send: Callable[[StoredMessage], None],
        tick: Callable[[int], None],
        follower: Follower | None = None,
    ) -> None:
        """Set up.

        Args:
            rate: times faster than recorded; 0 = as fast as possible.
            send: publishes a message.
            tick: publishes the replayed time [ns].
            follower: is waited for, so that nothing is lost; None = nobody.
        """
        self._rate, self._send, self._tick, self._follower = rate, send, tick, follower
        self._stopping = threading.Event()
        self.timing = Timing()
        self._told = -CLOCK_STEP
        self._asked: tuple[int, int] | None = None  # first and newest stamp to be answered

    def stop(self) -> None:
        """End soon; from any thread."""
        self._stopping.set()

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    def play(self, messages: Iterable[StoredMessage]) -> bool:
        """Send all; tells whether it came to the end."""
        first, begun, last = 0, 0, None
        for message in messages:
            if last is None or not -SET_BACK <= message.time - last <= SET_ON:
                # Time begins now (opening the bag took some), or once more.
                self._begin()
                first, begun = message.time, time.monotonic_ns()
            last = message.time
            if self._stopping.is_set():
                return False
            if self._rate:
                self._wait(begun, first, message.time)
            elif self._follower is not None and message.datatype in ANSWERED:
                self._follow(message)
            self._tell(message.time)
            self._send(message)
            self.timing.count += 1
        return True

    def _begin(self) -> None:
        """Let stamps start anew, once everybody has come to the end of those before."""
        if self._follower is not None and self._asked is not None:
            self._follower.wait(self._asked[1], FOLLOW_TIMEOUT)
            self._follower.forget()
        self._told, self._asked = -CLOCK_STEP, None

    def _wait(self, begun: int, first: int, due: int) -> None:
        target = begun + round((due - first) / self._rate)
        step = CLOCK_STEP / self._rate
        while (ahead := target - time.monotonic_ns()) > 0 and not self._stopping.is_set():
            if ahead > step:
                time.sleep(step / NANOSECONDS)
                self._tell(first + round((time.monotonic_ns() - begun) * self._rate), due)
            elif ahead > SPIN:
                time.sleep((ahead - SPIN / 2) / NANOSECONDS)
        self.timing.late.append(time.monotonic_ns() - target)

    def _follow(self, message: StoredMessage) -> None:
        stamp = read_stamp(message.data)
        first = stamp if self._asked is None else self._asked[0]
        self._asked = first, stamp
        if stamp - WINDOW <= first:
            return
        if not self._follower.wait(stamp - WINDOW, FOLLOW_TIMEOUT):
            self.timing.skipped_waits += 1

    def _tell(self, now: int, limit: int | None = None) -> None:
        now = now if limit is None else min(now, limit)
        if now > self._told and (now - self._told >= CLOCK_STEP or limit is None):
            self._told = now
            self._tick(now)
