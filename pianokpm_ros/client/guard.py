"""The state machine between the estimate and an actuator.

```
            recovery_count usable estimates            value whole again
  PASSIVE ────────────────────────────────▶ RECOVERING ────────────────▶ ACTIVE
     ▲                                          ▲  │ hold over                │ nothing usable
     │ passive_after, or publisher gone         │  ▼                          ▼
     └───────────────── RAMPING ◀───────────────┼──────────────────────── HOLDING
                           └────resume_count────┘        hold over
```

A share from 0 to 1 says how much of the value is passed on: it stands while holding, falls to zero
in `ramp` while ramping and rises to one in `recovery` while recovering. The value follows share x
confidence scale x activation within its slope limits. All times come in with the calls, and only
their differences count, so a clock that jumps can't produce a step.
"""

from dataclasses import dataclass
from enum import IntEnum

from pianokpm_ros.client.options import ClientOptions
from pianokpm_ros.client.screening import Fault, Screening
from pianokpm_ros.records import MuscleActivity


class State(IntEnum):
    """What the client does; the actuator may assist where `state > State.PASSIVE`."""

    PASSIVE = 0
    RAMPING = 1
    HOLDING = 2
    RECOVERING = 3
    ACTIVE = 4


@dataclass(frozen=True)
class Command:
    """What a controller may act on at one moment.

    Attributes:
        state: what the client does; `PASSIVE` means let go, not merely zero.
        fault: why it is not active, `NONE` where it is.
        value: (M,) in the order of the options' muscles, 0..ceiling, never NaN.
        share: 0..1, part of the value that the state allows.
        scale: 0..1, part that the confidence allows.
        silent: since the last usable estimate [s], infinite where there was none.
        stamp: acquisition of the newest usable frame [ns], 0 where there was none.
    """

    state: State
    fault: Fault
    value: tuple[float, ...]
    share: float
    scale: float
    silent: float
    stamp: int


