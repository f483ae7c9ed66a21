"""Both hands' estimators on a live stream: every pose gives an estimate, and so does silence."""

from pianokpm_ros.anatomy import Side
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.muscle.bundle import ModelBundle
from pianokpm_ros.muscle.estimator import MuscleEstimator
from pianokpm_ros.records import HandPose, KeyMotion, MuscleActivity
from pianokpm_ros.silence import SilenceWatch


class ActivityStream:
    """Estimate both hands. Without poses the estimates go STALE, then INVALID, as the estimator has it."""

    def __init__(self, bundle: ModelBundle, lookahead: float | None, timeout: int) -> None:
        """Set up.

        Args:
            bundle: model.
            lookahead: [s]; None = the model's default.
            timeout: silence after which a missing pose is put in, and time between these [ns].
        """
        self._estimators = {side: MuscleEstimator(bundle, side, lookahead) for side in SIDES}
        self._watches = {side: SilenceWatch(timeout, timeout) for side in SIDES}
        self._frame_ids = {side: '' for side in SIDES}

    @property
    def silent(self) -> tuple[Side, ...]:
        """Sides whose poses have stopped."""
        return tuple(side for side, watch in self._watches.items() if watch.silent)

    def reset(self) -> None:
        """Forget everything."""
        for side in SIDES:
            self._estimators[side].reset()
            self._watches[side].reset()

    def push_keys(self, motion: KeyMotion) -> None:
        """Take a record of key motion."""
        for estimator in self._estimators.values():
            estimator.push_keys(motion)

    def push_pose(self, pose: HandPose, now: int) -> MuscleActivity:
        """Take a pose that arrived `now` [ns] and return the estimate."""
        side = Side(pose.side)
        self._watches[side].hear(pose.stamp, now)
        self._frame_ids[side] = pose.frame_id
        return self._estimators[side].push_pose(pose)

    def tick(self, now: int) -> list[MuscleActivity]:
        """Return the estimates of hands whose poses have stopped, at time `now` [ns]."""
        made = []
        for side, watch in self._watches.items():
            stamp = watch.overdue(now)
            if stamp is not None:
                missing = HandPose.invalid(stamp, self._frame_ids[side], 0, side)
                made.append(self._estimators[side].push_pose(missing))
        return made
