from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side
from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.hands.choice import MAX_LOOKS, HandSettings, choose_detector
from pianokpm_ros.hands.detector import DetectorError
from pianokpm_ros.hands.engine import HandEngine
from pianokpm_ros.hands.looks import OTHERS, average_looks, vary_region
from pianokpm_ros.hands.region import Region
from pianokpm_ros.hands.region_detector import RegionDetector, RegionSettings
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import load_take


@pytest.fixture(scope='module')
def engine():
    return HandEngine('lite', threads=1)


@pytest.fixture(scope='module')
def right():
    """Return a frame of the take that ships and where the right hand is in it, (21, 2) [px]."""
    take = load_take(find_asset('takes/demo'))
    source = VideoFile('top', take.videos['top'])
    source.open()
    frame = source.read()
    source.close()
    points = take.performance.landmarks[0, 1].astype(np.float64)
    return frame, take.rig.camera('top').project(points)


def detect(engine, frame, pixels, looks):
    """Return the landmarks found where a detector was told to look, and the looks that took."""
    detector = RegionDetector('top', '', engine, RegionSettings(looks=looks))
    detector.search = False
    detector.guide([(Side.RIGHT, pixels)])
    record = detector.detect(frame)
    assert record.side.tolist() == [Side.RIGHT]
    return record.pixels[0], detector.counters.looks


def test_the_mean_of_several_looks_depends_less_on_where_one_looks(engine, right):
    frame, pixels = right
    rng = np.random.default_rng(0)
    starts = [pixels + rng.normal(0, 6, 2) + rng.normal(0, 2, pixels.shape) for _ in range(8)]
    spread = {}
    for looks in (1, 5):
        found = [detect(engine, frame, start, looks) for start in starts]
        spread[looks] = np.std([p for p, _ in found], axis=0).mean()
        assert {n for _, n in found} == {looks}
    # Five independent looks would have 0.45 of it; looks around one place have something in common.
    assert spread[5] < 0.8 * spread[1]


def test_the_regions_lie_around_the_first_and_half_of_more_are_mirrored():
    region = Region(100.0, 80.0, 60.0, 0.3)
    varied = vary_region(region, MAX_LOOKS - 1)
    assert len(varied) == len(OTHERS) == len(set(varied)) and region not in varied
    assert all((r.x, r.y) == (100.0, 80.0) for r in varied)
    assert sum(r.flipped for r in varied) == len(varied) / 2
    assert [r.flipped for r in vary_region(region.flip(), 2)] == [True, True]
    assert vary_region(region, 0) == []


def test_looks_that_saw_the_mirror_image_or_something_else_do_not_count(engine, right):
    frame, pixels = right
    region = Region(*pixels.mean(axis=0), 2 * np.ptp(pixels, axis=0).max(), 0.0)
    first = engine.find_landmarks(frame.image, region)
    near = replace(first, pixels=first.pixels + 2.0)
    mirrored = replace(near, world=first.world * [-1, 1, 1], pixels=first.pixels + 5.0)
    far = replace(first, pixels=first.pixels + 0.5 * region.size)
    for side in (Side.RIGHT, Side.UNKNOWN):
        mean = average_looks(first, [near, mirrored, far], side)
        np.testing.assert_allclose(mean.pixels, first.pixels + 1.0)
    # The first look may be the one that is wrong.
    np.testing.assert_allclose(
        average_looks(mirrored, [first, near], Side.RIGHT).pixels, first.pixels + 1.0
    )
    # Nobody knows better: then all count.
    both = average_looks(mirrored, [replace(mirrored, pixels=first.pixels + 7.0)], Side.RIGHT)
    np.testing.assert_allclose(both.pixels, first.pixels + 6.0)


def test_detectors_that_look_once_refuse_more():
    for name in ('mediapipe', 'tasks'):
        with pytest.raises(DetectorError, match=f'3 looks.*{name}.*guided or regions'):
            choose_detector(HandSettings(name, looks=3))
    detector = choose_detector(HandSettings('regions', 'lite', looks=3))('top')
    assert detector.settings.looks == 3
