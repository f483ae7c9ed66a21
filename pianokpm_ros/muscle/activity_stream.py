"""Both hands' estimators on a live stream: every pose gives an estimate, and so does silence."""

from dataclasses import dataclass, replace

import numpy as np

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.muscle.bundle import ModelBundle
from pianokpm_ros.muscle.estimator import MuscleEstimator
from pianokpm_ros.muscle.timebase import MILLISECOND, is_camera_frame
from pianokpm_ros.records import HandPose, Inputs, KeyMotion, MuscleActivity
from pianokpm_ros.silence import SilenceWatch

KEYS_RECENT = 1000 * MILLISECOND
"""Keys are heard while their last record is so near a pose [ns]."""


@dataclass(frozen=True)
class SilenceSettings:
    """What to say when poses stop.

    Attributes:
        stale: silence after which estimates are repeated as STALE, and time between these [ns].
        invalid: silence after which they are INVALID [ns].
    """

    stale: int = 100 * MILLISECOND
    invalid: int = 250 * MILLISECOND


class _Hand:
    """One side's estimator and what was last heard of it."""

    def __init__(
        self, bundle: ModelBundle, side: Side, lookahead: float | None, settings: SilenceSettings
    ) -> None:
        self.estimator = MuscleEstimator(bundle, side, lookahead)
        self.watch = SilenceWatch(settings.stale, settings.stale)
        self._side, self._invalid = side, settings.invalid
        self._last: HandPose | None = None

    def push(self, pose: HandPose, now: int) -> MuscleActivity:
        last, self._last = self._last, pose
        # Poses that stand for missing ones are a nanosecond apart: time that does not move on is silence.
        if last is None or not 0 <= pose.stamp - last.stamp < MILLISECOND:
            self.watch.hear(now)
        return self._age(self.estimator.push_pose(pose), now)

    def tick(self, now: int) -> list[MuscleActivity]:
        if self._last is None or not self.watch.is_due(now):
            return []
        missing = HandPose.invalid(self._last.stamp, self._last.frame_id, 0, self._side)
        return [self._age(self.estimator.push_pose(missing), now)]

    def _age(self, activity: MuscleActivity, now: int) -> MuscleActivity:
        if activity.status != Status.STALE or self.watch.lasted(now) < self._invalid:
            return activity
        unknown = np.full_like(activity.activation, np.nan)
        return replace(
            activity,
            status=Status.INVALID,
            inputs=Inputs.NONE,
            activation=unknown,
            deviation=unknown,
            confidence=0.0,
        )

    def reset(self) -> None:
        self.estimator.reset()
        self.watch.reset()
        self._last = None


class ActivityStream:
    """Estimate both hands; silence makes estimates STALE, then INVALID.

    Attributes:
        keys_unused: keys are heard, but hands are in the frame of a camera: nobody knows which keys they are over.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        lookahead: float | None = None,
        settings: SilenceSettings | None = None,
    ) -> None:
        """Set up.

        Args:
            bundle: model.
            lookahead: [s]; None = the model's default.
            settings: what to say when poses stop.
        """
        settings = settings or SilenceSettings()
        self._hands = {side: _Hand(bundle, side, lookahead, settings) for side in SIDES}
        self.keys_unused = False
        self._keys_at: int | None = None

    @property
    def silent(self) -> tuple[Side, ...]:
        """Sides whose poses have stopped."""
        return tuple(side for side, hand in self._hands.items() if hand.watch.silent)

    def reset(self) -> None:
        """Forget everything."""
        self.keys_unused, self._keys_at = False, None
        for hand in self._hands.values():
            hand.reset()

    def push_keys(self, motion: KeyMotion) -> None:
        """Take a record of key motion."""
        self._keys_at = motion.stamp
        for hand in self._hands.values():
            hand.estimator.push_keys(motion)

    def push_pose(self, pose: HandPose, now: int) -> MuscleActivity:
        """Take a pose that arrived `now` [ns] and return the estimate."""
        if pose.status >= Status.DEGRADED:
            heard = self._keys_at is not None and abs(pose.stamp - self._keys_at) < KEYS_RECENT
            self.keys_unused = heard and is_camera_frame(pose.frame_id)
        return self._hands[Side(pose.side)].push(pose, now)

    def tick(self, now: int) -> list[MuscleActivity]:
        """Return the estimates of hands whose poses have stopped, at time `now` [ns]."""
        return [activity for hand in self._hands.values() for activity in hand.tick(now)]
