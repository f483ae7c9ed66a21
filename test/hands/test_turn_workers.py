"""Half of four real views at a time; the maker's own calibration."""

from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side
from pianokpm_ros.geometry.rig_formats import load_caliscope
from pianokpm_ros.hands.choice import HandSettings, choose_detector, make_workers
from pianokpm_ros.hands.detector import DetectorError
from pianokpm_ros.hands.engine import HandEngine
from pianokpm_ros.hands.guided_workers import GuidedWorkers
from pianokpm_ros.hands.turn_workers import TurnWorkers, interpolate
from pianokpm_ros.records import HandLandmarks

BOTH = [Side.LEFT, Side.RIGHT]
PERIOD = 166_000_000


@pytest.fixture
def rig(shared_data):
    return load_caliscope(shared_data / 'charuco_4cam' / 'camera_array.toml')


def moments(frames):
    """Return the sets of frames 90 to 110 with stamps in step."""
    for i in range(90, 111):
        yield {
            f'cam_{n}': replace(frames(n)[i], stamp=i * PERIOD // 2, sequence=i) for n in range(4)
        }


def test_half_the_looks_and_every_moment_comes_out_one_set_later(frames, rig):
    guided = GuidedWorkers(rig, HandEngine('lite'))
    plain, turns = GuidedWorkers(rig, HandEngine('lite')), TurnWorkers(guided)
    expected, found = [], []
    for together in moments(frames):
        expected.append(plain.process(together))
        found.append(turns.process(together))
    looks, usual = (sum(d.counters.looks for d in w.detectors.values()) for w in (guided, plain))
    plain.close()
    turns.close()
    assert found[0] == {} and looks < 0.65 * usual
    off = []
    for was, one in zip(expected[:-1], found[1:], strict=True):
        assert set(one) == set(was)
        for name, record in one.items():
            assert (record.stamp, record.sequence) == (was[name].stamp, was[name].sequence)
            for side in set(record.side.tolist()) & set(was[name].side.tolist()):
                a, b = (r.pixels[r.side.tolist().index(side)] for r in (record, was[name]))
                off.append(np.linalg.norm(a - b, axis=1).mean() / np.ptp(b, axis=0).max())
    seen = [sorted(r.side.tolist()) == BOTH for one in found[4:] for r in one.values()]
    # Parts of the hand's size; at the recording's six frames a second 0.025 were seen.
    assert np.mean(seen) > 0.9 and np.median(off) < 0.05


def test_a_view_that_was_blind_is_told_by_the_other_half(frames, rig):
    guided = GuidedWorkers(rig, HandEngine('lite'))
    turns = TurnWorkers(guided)
    for i, together in enumerate(moments(frames)):
        if i < 3:
            dark = together['cam_1']
            together['cam_1'] = replace(dark, image=np.zeros_like(dark.image))
        if i == 3:
            assert guided.detectors['cam_1'].next_regions() == []
        found = turns.process(together)
    turns.close()
    assert sorted(found['cam_1'].side) == BOTH
    assert guided.detectors['cam_1'].counters.guided >= 1


def record(stamp, sides, value):
    count = len(sides)
    return HandLandmarks(
        stamp,
        'a',
        'a_optical_frame',
        (640, 480),
        0,
        np.array(sides, np.uint8),
        np.full(count, 0.9, np.float32),
        np.full((count, 21, 2), value, np.float32) + np.arange(count)[:, None, None],
        np.full((count, 21, 3), value, np.float32),
        np.full((count, 21), np.nan, np.float32),
    )


def test_hands_are_interpolated_by_their_sides():
    before, after = record(0, [Side.LEFT, Side.RIGHT], 10), record(40_000_000, [Side.RIGHT], 30)
    between = interpolate(before, after, 10_000_000, 7)
    assert between.side.tolist() == [Side.RIGHT] and between.sequence == 7
    # From 11 (the second hand) to 30, a quarter of the way.
    np.testing.assert_allclose(between.pixels, 11 + 0.25 * 19)
    assert interpolate(before, after, 50_000_000, 7).count == 0  # never beyond
    assert interpolate(before, record(400_000_000, [Side.RIGHT], 30), 10_000_000, 7).count == 0
    assert interpolate(before, record(40_000_000, [Side.UNKNOWN], 30), 10_000_000, 7).count == 0


def test_fewer_than_four_calibrated_views_are_refused(rig):
    turns = HandSettings(hand_model='lite', take_turns=True)
    with pytest.raises(
        DetectorError, match='4 calibrated cameras; found the detector guided and 3'
    ):
        make_workers(turns, rig.names[:3], rig)
    with pytest.raises(DetectorError, match='4 cameras without a rig file'):
        make_workers(turns, rig.names, None)
    with pytest.raises(DetectorError, match='in capture_node'):
        choose_detector(turns)
