"""Poses and keys of a take as a live pipeline delivers them."""

import numpy as np

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.records import HandPose
from pianokpm_ros.tracks import sample_stamps

START = 1_764_000_000_123_456_789
"""An ordinary wall-clock time, not on any grid [ns]."""

MILLISECOND = 1_000_000


def make_pose(
    stamp, landmarks, side=Side.RIGHT, status=Status.OK, frame_id='rig', deviation=0.003
):
    return HandPose(
        stamp,
        frame_id,
        0,
        side,
        status,
        np.array(landmarks, np.float32),  # its own: tests spoil poses
        np.full(21, deviation, np.float32),
        np.full((21, 6), 1e-5, np.float32),
        np.full(21, 1.5, np.float32),
        np.full(21, 3, np.uint8),
    )


def poses_at(performance, stamps, side, start=START):
    """Poses of one hand at times after the take's start [ns], each the nearest of the take's."""
    nearest = np.searchsorted(performance.stamp, stamps).clip(0, len(performance.stamp) - 1)
    hand = performance.landmarks[:, 0 if side == Side.LEFT else 1]
    return [make_pose(start + int(s), hand[i], side) for s, i in zip(stamps, nearest, strict=True)]


def steady(rate, duration, first=0.0):
    return (np.arange(first, duration, 1.0 / rate) * 1e9).astype(np.int64)


def run(estimator, poses, motions=()):
    """Push everything in the order of its time; a record of keys ends before the pose it belongs to."""
    motions, results = list(motions), []
    for pose in poses:
        while motions and end_of(motions[0]) <= pose.stamp:
            estimator.push_keys(motions.pop(0))
        results.append(estimator.push_pose(pose))
    return results


def end_of(motion):
    return motion.stamp + round(1e9 * float(max(motion.time, default=0.0)))


def join(activities):
    """Stamps (N,), envelopes and deviations (N, M) of all blocks."""
    stamps = np.concatenate([sample_stamps(a) for a in activities])
    envelopes = np.concatenate([a.envelope for a in activities])
    return stamps, envelopes, np.concatenate([a.envelope_deviation for a in activities])
