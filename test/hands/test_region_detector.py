import dataclasses

import numpy as np
import pytest

from pianokpm_ros.anatomy import PALM, Side
from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.hands.detector import DetectorError, Tracking
from pianokpm_ros.hands.engine import HandEngine
from pianokpm_ros.hands.mediapipe_detector import MediaPipeDetector
from pianokpm_ros.hands.model_files import find_landmark_model
from pianokpm_ros.hands.region import Region, region_of_landmarks
from pianokpm_ros.hands.region_detector import RegionDetector, RegionSettings
from pianokpm_ros.records import Frame
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import load_take

MS = 1_000_000
EAGER = RegionSettings(search_period=1, idle_period=1, refine_below=0.0)
"""As the reference does: look for palms in every frame while hands are missing, look once at a region."""


@pytest.fixture(scope='module')
def engine():
    return HandEngine('lite', threads=1)


def make(engine, settings=EAGER, camera='cam_0'):
    return RegionDetector(camera, f'{camera}_optical_frame', engine, settings)


def palms(record):
    return record.pixels[:, PALM].mean(axis=1)


def pair_up(found, reference):
    """Return index pairs of the hands of two records whose palms are nearest."""
    distance = np.linalg.norm(palms(found)[:, None] - palms(reference)[None], axis=-1)
    return list(enumerate(distance.argmin(axis=1)))


@pytest.mark.parametrize('model', ['lite', 'full'])
def test_agrees_with_the_reference_on_real_hands(frames, model):
    engine = HandEngine(model, threads=1)
    reference = MediaPipeDetector('cam_0', '', model, Tracking(static=True))
    distance, world, sides = [], [], []
    for i in range(90, 111, 3):
        frame = frames(0)[i]
        expected, found = reference.detect(frame), make(engine).detect(frame)
        assert found.count == expected.count
        for a, b in pair_up(found, expected):
            distance.append(np.linalg.norm(found.pixels[a] - expected.pixels[b], axis=1))
            world.append(np.abs(found.world[a] - expected.world[b]).max())
            sides.append(found.side[a] == expected.side[b])
    reference.close()
    # The same network on the same regions: what is left is the order of float operations and, in
    # the palm detector, another interpolation of the small image. Seen: 0.01 px median.
    assert np.median(distance) < 0.1 and np.percentile(distance, 95) < 0.7
    assert np.median(world) < 2e-4 and all(sides)


def test_follows_without_looking_for_palms(frames, engine):
    detector = make(engine, RegionSettings())
    found = [detector.detect(frames(0)[i]) for i in range(90, 111)]
    assert [f.count for f in found] == [2] * 21
    assert detector.counters.searches == 1
    # Hands 0.2 m apart that hardly move: which is which must not flicker.
    assert len({tuple(f.side[np.argsort(palms(f)[:, 0])]) for f in found}) == 1
    assert (found[-1].stamp, found[-1].size) == (frames(0)[110].stamp, (1280, 720))


MIRRORED = 103
"""A frame of the take that ships in which the front view's right hand is taken for a left one."""


@pytest.fixture(scope='module')
def mirrored():
    """Return the frame and where the right hand is in it, (21, 2) [px]."""
    take = load_take(find_asset('takes/demo'))
    source = VideoFile('front', take.videos['front'])
    source.open()
    frame = [source.read() for _ in range(MIRRORED + 1)][-1]
    source.close()
    points = take.performance.landmarks[MIRRORED, 1].astype(np.float64)
    return frame, take.rig.camera('front').project(points)


def test_a_hand_taken_for_its_mirror_image_is_looked_at_the_other_way_round(mirrored):
    frame, expected = mirrored
    engine = HandEngine('full', threads=1)
    once = engine.find_landmarks(frame.image, region_of_landmarks(expected))
    length = np.ptp(expected, axis=0).max()
    assert once.right < 0.5
    assert np.median(np.linalg.norm(once.pixels - expected, axis=1)) > 0.2 * length
    detector = make(engine, RegionSettings(), 'front')
    detector.search = False
    detector.guide([(Side.RIGHT, expected)])
    found = detector.detect(frame)
    assert (detector.counters.mirrored, detector.counters.mended) == (1, 1)
    assert detector.counters.looks == 2
    assert found.side.tolist() == [Side.RIGHT]
    assert np.median(np.linalg.norm(found.pixels[0] - expected, axis=1)) < 0.1 * length


