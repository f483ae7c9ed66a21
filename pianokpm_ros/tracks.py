"""Join the blocks of successive estimates to one signal per hand.

Letters: N envelope samples, M muscles, F estimates.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Side
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.records import MuscleActivity

FloatArray = NDArray[np.floating]


class TrackError(PianokpmError, ValueError):
    """Estimates don't belong to one signal."""


@dataclass(frozen=True, eq=False)
class ActivityTrack:
    """The estimated activity of one hand over a take.

    Attributes:
        side: hand.
        muscle: M names.
        stamp: (N,) int64 [ns] of each envelope sample, ascending; a step beyond `1 / sample_rate`
            is a gap.
        envelope: (N, M) fraction of the normalisation, NaN = unknown.
        deviation: (N, M) 1 sigma.
        status: (N,) `Status` of the estimate that brought the sample.
        confidence: (N,) 0..1 likewise.
        sample_rate: [Hz].
        estimate_stamp: (F,) int64 stamps of the estimates [ns].
        estimate_status: (F,) their status; also of those that brought no samples.
        estimate_confidence: (F,).
        last: the newest estimate, for what doesn't change (model, normalisation, look-ahead).
    """

    side: Side
    muscle: tuple[str, ...]
    stamp: NDArray[np.int64]
    envelope: FloatArray
    deviation: FloatArray
    status: NDArray[np.uint8]
    confidence: FloatArray
    sample_rate: float
    estimate_stamp: NDArray[np.int64]
    estimate_status: NDArray[np.uint8]
    estimate_confidence: FloatArray
    last: MuscleActivity

    def seconds(self, origin: int) -> NDArray[np.float64]:
        """Return (N,) sample times after `origin` [ns] in seconds."""
        return (self.stamp - origin) * 1e-9

    @property
    def known(self) -> bool:
        """Whether any sample is known."""
        return bool(np.isfinite(self.envelope).any())


def sample_stamps(activity: MuscleActivity) -> NDArray[np.int64]:
    """Return the (N,) stamps of an estimate's envelope samples [ns]."""
    step = (
        np.arange(len(activity.envelope)) * (1e9 / activity.sample_rate)
        if activity.sample_rate
        else np.zeros(0)
    )
    return activity.envelope_stamp + np.rint(step).astype(np.int64)


def join_estimates(activities: Iterable[MuscleActivity]) -> dict[Side, ActivityTrack]:
    """Join estimates of both hands, each in the order they were made, to one track per hand that appears."""
    sides: dict[Side, list[MuscleActivity]] = {}
    for activity in activities:
        sides.setdefault(Side(activity.side), []).append(activity)
    return {side: _join_side(side, sides[side]) for side in sorted(sides)}


def _join_side(side: Side, activities: list[MuscleActivity]) -> ActivityTrack:
    muscles = {a.muscle for a in activities}
    if len(muscles) > 1:
        raise TrackError(
            f'asked to join estimates of one model, found the muscle lists {sorted(muscles)}; '
            'join the estimates of each model alone'
        )
    width = len(activities[0].muscle)
    counts = [len(a.envelope) for a in activities]
    stamp = (
        np.concatenate([sample_stamps(a) for a in activities])
        if activities
        else np.zeros(0, np.int64)
    )
    order = np.argsort(stamp, kind='stable')
    status = np.array([int(a.status) for a in activities], np.uint8)
    confidence = np.array([a.confidence for a in activities], np.float64)

    def stack(blocks: list[FloatArray]) -> FloatArray:
        return np.concatenate([np.asarray(b, np.float32).reshape(-1, width) for b in blocks])[
            order
        ]

    return ActivityTrack(
        side,
        activities[0].muscle,
        stamp[order],
        stack([a.envelope for a in activities]),
        stack([a.envelope_deviation for a in activities]),
        np.repeat(status, counts)[order],
        np.repeat(confidence, counts)[order],
        activities[-1].sample_rate,
        np.array([a.stamp for a in activities], np.int64),
        status,
        confidence,
        activities[-1],
    )
