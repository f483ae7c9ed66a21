"""Tell whether one estimate may be used, and why not."""

import math
from enum import IntEnum

from pianokpm_ros.anatomy import Status
from pianokpm_ros.client.options import ClientOptions
from pianokpm_ros.records import MuscleActivity


class Fault(IntEnum):
    """What is wrong with the stream; the reason of a command that is not active."""

    NONE = 0
    SILENCE = 1
    """No estimate within the hold, by the guard's own clock."""
    DEADLINE = 2
    """The middleware missed a message."""
    LIVELINESS = 3
    """The middleware says that the publisher is gone."""
    STATUS = 4
    """The estimator itself calls it unusable."""
    NOT_FINITE = 5
    RANGE = 6
    CONFIDENCE = 7
    OLD = 8
    """The frame is too old, or from the future."""
    ORDER = 9
    """Not newer than the last one."""
    CLOCK_JUMP = 10
    MUSCLES = 11
    """A muscle that was asked for is not in it, or the arrays don't match."""
    MALFORMED = 12
    """The message breaks its contract and could not be read."""


class Screening:
    """Screen estimates against the limits."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._names: tuple[str, ...] = ()
        self._indices: tuple[int, ...] | None = None

    def select(self, activity: MuscleActivity) -> list[float] | None:
        """Return the activations asked for, None where one is missing."""
        if activity.muscle != self._names:
            self._names = activity.muscle
            present = all(m in self._names for m in self._options.muscles)
            self._indices = (
                tuple(self._names.index(m) for m in self._options.muscles) if present else None
            )
        if self._indices is None or len(activity.activation) != len(self._names):
            return None
        return [float(activity.activation[i]) for i in self._indices]

    def judge(self, activity: MuscleActivity, values: list[float] | None) -> Fault:
        """Return what is wrong with an estimate whose activations are `values`."""
        if activity.status < Status.DEGRADED:
            return Fault.STATUS
        if values is None:
            return Fault.MUSCLES
        if not all(map(math.isfinite, values)) or not math.isfinite(activity.confidence):
            return Fault.NOT_FINITE
        # Rounding may leave a hair below zero; more is no amplitude.
        if min(values) < -1e-3 or max(values) > self._options.nonsense:
            return Fault.RANGE
        if activity.confidence <= self._options.confidence_none:
            return Fault.CONFIDENCE
        return Fault.NONE

    def scale(self, confidence: float) -> float:
        """Return the part of a value that a confidence allows, 0..1."""
        o = self._options
        part = (confidence - o.confidence_none) / (o.confidence_full - o.confidence_none)
        return min(max(part, 0.0), 1.0)