class ActivityGuard:
    """Follow a stream of estimates of one hand; not for use from several threads at once."""

    def __init__(self, options: ClientOptions | None = None) -> None:
        """Start passive; without options with the defaults, for a camera of 60 pictures a second."""
        self.options = options or ClientOptions()
        self.faults: dict[Fault, int] = dict.fromkeys(Fault, 0)
        self._screening = Screening(self.options)
        # Own time [ns]: never goes back, and stays exact however long it runs.
        self._time = 0
        self._clock: int | None = None
        self._usable_at: int | None = None
        self._step_at = 0
        self._target = self._value = (0.0,) * len(self.options.muscles)
        self._share, self._scale = 0.0, 1.0
        self._state, self._fault = State.PASSIVE, Fault.SILENCE
        self._in_row, self._stamp, self._gone = 0, 0, False
        self._last_stamp: int | None = None
        self._last_time = 0

    @property
    def state(self) -> State:
        """What it did at the last call."""
        return self._state

    def push(self, activity: MuscleActivity, steady: int, ros_time: int | None = None) -> Fault:
        """Take an estimate.

        Args:
            activity: as received.
            steady: now, on a clock that is never set [ns].
            ros_time: now, on the clock of the stamps [ns]; None = frame ages are not checked.

        Returns:
            Why it was not used, `NONE` where it was.
        """
        self._advance(steady)
        values = self._screening.select(activity)
        fault = self._screening.judge(activity, values)
        # What is repeated while nothing is seen keeps its stamp: that tells nothing of clocks.
        if fault != Fault.STATUS:
            fault = self._judge_time(activity.stamp, ros_time) or fault
        if fault:
            self.faults[fault] += 1
            if fault != Fault.ORDER:  # repeated messages do no harm
                self._in_row, self._fault = 0, fault
            return fault
        if self._silent > self.options.hold:
            self._in_row = 0
        ceiling = self.options.ceiling
        self._target = tuple(min(max(v, 0.0), ceiling) for v in values)
        self._scale = self._screening.scale(activity.confidence)
        self._usable_at, self._stamp, self._gone = self._time, activity.stamp, False
        self._count(activity.confidence)
        return Fault.NONE

    def refuse(self, fault: Fault, steady: int) -> None:
        """Note a message that could not be read, or that the middleware reports missing."""
        self._advance(steady)
        self.faults[fault] += 1
        self._in_row = 0
        # A missed deadline says less than what caused it.
        if fault != Fault.DEADLINE or self._fault == Fault.NONE:
            self._fault = fault

    def lose(self, steady: int) -> None:
        """Note that the middleware calls the publisher gone: ramp at once, passive when down."""
        self.refuse(Fault.LIVELINESS, steady)
        self._gone = True
        self._drop()

    def command(self, steady: int) -> Command:
        """Return what may be acted on now.

        Args:
            steady: now, on the clock of `push` [ns].
        """
        self._advance(steady)
        step = min((self._time - self._step_at) * 1e-9, self.options.longest_step)
        self._step_at = self._time
        rise, fall = self.options.rise * step, self.options.fastest_fall * step
        part = self._share * self._scale
        self._value = tuple(
            min(max(part * target, value - fall), value + rise)
            for target, value in zip(self._target, self._value, strict=True)
        )
        if self._state == State.RAMPING and self._is_over():
            self._state = State.PASSIVE
        fault = Fault.NONE if self._state == State.ACTIVE else self._fault
        return Command(
            self._state, fault, self._value, self._share, self._scale, self._silent, self._stamp
        )

    @property
    def _silent(self) -> float:
        """Time since the last usable estimate [s]."""
        if self._usable_at is None:
            return float('inf')
        return (self._time - self._usable_at) * 1e-9

    def _is_over(self) -> bool:
        """Tell whether a ramp has come down and the stream has been away for long enough."""
        down = self._share == 0 and max(self._value) == 0
        away = self._silent >= self.options.passive_after
        return down and (away or self._gone)

    def _judge_time(self, stamp: int, ros_time: int | None) -> Fault:
        """Compare an estimate's stamp with the last one's and with the clocks."""
        if self._last_stamp is not None:
            moved = stamp - self._last_stamp
            if abs(moved - (self._time - self._last_time)) * 1e-9 > self.options.clock_jump:
                self._last_stamp, self._last_time = stamp, self._time
                self._drop()
                return Fault.CLOCK_JUMP
            if moved <= 0:
                return Fault.ORDER
        self._last_stamp, self._last_time = stamp, self._time
        if ros_time is not None and abs(ros_time - stamp) * 1e-9 > self.options.oldest:
            return Fault.OLD
        return Fault.NONE

    def _count(self, confidence: float) -> None:
        """Count a usable estimate and leave the state that it ends."""
        o = self.options
        if self._state == State.PASSIVE and confidence < o.recovery_confidence:
            self._in_row, self._fault = 0, Fault.CONFIDENCE
            return
        self._in_row += 1
        if self._state == State.HOLDING:
            self._state = State.ACTIVE if self._share == 1 else State.RECOVERING
        if self._state == State.ACTIVE:
            self._fault = Fault.NONE
        needed = {State.RAMPING: o.resume_count, State.PASSIVE: o.recovery_count}
        if self._in_row >= needed.get(self._state, float('inf')):
            self._state = State.RECOVERING

    def _drop(self) -> None:
        """Begin the ramp now, without a hold."""
        if self._state > State.RAMPING:
            self._state = State.RAMPING
        self._in_row = 0

    def _advance(self, steady: int) -> None:
        """Bring state and share to now; a clock that goes back stands still."""
        moved = 0 if self._clock is None else max(steady - self._clock, 0)
        self._clock, self._time = steady, self._time + moved
        step, silent, o = moved * 1e-9, self._silent, self.options
        if self._state in (State.ACTIVE, State.RECOVERING) and silent > o.period * 1.5:
            self._state = State.HOLDING
            self._fault = self._fault or Fault.SILENCE
        ramped = step
        if self._state == State.HOLDING and silent >= o.hold:
            self._state, self._in_row = State.RAMPING, 0
            ramped = min(step, silent - o.hold)  # the hold ended between two calls
        if self._state == State.RAMPING:
            self._share = max(self._share - ramped / o.ramp, 0.0)
        elif self._state == State.RECOVERING:
            self._share = min(self._share + step / o.recovery, 1.0)
            if self._share == 1:
                self._state, self._fault = State.ACTIVE, Fault.NONE
