import zipfile
from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side
from pianokpm_ros.hands import choice
from pianokpm_ros.hands.choice import HandSettings, choose_detector
from pianokpm_ros.hands.detector import DetectorError
from pianokpm_ros.hands.engine import HandEngine
from pianokpm_ros.hands.mediapipe_detector import MediaPipeDetector
from pianokpm_ros.hands.task_bundle import (
    ALIGNMENT,
    LANDMARK_ENTRY,
    PALM_ENTRY,
    load_bundle,
    load_models,
    pack_bundle,
)
from pianokpm_ros.hands.task_detector import TaskDetector
from pianokpm_ros.records import Frame

SETTLED = 4
"""Frames after which both follow the hands: they search differently."""


@pytest.fixture(scope='module')
def bundle():
    return load_bundle(None, 'lite')


def follow(detector, frames):
    found = [detector.detect(frame) for frame in frames]
    detector.close()
    return found


def test_agrees_with_the_reference_on_real_hands(frames):
    clip = [frames(0)[i] for i in range(90, 102)]
    ours = follow(TaskDetector('cam_0', 'optical', load_bundle(None)), clip)
    reference = follow(MediaPipeDetector('cam_0', 'optical'), clip)
    off, apart = [], []
    for a, b in list(zip(ours, reference, strict=True))[SETTLED:]:
        assert sorted(a.side) == sorted(b.side) == [Side.LEFT, Side.RIGHT]
        pairs = [(list(a.side).index(s), list(b.side).index(s)) for s in (1, 2)]
        off += [np.linalg.norm(a.pixels[i] - b.pixels[j], axis=1) for i, j in pairs]
        apart += [np.linalg.norm(a.world[i] - b.world[j], axis=1) for i, j in pairs]
    # The same models on regions that differ by the rounding of a resampling, hands 300 px wide:
    # 0.13 px median and 0.65 px at the 95th percentile were seen.
    assert np.median(off) < 0.3 and np.percentile(off, 95) < 1.5
    assert np.median(apart) < 0.002


def test_records_carry_the_frame_and_stamps_may_repeat(frames, bundle):
    clip = [frames(0)[i] for i in range(95, 98)]
    # 0.2 ms apart, then back: the API wants milliseconds that grow.
    stamps = [1_700_000_000_000_000_000 + s for s in (0, 200_000, -50_000_000)]
    timed = [replace(f, stamp=s) for f, s in zip(clip, stamps, strict=True)]
    found = follow(TaskDetector('cam_0', 'optical', bundle), timed)
    assert [f.stamp for f in found] == stamps
    assert [f.sequence for f in found] == [f.sequence for f in clip]
    assert found[-1].size == (1280, 720) and found[-1].frame_id == 'optical'
    assert found[-1].count == 2 and np.isnan(found[-1].visibility).all()


def test_no_hand_gives_an_empty_record(bundle):
    grey = Frame(5, 'cam_0', 3, np.full((480, 640, 3), 127, np.uint8))
    (found,) = follow(TaskDetector('cam_0', 'optical', bundle), [grey])
    assert (found.count, found.stamp, found.sequence, found.size) == (0, 5, 3, (640, 480))


def test_a_bundle_is_an_uncompressed_aligned_zip_of_the_models(tmp_path, bundle):
    path = tmp_path / 'hand_landmarker.task'
    path.write_bytes(bundle)
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            data = archive.read(entry)
            assert bundle.index(data) % ALIGNMENT == 0
    assert pack_bundle(*load_models(path)) == bundle


def test_models_come_out_of_a_wheel(tmp_path):
    path = tmp_path / 'mediapipe-0.10.21-any.whl'
    palm, landmark = load_models(None, 'lite')
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr('mediapipe/modules/palm_detection/palm_detection_lite.tflite', palm)
        wheel.writestr('mediapipe/modules/hand_landmark/hand_landmark_lite.tflite', landmark)
    assert load_models(path, 'lite') == (palm, landmark)
    with pytest.raises(DetectorError, match='huge.*full, lite'):
        load_models(path, 'huge')


def test_a_missing_or_spoilt_file_is_named(tmp_path, bundle):
    spoilt, other, empty = (tmp_path / n for n in ('spoilt.task', 'other.task', 'empty.task'))
    spoilt.write_bytes(bundle[: len(bundle) // 2])
    with zipfile.ZipFile(other, 'w') as archive:
        archive.writestr('pose_detector.tflite', b'')
    with zipfile.ZipFile(empty, 'w') as archive:
        archive.writestr(PALM_ENTRY, b'<html>404</html>')
        archive.writestr(LANDMARK_ENTRY, b'<html>404</html>')
    for path, words in (
        (tmp_path / 'none.task', 'none.task.*No such file'),
        (spoilt, 'spoilt.task is no sound ZIP'),
        (other, 'other.task holds pose_detector.tflite'),
        (empty, f'{PALM_ENTRY} of .*empty.task is no TensorFlow Lite model'),
    ):
        with pytest.raises(DetectorError, match=words):
            choose_detector(HandSettings('tasks', hand_task=str(path)))


def test_models_that_are_no_hand_models_are_refused(bundle):
    palm, landmark = load_models(None, 'lite')
    swapped = pack_bundle(landmark, palm)
    with pytest.raises(DetectorError, match='refuses the models for cam_0'):
        TaskDetector('cam_0', 'optical', swapped[:1000])
    with pytest.raises(DetectorError, match='TFL3|model'):
        TaskDetector('cam_0', 'optical', pack_bundle(b'x' * 64, b'x' * 64))


def test_the_fast_engine_reads_the_same_file(tmp_path, frames, bundle):
    path = tmp_path / 'hand_landmarker.task'
    path.write_bytes(bundle)
    frame = frames(0)[95]
    # The file says which model, whatever is asked for.
    own, given = HandEngine('lite', 1), HandEngine('full', 1, path)
    region = own.find_palms(frame.image)[0]
    np.testing.assert_array_equal(
        own.find_landmarks(frame.image, region).pixels,
        given.find_landmarks(frame.image, region).pixels,
    )
    swapped = tmp_path / 'swapped.task'
    swapped.write_bytes(pack_bundle(*reversed(load_models(path))))
    with pytest.raises(DetectorError, match=r'63, 1, 1, 63.*give another hand_task'):
        HandEngine('lite', 1, swapped)


def test_a_mediapipe_without_solutions_falls_back_and_says_so(monkeypatch, caplog):
    monkeypatch.setattr(choice, 'has_solutions', lambda: False)
    detector = choose_detector(HandSettings('mediapipe', 'lite'))('cam_0')
    assert isinstance(detector, TaskDetector)
    detector.close()
    assert 'no `solutions` any more: its Tasks API' in caplog.text
    monkeypatch.undo()
    detector = choose_detector(HandSettings('mediapipe', 'lite'))('cam_0')
    assert isinstance(detector, MediaPipeDetector)
    detector.close()
