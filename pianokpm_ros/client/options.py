"""The limits a controller sets for what it is given."""

from dataclasses import dataclass, fields

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.errors import PianokpmError


class ClientOptionsError(PianokpmError, ValueError):
    """Limits contradict each other."""


@dataclass(frozen=True)
class ClientOptions:
    """Limits; times in [s], on the consumer's steady clock unless said otherwise.

    Attributes:
        muscles: M names to pass on, in this order; an estimate that lacks one is refused.
        period: between estimates, the camera's.
        hold_periods: how many periods the last value stands when nothing usable comes.
        ramp: from the end of the hold to zero.
        passive_after: without anything usable; the actuator is then to let go.
        ceiling: largest value passed on; larger ones are cut.
        nonsense: an activation above this is no estimate, and the message is refused.
        confidence_none: at this confidence and below an estimate counts as unusable.
        confidence_full: from this confidence on a value is passed on whole; between, in proportion.
        rise: fastest increase of a value [1/s].
        fall: fastest decrease [1/s]; None = just enough for the ramp, `ceiling / ramp`.
        resume_count: usable estimates in a row that end a ramp.
        recovery_count: usable estimates in a row that end the passive state.
        recovery_confidence: which they must reach; above `confidence_none`, so that it doesn't flicker.
        recovery: how long the value takes from nothing to whole after a loss.
        oldest: a frame older than this on the ROS clock is refused; infinite = clocks are not compared.
        clock_jump: a stamp that moves this much more or less than the steady clock is a jump.
        longest_step: time between two commands that counts for slopes; longer ones count as this.
    """

    muscles: tuple[str, ...] = MUSCLES
    period: float = 1 / 60
    hold_periods: float = 3.0
    ramp: float = 0.1
    passive_after: float = 0.3
    ceiling: float = 1.0
    nonsense: float = 3.0
    confidence_none: float = 0.2
    confidence_full: float = 0.6
    rise: float = 5.0
    fall: float | None = None
    resume_count: int = 1
    recovery_count: int = 12
    recovery_confidence: float = 0.4
    recovery: float = 0.5
    oldest: float = 0.25
    clock_jump: float = 0.5
    longest_step: float = 0.1

    def __post_init__(self) -> None:
        if not self.muscles or len(set(self.muscles)) < len(self.muscles):
            raise ClientOptionsError(
                f'muscles: expected one name or more, each once, found {self.muscles}'
            )
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, (int, float)) and not value > 0:
                raise ClientOptionsError(
                    f'{field.name}: expected a positive number, found {value}'
                )
        self._check_order('confidence_none', 'recovery_confidence')
        self._check_order('confidence_none', 'confidence_full')
        self._check_order('ceiling', 'nonsense')
        if self.hold > self.passive_after:
            raise ClientOptionsError(
                f'passive_after: {self.passive_after:g} s is within the hold of {self.hold:g} s; a longer '
                'time or a shorter hold is needed'
            )
        if self.fastest_fall < self.ceiling / self.ramp:
            raise ClientOptionsError(
                f'fall: {self.fall:g}/s is too slow to come down from {self.ceiling:g} within the ramp of '
                f'{self.ramp:g} s; give {self.ceiling / self.ramp:g}/s or more'
            )

    def _check_order(self, low: str, high: str) -> None:
        if not getattr(self, low) < getattr(self, high):
            raise ClientOptionsError(
                f'{low}: expected less than {high} = {getattr(self, high):g}, found {getattr(self, low):g}'
            )

    @property
    def hold(self) -> float:
        """How long the last value stands [s]."""
        return self.period * self.hold_periods

    @property
    def fastest_fall(self) -> float:
        """Fastest decrease of a value [1/s]."""
        return self.ceiling / self.ramp if self.fall is None else self.fall
