"""Play a recording into a view's state, with pause, seek and speed; needs no ROS."""

import bisect
import logging
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pianokpm_ros.anatomy import Side
from pianokpm_ros.recording.events import EVENT_TOPIC, EVENT_TYPE, SessionEvent
from pianokpm_ros.recording.namespaces import find_namespace
from pianokpm_ros.recording.reader import read_rig
from pianokpm_ros.records import NANOSECONDS
from pianokpm_ros.viewer.cameras import PICTURE
from pianokpm_ros.viewer.films import Film
from pianokpm_ros.viewer.page_server import ViewerError
from pianokpm_ros.viewer.reading import peek_stamp, read_message
from pianokpm_ros.viewer.state import ACTIVITY, EMG, SHOWN, ViewState
from pianokpm_ros.viewer.traces import SPAN

logger = logging.getLogger(__name__)

STEP = 0.01
"""Between two looks at the time [s]."""

PICTURE_PERIOD = NANOSECONDS // 10
"""Between two pictures of a camera that was filmed, in the recording's time [ns]."""

LONGEST_STEP = NANOSECONDS // 4
"""A process that was stopped for longer goes on where it was [ns]."""

RATES = (0.1, 4.0)
"""Slowest and fastest playback."""

MARGIN = NANOSECONDS // 2
"""What is stamped further than this from all estimates is of another clock [ns]."""

SLACK = 0.02
"""Part by which clock and stamps may differ over a recording made in real time."""


@dataclass(frozen=True)
class Stored:
    """One message of a recording.

    Attributes:
        time: its stamp [ns]: the time line of the view, at whatever speed it was recorded.
        topic: name.
        datatype: of the message.
        data: CDR.
        came: when it was recorded [ns], None where the stamps ran at another speed than the clock.
    """

    time: int
    topic: str
    datatype: str
    data: bytes
    came: int | None


@dataclass(frozen=True, eq=False)
class Recording:
    """What the view shows of a bag.

    Attributes:
        messages: by time; at least one.
        amplitudes: envelopes of maximum contractions, in the unit of the EMG; empty where there are none.
    """

    messages: list[Stored]
    amplitudes: Mapping[tuple[Side, str], float]


def load_recording(bag: Path | str) -> Recording:
    """Read what the view can show of a bag, in one go."""
    made, events = [], []
    for topic, datatype, data, log_time in read_rig(bag):
        if datatype == EVENT_TYPE and topic.endswith(EVENT_TOPIC):
            events.append(data)  # they have no stamp to be played at
        elif datatype in SHOWN and datatype != EVENT_TYPE:
            made.append(Stored(peek_stamp(data), topic, datatype, data, log_time))
    return Recording(_choose(made, bag), _measure(made, events))


def _choose(made: list[Stored], bag: Path | str) -> list[Stored]:
    """Return the messages around the estimates, by time."""
    estimates = [m for m in made if m.datatype == ACTIVITY and m.time]
    if not estimates:
        raise ViewerError(
            f'asked to show {bag}, which holds no estimate of any muscle; record while muscle_estimation_node '
            'runs, or make one with `pianokpm replay BAG --recompute FOLDER`'
        )
    first, last = (pick(m.time for m in estimates) for pick in (min, max))
    kept = [m for m in made if first - MARGIN <= m.time <= last + MARGIN]
    if not was_in_real_time(estimates):
        kept = [replace(m, came=None) for m in kept]
    return sorted(kept, key=lambda m: m.time)


def _measure(made: list[Stored], events: list[bytes]) -> Mapping[tuple[Side, str], float]:
    """Return the amplitudes of the contractions that events tell of, also before the first estimate."""
    blocks = [m.data for m in made if m.datatype == EMG]
    if not events or not blocks:
        return {}
    # Not on import: filters are of no use to a recording without electrodes.
    from pianokpm_ros.viewer.contractions import measure_recording

    told = (m for data in events if (m := read_message(data, EVENT_TYPE)) is not None)
    return measure_recording(
        (SessionEvent.from_json(m.data) for m in told),
        (b for data in blocks if (b := read_message(data, EMG)) is not None),
    )


