"""What makes a triangulated pose better with the poses before it: bone lengths, smoothing."""

from dataclasses import replace

import numpy as np

from pianokpm_ros.anatomy import Status
from pianokpm_ros.geometry.bones import BoneKeeper, BoneSettings
from pianokpm_ros.geometry.smoothing import PointSmoother, SmoothingSettings
from pianokpm_ros.records import HandPose

TWO_VIEWS = 2


class PoseRefiner:
    """Refine the poses of one hand; with neither settings poses pass unchanged."""

    def __init__(
        self, bones: BoneSettings | None = None, smoothing: SmoothingSettings | None = None
    ) -> None:
        self._bones = BoneKeeper(bones) if bones else None
        self._smoother = PointSmoother(smoothing) if smoothing else None

    def refine(self, pose: HandPose) -> HandPose:
        """Return the refined pose; one that is INVALID passes and is not remembered."""
        if pose.status < Status.DEGRADED or (self._bones is None and self._smoother is None):
            return pose
        points = np.asarray(pose.landmarks, np.float64)
        if self._bones is not None:
            # A single view has its lengths from the network, not from this person.
            if pose.status == Status.OK and (pose.views >= TWO_VIEWS).all():
                self._bones.learn(points)
            points = self._bones.hold(points, np.asarray(pose.covariance, np.float64))
        if self._smoother is not None:
            points = self._smoother.push(pose.stamp, points)
        return replace(pose, landmarks=points.astype(np.float32))
