"""How long each stage of a live graph took, from the stamps that its records carry."""

from collections.abc import Mapping

from pianokpm_ros.anatomy import Side
from pianokpm_ros.offline.histogram import Histogram
from pianokpm_ros.records import HandLandmarks, HandPose, MuscleActivity
from pianokpm_ros.view.live_state import PlaybackClock

BIN, LIMIT = 0.0001, 10.0
"""Delays are counted in bins of this width up to this limit [s]."""

STAGES = (
    'frame due -> hands sent',
    'hands sent -> pose sent',
    'pose sent -> estimate sent',
    'estimate sent -> received',
    'frame due -> received',
)


class StageDelays:
    """Follow the records of a bag through the graph."""

    def __init__(self, clock: PlaybackClock, received: Mapping[tuple[Side, int], int]) -> None:
        """Set up.

        Args:
            clock: of the playback.
            received: when a consumer got the estimate of each hand and stamp [ns].
        """
        self.clock, self._received = clock, received
        self._hands: dict[int, int] = {}
        self._poses: dict[tuple[Side, int], int] = {}
        self.stages = {stage: Histogram(BIN, LIMIT) for stage in STAGES}

    def add(self, record: object) -> None:
        """Take the next record of the bag."""
        if isinstance(record, HandLandmarks):
            sent = max(self._hands.get(record.stamp, 0), record.publish_stamp)
            self._hands[record.stamp] = sent
        elif isinstance(record, HandPose):
            self._poses.setdefault((Side(record.side), record.stamp), record.publish_stamp)
        elif isinstance(record, MuscleActivity):
            self._follow(record)

    def _follow(self, activity: MuscleActivity) -> None:
        """Add the delays of an estimate whose way is known; those without samples stand for silence."""
        if not len(activity.envelope):
            return
        key = Side(activity.side), activity.stamp
        pose, hands, got = (
            self._poses.get(key),
            self._hands.get(activity.stamp),
            self._received.get(key),
        )
        if pose is None or hands is None or got is None:
            return
        due = self.clock.due(activity.stamp)
        sent = activity.publish_stamp
        steps = (hands - due, pose - hands, sent - pose, got - sent, got - due)
        for stage, step in zip(STAGES, steps, strict=True):
            # A clock read twice can't run backwards, but due times are rounded.
            self.stages[stage].add(max(step, 0) * 1e-9)