def was_in_real_time(messages: list[Stored]) -> bool:
    """Tell whether stamps ran as fast as the clock and behind it, so that their distance is a latency."""
    if all(m.came == m.time for m in messages):
        return False  # made without a clock, from files
    stamps, clock = messages[-1].time - messages[0].time, messages[-1].came - messages[0].came
    return abs(clock - stamps) <= SLACK * max(stamps, NANOSECONDS)


class BagPlayback(threading.Thread):
    """Push messages when they are due; the view's clock is the position in the recording."""

    def __init__(
        self,
        recording: Recording,
        rate: float = 1.0,
        paused: bool = False,
        films: Iterable[Film] = (),
    ) -> None:
        """Set up.

        Args:
            recording: what to play.
            rate: times faster than recorded.
            paused: stand at the beginning.
            films: videos to show pictures of.
        """
        super().__init__(name='view playback', daemon=True)
        self._messages = recording.messages
        self._times = [m.time for m in self._messages]
        self._first, self._last = self._times[0], self._times[-1]
        self._position, self._next = self._first, 0
        self._rate, self._playing = rate, not paused
        self._films, self._looked = tuple(films), self._first - NANOSECONDS
        self._asked: int | None = self._first
        self._lock, self._ending = threading.Lock(), threading.Event()
        estimates = {m.topic: m.datatype for m in self._messages if m.datatype == ACTIVITY}
        self.state = ViewState(lambda: self._position, namespace=find_namespace(estimates))
        self.state.amplitudes.update(recording.amplitudes)

    def describe(self) -> dict[str, Any]:
        """Return where it is: seconds, and whether it plays."""
        return {
            'position': round((self._position - self._first) / NANOSECONDS, 2),
            'duration': round((self._last - self._first) / NANOSECONDS, 2),
            'playing': self._playing,
            'rate': self._rate,
        }

    def control(self, asked: dict[str, Any]) -> None:
        """Do what people ask: `play` true or false, `seek` to [s], `rate`; from any thread."""
        with self._lock:
            if 'play' in asked:
                self._playing = bool(asked['play'])
                if self._playing and self._position >= self._last:
                    self._asked = self._first
            if _is_number(asked.get('seek')):
                wanted = self._first + round(max(asked['seek'], 0.0) * NANOSECONDS)
                self._asked = min(wanted, self._last)
            if _is_number(asked.get('rate')):
                self._rate = min(max(float(asked['rate']), RATES[0]), RATES[1])

    def run(self) -> None:
        """Play until told to end."""
        then = time.monotonic_ns()
        while not self._ending.wait(STEP):
            now = time.monotonic_ns()
            self._advance(min(now - then, LONGEST_STEP))
            then = now

    def _advance(self, step: int) -> None:
        with self._lock:
            asked, self._asked = self._asked, None
            playing, rate = self._playing, self._rate
        if asked is not None:
            self._jump(asked)
        elif playing:
            self._position = min(self._position + round(step * rate), self._last)
        self._push_due()
        self._push_pictures()
        if self._position >= self._last:
            self._playing = False

    def _jump(self, position: int) -> None:
        """Go somewhere: the past that traces show is pushed again."""
        self.state.clear(self._first)
        self._position = position
        self._looked = position - PICTURE_PERIOD
        self._next = bisect.bisect_left(self._times, position - SPAN)

    def _push_due(self) -> None:
        while self._next < len(self._messages) and self._times[self._next] <= self._position:
            message = self._messages[self._next]
            self.state.hear(message.topic, message.datatype, message.data, message.came)
            self._next += 1

    def _push_pictures(self) -> None:
        if 0 <= self._position - self._looked < PICTURE_PERIOD:
            return
        self._looked = self._position
        for film in self._films:
            found = film.read(self._position)
            if found is not None:
                self.state.hear(f'/{film.camera}/image/compressed', PICTURE, found[1], None)

    def stop(self) -> None:
        """End; waits for it."""
        self._ending.set()
        self.join(2.0)
        for film in self._films:
            film.close()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
