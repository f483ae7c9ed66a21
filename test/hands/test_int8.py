"""The landmark model in 8 bits: needs OpenVINO (requirements/int8.txt)."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pianokpm_ros.hands.choice import HandSettings, choose_detector
from pianokpm_ros.hands.detector import DetectorError
from pianokpm_ros.hands.engine import HandEngine
from pianokpm_ros.hands.model_files import find_int8_model
from pianokpm_ros.hands.runtime_choice import has_vnni, pick_runtime

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec('openvino') is None,
    reason='OpenVINO is not installed (requirements/int8.txt)',
)


@needs_openvino
@pytest.mark.parametrize('model', ['lite', 'full'])
def test_agrees_with_the_model_it_was_made_of(frames, model):
    exact, quick = HandEngine(model, 1), HandEngine(model, 1, runtime='int8')
    distance, world, sure = [], [], []
    for camera in range(4):
        for i in range(90, 111, 5):
            image = frames(camera)[i].image
            for region in exact.find_palms(image):
                a, b = (e.find_landmarks(image, region) for e in (exact, quick))
                size = np.ptp(a.pixels, axis=0).max()
                distance.append(np.linalg.norm(a.pixels - b.pixels, axis=1) / size)
                world.append(np.abs(a.world - b.world).max())
                sure.append((a.presence > 0.5) == (b.presence > 0.5))
                assert 0 <= b.right <= 1
    # Seen, in parts of the hand's size: median 0.008, 95 % below 0.045 (a hand of 100 px: 0.8 and 4.5 px).
    assert len(distance) >= 30 and np.mean(sure) > 0.95
    assert np.median(distance) < 0.012 and np.percentile(distance, 95) < 0.07
    assert np.median(world) < 0.01
    assert np.max(distance) > 0  # it is another model


@needs_openvino
def test_follows_hands_like_any_detector(frames):
    detector = choose_detector(HandSettings('regions', 'lite', hand_engine='int8'))('cam_0')
    assert [detector.detect(frames(0)[i]).count for i in range(90, 111)] == [2] * 21


@needs_openvino
def test_two_threads_that_begin_at_once_do_not_wait_for_each_other_for_ever():
    script = Path(__file__).with_name('two_threads.py')
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=300
    )
    assert done.stdout == 'both looked\n', done.stderr


@needs_openvino
def test_a_spoilt_file_is_refused(tmp_path, monkeypatch):
    path = tmp_path / 'landmarks_lite_int8.xml'
    path.write_text('<net/>')
    monkeypatch.setattr('pianokpm_ros.hands.engine.find_int8_model', lambda model: path)
    with pytest.raises(DetectorError, match="OpenVINO can't run landmarks_lite_int8.xml"):
        HandEngine('lite', 1, runtime='int8')


def test_both_models_ship():
    for model in ('full', 'lite'):
        path = find_int8_model(model)
        assert path.is_file() and path.with_suffix('.bin').stat().st_size > 1_000_000


def test_without_openvino_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'openvino', None)
    with pytest.raises(
        DetectorError, match='pip install --no-deps openvino==.*or choose the hand engine litert'
    ):
        HandEngine('lite', 1, runtime='int8')


def test_what_can_not_be_chosen_is_refused():
    with pytest.raises(DetectorError, match='int8 with the detector mediapipe.*guided or regions'):
        choose_detector(HandSettings('mediapipe', hand_engine='int8'))
    with pytest.raises(DetectorError, match="engine 'int4'; there are litert, int8"):
        HandEngine('lite', 1, runtime='int4')


@pytest.mark.parametrize(
    ('flags', 'installed', 'own', 'picked', 'why'),
    [
        ('fma avx512_vnni', True, False, 'int8', 'has VNNI'),
        ('fma avx_vnni', True, False, 'int8', 'has VNNI'),
        ('fma avx512f', True, False, 'litert', 'no VNNI'),
        ('avx_vnni', False, False, 'litert', 'requirements/int8.txt'),
        ('avx_vnni', True, True, 'litert', 'hand_task'),
    ],
)
def test_the_engine_suits_the_machine(
    flags, installed, own, picked, why, tmp_path, monkeypatch, caplog
):
    (tmp_path / 'cpuinfo').write_text(f'processor : 0\nflags\t\t: {flags}\n')
    monkeypatch.setattr('pianokpm_ros.hands.runtime_choice.PROCESSORS', tmp_path / 'cpuinfo')
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: object() if installed else None)
    with caplog.at_level('INFO'):
        assert pick_runtime('auto', own) == picked
    assert picked in caplog.text and why in caplog.text
    caplog.clear()
    assert [pick_runtime(e, own) for e in ('litert', 'int8')] == ['litert', 'int8']
    assert not caplog.text


def test_where_processors_are_not_told_about_there_is_no_vnni(tmp_path, monkeypatch):
    monkeypatch.setattr('pianokpm_ros.hands.runtime_choice.PROCESSORS', tmp_path / 'none')
    assert not has_vnni()
