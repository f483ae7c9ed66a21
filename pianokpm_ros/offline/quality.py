"""How good the hands in space are, by what can be seen without a reference: pixels, bones, views.

Reprojection alone flatters: with two views an error along the epipolar line is invisible to it, so
the lengths of bones, which don't change on a real hand, are followed beside it.
"""

from dataclasses import dataclass, field

import numpy as np

from pianokpm_ros.anatomy import BONES, Side, Status
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.offline.histogram import Histogram
from pianokpm_ros.offline.pipeline import Moment
from pianokpm_ros.records import HandPose, MuscleActivity

PIXEL_BIN, PIXEL_LIMIT = 0.02, 100.0
BONE_BIN, BONE_LIMIT = 0.0001, 0.25


@dataclass
class StatusCount:
    """How often each status was given to one hand."""

    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))

    def add(self, status: Status) -> None:
        """Count one."""
        self.counts[Status(status)] += 1

    @property
    def total(self) -> int:
        """Number of all."""
        return sum(self.counts.values())

    def shares(self) -> dict[str, float]:
        """Return the part of each status, by name; empty without any."""
        total = self.total
        return {s.name: n / total for s, n in self.counts.items()} if total else {}


class PoseQuality:
    """Follow the poses and estimates of both hands."""

    def __init__(self) -> None:
        self.poses = {side: StatusCount() for side in SIDES}
        self.estimates = {side: StatusCount() for side in SIDES}
        self.errors = {side: Histogram(PIXEL_BIN, PIXEL_LIMIT) for side in SIDES}
        self.bones = {side: Histogram(BONE_BIN, BONE_LIMIT, len(BONES)) for side in SIDES}

    def add(self, moment: Moment) -> None:
        """Take what is known about a moment."""
        for side, pose in moment.poses.items():
            self._add_pose(side, pose)
        for side, activity in moment.activities.items():
            self._add_estimate(side, activity)

    def _add_pose(self, side: Side, pose: HandPose) -> None:
        self.poses[side].add(pose.status)
        if pose.status < Status.DEGRADED or not (pose.views >= 2).any():
            return  # a single view has MediaPipe's own bones and no second view to disagree with
        self.errors[side].add(pose.reprojection_error)
        self.bones[side].add(bone_lengths(pose))

    def _add_estimate(self, side: Side, activity: MuscleActivity) -> None:
        self.estimates[side].add(activity.status)


def bone_lengths(pose: HandPose) -> np.ndarray:
    """Return the (20,) lengths of a hand's bones [m], in the order of `anatomy.BONES`."""
    parents, children = np.array(BONES).T
    points = np.asarray(pose.landmarks, np.float64)
    return np.linalg.norm(points[children] - points[parents], axis=1)
