from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.geometry.alignment import ViewAligner
from pianokpm_ros.geometry.clock_offset import DelayError, estimate_delays
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


def film(rig, hands, delay, count=90):
    """Record hands that wave to and fro, by cameras whose pictures are older than their stamps."""
    records = {c.name: [] for c in rig.cameras}
    for camera in rig.cameras:
        for i in range(count):
            seen = (i * PERIOD) * 1e-9 - delay.get(camera.name, 0.0)
            place = hands + 0.08 * np.sin(2 * np.pi * 0.8 * seen + np.array([0, 1.0, 2.0]))
            record = view_of(camera, place, (1, 2), T0 + i * PERIOD, noise=1.0, seed=i)
            records[camera.name].append(record)
    return records


def test_delays_are_found_from_moving_hands(rig, hands):
    truth = {'top': 0.0, 'left': 0.050, 'right': 0.0, 'front': 0.023}
    found = estimate_delays(rig.cameras, film(rig, hands, truth))
    # 1 px of noise at 0.4 m/s and 600 px/0.7 m is 3 ms in one view; 90 views and 6 points leave less.
    assert found.delay == pytest.approx(truth, abs=0.003)
    assert found.after < 0.5 * found.before


def test_delays_of_resting_hands_are_refused(rig, hands):
    still = {
        c.name: [view_of(c, hands, (1, 2), T0 + i * PERIOD) for i in range(40)]
        for c in rig.cameras
    }
    with pytest.raises(DelayError, match='hands that rest'):
        estimate_delays(rig.cameras, still)
    with pytest.raises(DelayError, match='too few hands'):
        estimate_delays(rig.cameras, {c.name: [] for c in rig.cameras})
