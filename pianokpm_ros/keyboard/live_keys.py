"""Key motion of a MIDI keyboard that is being played, as records at whatever times one asks for them."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

import mido
import numpy as np

from pianokpm_ros.keyboard.key_samples import PEDALS
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_COUNT
from pianokpm_ros.records import NANOSECONDS, NO_PEDAL, KeyMotion

ALL_OFF = (120, 123)
"""Controllers `all sound off` and `all notes off`."""

ACTIVE_SENSING_LIMIT = 330_000_000
"""A keyboard that has sent active sensing once and then nothing for so long is gone (MIDI 1.0) [ns]."""


@dataclass(frozen=True)
class _Event:
    stamp: int
    key: int
    down: bool
    velocity: int


class LiveKeys:
    """Collect MIDI messages from any thread and hand out records.

    Attributes:
        ignored: notes that are no piano keys.
        late: events that were stamped before the record they missed, and went into the next.
    """

    def __init__(self, source: str) -> None:
        """Set up; `source` names the keyboard in the records, such as `midi:Portname`."""
        self.source = source
        self.ignored = self.late = 0
        self._lock = threading.Lock()
        self._events: list[_Event] = []
        self._down: set[int] = set()
        self._recorded: set[int] = set()
        self._pedal = NO_PEDAL
        self._sequence, self._last = 0, 0
        self._sensed: int | None = None

    @property
    def held(self) -> frozenset[int]:
        """Keys that are down, by what was received."""
        with self._lock:
            return frozenset(self._down)

    def push(self, stamp: int, message: mido.Message) -> None:
        """Take a message received at `stamp` [ns]."""
        with self._lock:
            if self._sensed is not None or message.type == 'active_sensing':
                self._sensed = stamp
            if message.type in ('note_on', 'note_off'):
                down = message.type == 'note_on' and message.velocity > 0
                self._add(stamp, message.note, down, message.velocity)
            elif message.type == 'control_change':
                self._control(stamp, message.control, message.value)
            elif message.type == 'reset':
                self._release(stamp)

    def release_all(self, stamp: int) -> None:
        """Lift every key and forget the pedals: the keyboard is gone."""
        with self._lock:
            self._release(stamp)

    def _add(self, stamp: int, key: int, down: bool, velocity: int) -> None:
        if not FIRST_KEY <= key < FIRST_KEY + KEY_COUNT:
            self.ignored += 1
            return
        self._events.append(_Event(stamp, key, down, velocity))
        (self._down.add if down else self._down.discard)(key)

    def _control(self, stamp: int, control: int, value: int) -> None:
        if control in PEDALS:
            state = list(self._pedal)
            state[PEDALS[control]] = value / 127
            self._pedal = tuple(state)
        elif control in ALL_OFF:
            self._lift(stamp)

    def _lift(self, stamp: int) -> None:
        for key in sorted(self._down):
            self._events.append(_Event(stamp, key, False, 0))
        self._down.clear()

    def _release(self, stamp: int) -> None:
        self._lift(stamp)
        self._pedal, self._sensed = NO_PEDAL, None

    def record(self, until: int) -> KeyMotion:
        """Make the record of the time from the last one to `until` [ns]."""
        with self._lock:
            if self._sensed is not None and until - self._sensed > ACTIVE_SENSING_LIMIT:
                self._release(until)
            events, held = self._take(until)
            self._sequence += 1
            return self._make(events, held, until, self._sequence - 1)

    def _take(self, until: int) -> tuple[list[_Event], Iterable[int]]:
        if until < self._last:
            self._bring_back(until)
        ready = sorted(
            (e for e in self._events if e.stamp <= until), key=lambda event: event.stamp
        )
        self._events = [e for e in self._events if e.stamp > until]
        self.late += sum(e.stamp <= self._last for e in ready)
        self._last = until
        moved = {e.key for e in ready}
        held = sorted(self._recorded - moved)
        for event in ready:
            (self._recorded.add if event.down else self._recorded.discard)(event.key)
        return ready, held

    def _bring_back(self, until: int) -> None:
        """Date what came before the clock was set back no later than what came after it, in the order of coming."""
        self._last = 0
        for i in reversed(range(len(self._events))):
            until = min(until, self._events[i].stamp)
            self._events[i] = replace(self._events[i], stamp=until)

    def _make(
        self, events: list[_Event], held: Iterable[int], until: int, sequence: int
    ) -> KeyMotion:
        events = [*events, *(_Event(until, k, True, 0) for k in held)]
        start = events[0].stamp if events else until
        return KeyMotion(
            start,
            sequence,
            np.array([(e.stamp - start) / NANOSECONDS for e in events], np.float32),
            np.array([e.key for e in events], np.uint8),
            np.array([float(e.down) for e in events], np.float32),
            np.full(len(events), np.nan, np.float32),
            np.array([e.velocity for e in events], np.uint8),
            self._pedal,
            self.source,
        )