def test_a_flipped_crop_shows_the_other_hand_in_the_same_place(frames, engine):
    frame = frames(0)[95]
    for region in engine.find_palms(frame.image):
        plain = engine.find_landmarks(frame.image, region)
        image = np.ascontiguousarray(frame.image[:, ::-1])
        width = image.shape[1]
        twin = Region(width - region.x, region.y, region.size, -region.angle, flipped=True)
        back = engine.find_landmarks(image, twin)
        mirror = np.column_stack([width - back.pixels[:, 0], back.pixels[:, 1]])
        assert np.median(np.linalg.norm(mirror - plain.pixels, axis=1)) < 0.02 * region.size
        assert back.right == pytest.approx(1 - plain.right, abs=0.1)
        np.testing.assert_allclose(back.world * [-1, 1, 1], plain.world, atol=5e-3)


def test_looks_for_a_missing_hand_now_and_then_only(frames, engine):
    frame = frames(0)[95]
    blank = np.full_like(frame.image, 127)
    detector = make(engine, RegionSettings(search_period=400 * MS, idle_period=100 * MS))
    assert all(detector.detect(Frame(i * 50 * MS, 'cam_0', i, blank)).count == 0 for i in range(8))
    assert detector.counters.searches == 4
    assert (
        detector.detect(Frame(0, 'cam_0', 8, blank)).count == 0
    )  # a clock set back: looks at once
    assert detector.counters.searches == 5
    assert detector.detect(dataclasses.replace(frame, stamp=100 * MS)).count > 0


def test_a_hand_that_leaves_is_lost_and_found_again(frames, engine):
    detector = make(engine)
    frame = frames(0)[95]
    blank = np.full_like(frame.image, 127)
    assert detector.detect(frame).count == 2
    assert (
        detector.detect(dataclasses.replace(frame, stamp=frame.stamp + 1, image=blank)).count == 0
    )
    assert detector.counters.lost == 2
    assert detector.detect(dataclasses.replace(frame, stamp=frame.stamp + 2)).count == 2


def test_a_guide_replaces_the_search(frames, engine):
    frame = frames(0)[95]
    seen = make(engine).detect(frame)
    detector = make(engine, RegionSettings())
    detector.search = False
    detector.guide([(Side(int(s)), p) for s, p in zip(seen.side, seen.pixels, strict=True)])
    guided = detector.detect(frame)
    assert detector.counters.searches == 0 and guided.count == 2
    assert sorted(guided.side) == [Side.LEFT, Side.RIGHT]
    # Other regions of the same hands: the network's answer depends on the crop by some pixels of
    # hands 250 px long.
    for a, b in pair_up(guided, seen):
        assert np.median(np.linalg.norm(guided.pixels[a] - seen.pixels[b], axis=1)) < 6


def test_no_ghosts_where_a_guide_points_at_nothing_or_at_a_known_hand(frames, engine):
    frame = frames(0)[95]
    detector = make(engine)
    seen = detector.detect(frame)
    nothing = seen.pixels[0] - palms(seen)[0] + (640, 60)  # the wall behind
    fresh = make(engine, RegionSettings())
    fresh.search = False
    fresh.guide([(Side.LEFT, nothing)])
    assert fresh.detect(frame).count == 0
    fresh.guide([(Side.LEFT, seen.pixels[0]), (Side.RIGHT, seen.pixels[0] + 4)])
    assert fresh.detect(frame).count == 1 and fresh.counters.doubles == 1


def test_others_may_say_which_hand_is_which(frames, engine):
    detector = make(engine)
    first = detector.detect(frames(0)[95])
    swapped = [Side.LEFT if s == Side.RIGHT else Side.RIGHT for s in first.side]
    detector.rename(swapped)
    assert detector.detect(frames(0)[96]).side.tolist() == swapped
    detector.keep([1])
    kept = detector.detect(dataclasses.replace(frames(0)[96]))
    assert kept.count == 2 and detector.counters.searches == 2  # found again by its palm


def test_models_that_are_not_there_are_named(tmp_path):
    with pytest.raises(DetectorError, match=r'hand_landmark_full.tflite.*0\.10\.21'):
        find_landmark_model('full', tmp_path)
    with pytest.raises(DetectorError, match='huge.*full, lite'):
        HandEngine('huge')
