from dataclasses import replace

import numpy as np

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.geometry.alignment import ViewAligner
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulator import HandTriangulator, TriangulatorSettings

from .test_triangulator import T0, view_of

PERIOD = 33_333_333
LATE = {'top': 0, 'left': 5_000_000, 'right': 9_000_000, 'front': 14_000_000}


def set_at(rig, hands, index, speed=(0.8, 0.2, 0.0)):
    """Views of hands that move at a speed [m/s]; each camera looks a little later than the one before."""
    views = {}
    for camera in rig.cameras:
        stamp = T0 + index * PERIOD + LATE[camera.name]
        moved = hands + np.array(speed) * (stamp - T0) * 1e-9
        views[camera.name] = view_of(camera, moved, (1, 2), stamp)
    stamps = [v.stamp for v in views.values()]
    return FrameSet(max(stamps), views, max(stamps) - min(stamps))


def test_unsynchronised_views_are_brought_to_one_time(rig, hands):
    aligned, raw = HandTriangulator(rig), HandTriangulator(rig, TriangulatorSettings(align=False))
    for i in range(2):
        better, worse = aligned.process(set_at(rig, hands, i)), raw.process(set_at(rig, hands, i))
    pose = better[Side.RIGHT]
    truth = hands[1] + np.array((0.8, 0.2, 0.0)) * (pose.stamp - T0) * 1e-9
    # Straight motion is interpolated exactly, but for the perspective within a step of 27 mm at 0.7 m.
    assert np.abs(pose.landmarks - truth).max() < 5e-4
    assert (pose.stamp, pose.status) == (T0 + PERIOD, Status.OK)
    skewed = hands[1] + np.array((0.8, 0.2, 0.0)) * (worse[Side.RIGHT].stamp - T0) * 1e-9
    assert np.abs(worse[Side.RIGHT].landmarks - skewed).max() > 3e-3
    assert worse[Side.RIGHT].status == Status.DEGRADED


def test_what_can_not_be_aligned_stays_as_it_is(rig, hands):
    aligner = ViewAligner()
    first = set_at(rig, hands, 0)
    assert aligner.align(first) is first
    jump = set_at(rig, hands + (0, 0.5, 0), 1)
    assert aligner.align(jump) is jump
    after_silence = set_at(rig, hands + (0, 0.5, 0), 40)
    assert aligner.align(after_silence) is after_silence


def test_what_is_not_between_two_near_frames_is_not_made_up(rig, hands):
    still = (0.0, 0.0, 0.0)
    for steps, followed in ((7, True), (8, False)):  # 233 and 267 ms
        aligner = ViewAligner()
        aligner.align(set_at(rig, hands, 0, still))
        later = set_at(rig, hands, steps, still)
        assert (aligner.align(later) is not later) == followed
    aligner = ViewAligner()
    aligner.align(set_at(rig, hands, 1, still))
    torn = set_at(rig, hands, 2, still)
    # A camera that lags a whole period behind the others: they have no frame from before it.
    torn.views['top'] = replace(torn.views['top'], stamp=T0 + PERIOD - 1)
    assert aligner.align(torn) is torn
    again = set_at(rig, hands, 1, still)  # stamps that stand still, or go back
    assert aligner.align(again) is again


def test_stamps_never_go_back(rig, hands):
    triangulator, stamps = HandTriangulator(rig), []
    for i in range(6):
        frames = set_at(rig, hands, i)
        if i % 2:
            del frames.views['top']  # the promptest view comes and goes
        frames = replace(frames, skew=max(v.stamp for v in frames.views.values()) - T0)
        stamps.append(triangulator.process(frames)[Side.LEFT].stamp)
    assert (np.diff(stamps) > 0).all()
