"""Call the hands of a view as the views together call them, for pictures.

The record of a view keeps the detector's own labels, which sometimes contradict the other views;
bars and curves go by the poses.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from pianokpm_ros.anatomy import PALM, Side, Status
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.offline.sight import SAME_PLACE
from pianokpm_ros.records import HandLandmarks, HandPose


def call_by_poses(
    hands: HandLandmarks, poses: Mapping[Side, HandPose], camera: Camera
) -> HandLandmarks:
    """Return the record with the sides of the poses that lie where its hands are; others keep their label.

    Args:
        hands: of a view.
        poses: of the same moment.
        camera: of the view.
    """
    if not hands.count:
        return hands
    sides = np.array(hands.side)
    palms = np.asarray(hands.pixels, np.float64)[:, list(PALM)].mean(axis=1)
    for side, pose in poses.items():
        if pose.status < Status.DEGRADED:
            continue
        pixels = camera.project(pose.landmarks)
        distance = np.linalg.norm(palms - pixels[list(PALM)].mean(axis=0), axis=1)
        if not np.isfinite(distance).any():
            continue
        nearest = int(np.nanargmin(distance))
        if distance[nearest] <= SAME_PLACE * np.ptp(pixels, axis=0).max():
            sides[nearest] = side
    return replace(hands, side=sides)
