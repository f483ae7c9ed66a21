"""What can't work is refused at start-up: exit code 2, one line that says what was asked, found, and to do."""

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.muscle.person import Person, PersonMap, save_person
from pianokpm_ros.processes import find_executable
from pianokpm_ros.records import Normalization
from pianokpm_ros.shares import find_asset, find_share

REFUSED = 2
HERE = Path(__file__)
"""A file that is certainly no video, no MIDI file, no model and no rig."""


def damaged_model(folder, damage):
    shutil.copytree(find_asset('models/small'), folder)
    damage(folder)
    return str(folder)


def flip_a_bit(folder):
    path = next(folder.glob('*.onnx'))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(folder):
    path = next(folder.glob('*.onnx'))
    path.write_bytes(path.read_bytes()[:1000])


def strange_person(folder):
    own = PersonMap.identity(len(MUSCLES))
    person = Person('s01', 'other@00000000', MUSCLES, Normalization.MVC, own)
    return str(save_person(person, folder / 'person.json'))


def cases(recording, folder):
    """Yield name: (executable, parameters, words that must be said)."""
    video = {'cameras': ['cam0'], 'videos': [str(recording.videos['cam0'])]}
    rig = str(recording.rig)
    small = folder / 'small.yaml'
    small.write_text(recording.rig.read_text().replace('[360, 360]', '[640, 480]'))
    singular = folder / 'singular.yaml'
    singular.write_text(recording.rig.read_text().replace('[0.0, 0.0, 1.0]', '[0.0, 0.0, 0.0]'))
    (folder / 'full').mkdir()
    flipped = damaged_model(folder / 'flipped', flip_a_bit)
    cut = damaged_model(folder / 'cut', truncate)
    return {
        'no camera': ('capture_node', {}, 'expected cameras'),
        'missing video': (
            'capture_node', {**video, 'videos': ['/no/such.mp4']}, '/no/such.mp4, which is no file',
        ),
        'no video': ('capture_node', {**video, 'videos': [str(HERE)]}, 'no video that can be read'),
        'other size': (
            'capture_node', {**video, 'rig': str(small)}, 'calibrated for 640x480 but sends 360x360',
        ),
        'no live camera': (
            'capture_node', {'cameras': ['usb'], 'addresses': ['/dev/video77'], 'open_timeout': 0.5},
            'plugged in',
        ),
        'live and files': ('capture_node', {**video, 'addresses': ['0']}, 'not both'),
        'odd size': (
            'capture_node', {'cameras': ['usb'], 'addresses': ['0'], 'size': 'big'}, '640x480',
        ),
        'camera not in rig': (
            'capture_node', {**video, 'cameras': ['webcam'], 'rig': rig}, "the camera 'webcam'",
        ),
        'rate out of range': ('capture_node', {**video, 'rate': -1.0}, 'playback speed'),
        'wrong type': ('capture_node', {**video, 'rate': 'fast'}, "parameter 'rate'"),
        'no such choice': (
            'capture_node', {**video, 'at_end': 'explode'}, 'idle, exit, loop',
        ),
        'no detector': ('hand_landmark_node', {}, 'different names'),
        'two cameras without rig': (
            'triangulation_node', {'cameras': ['a', 'b']}, 'without a rig one camera',
        ),
        'missing rig': ('triangulation_node', {'rig': '/no/rig.yaml'}, 'No such file'),
        'singular rig': ('triangulation_node', {'rig': str(singular)}, 'singular'),
        'rig without camera': (
            'triangulation_node', {'rig': rig, 'cameras': ['cam0', 'x']}, "the camera 'x'",
        ),
        'flipped bit': ('muscle_estimation_node', {'model': flipped}, 'SHA-256'),
        'truncated model': ('muscle_estimation_node', {'model': cut}, 'SHA-256'),
        'no model': ('muscle_estimation_node', {'model': '/no/model'}, '/no/model'),
        "another model's person": (
            'muscle_estimation_node', {'person_file': strange_person(folder)}, 'made for the model other@0',
        ),
        'no person': ('muscle_estimation_node', {'person_file': '/no/p.json'}, 'cannot be read'),
        'unknown look-ahead': ('muscle_estimation_node', {'lookahead': 0.5}, 'look'),
        'no MIDI file': ('keyboard_node', {'file': str(HERE)}, 'MIDI'),
        'no keys': ('keyboard_node', {}, 'file'),
        'bag exists': ('recorder_node', {'bag': str(folder / 'full')}, 'exists'),
        'no bag': ('recorder_node', {}, 'new bag'),
        'full disk': (
            'recorder_node', {'bag': str(folder / 'b'), 'free_space': 999_999_999}, 'MB',
        ),
    }  # fmt: skip


@pytest.fixture(scope='module')
def asked(recording, tmp_path_factory):
    return cases(recording, tmp_path_factory.mktemp('cases'))


@pytest.fixture
def own_signals():
    """Nodes take the signals; the test runner wants them back."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    kept = [signal.getsignal(n) for n in numbers]
    yield
    for number, handler in zip(numbers, kept, strict=True):
        signal.signal(number, handler)


def write_arguments(values):
    parameters = [w for k, v in values.items() for w in ('-p', f'{k}:={json.dumps(v)}')]
    return ['--ros-args', '--params-file', str(find_share('config/pianokpm.yaml')), *parameters]


NAMES = [
    'no camera', 'missing video', 'no video', 'other size', 'camera not in rig', 'rate out of range',
    'wrong type', 'no such choice', 'no detector', 'two cameras without rig', 'missing rig',
    'no live camera', 'live and files', 'odd size',
    'singular rig', 'rig without camera', 'flipped bit', 'truncated model', 'no model',
    "another model's person", 'no person',
    'unknown look-ahead', 'no MIDI file', 'no keys', 'bag exists', 'no bag', 'full disk',
]  # fmt: skip


@pytest.mark.parametrize('name', NAMES)
def test_it_is_refused_with_the_reason(name, asked, own_signals, monkeypatch, capfd):
    executable, values, words = asked[name]
    monkeypatch.setattr('sys.argv', [executable, *write_arguments(values)])
    code = importlib.import_module(f'pianokpm_ros.nodes.{executable}').main()
    output = capfd.readouterr().err
    assert code == REFUSED, output
    assert words in output
    assert 'refuses to start' in output and 'Traceback' not in output


def test_all_cases_are_looked_at(asked):
    assert set(asked) == set(NAMES)


@pytest.mark.parametrize(
    'arguments',
    [
        write_arguments({'cameras': ['a', 'b']}),
        ['--ros-args', '--params-file', '/no/such.yaml'],
    ],
)
def test_a_process_that_refuses_says_so_with_its_exit_code(arguments):
    done = subprocess.run(
        [find_executable('triangulation_node'), *arguments],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == REFUSED, done
    assert 'refuses to start' in done.stderr and 'Traceback' not in done.stderr


@pytest.mark.parametrize(
    'command',
    [
        [find_executable('triangulation_node'), *write_arguments({'cameras': ['a']})],
        [sys.executable, '-m', 'pianokpm_ros.cli', 'up', '--cameras', 'a'],
    ],
)
def test_a_log_that_ros_can_not_write_is_told_with_what_to_do(command):
    surroundings = os.environ | {'ROS_LOG_DIR': f'{HERE}/log'}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=surroundings
    )
    assert done.returncode and 'set ROS_LOG_DIR to a folder' in done.stderr, done
    assert 'Traceback' not in done.stderr


def test_a_node_warns_of_parameters_that_it_does_not_have(tmp_path):
    file = tmp_path / 'file.yaml'
    file.write_text('/**/triangulation_node: {ros__parameters: {timout: 0.2, cameras: [a, b]}}')
    command = [find_executable('triangulation_node'), '--ros-args', '--params-file', str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == REFUSED and 'did you mean timeout?' in done.stderr, done


@pytest.mark.parametrize('arguments', [['-p'], ['-r', '__ns:=not/valid//']])
def test_ros_arguments_that_can_not_be_read_are_refused(
    arguments, own_signals, monkeypatch, capfd
):
    monkeypatch.setattr('sys.argv', ['triangulation_node', '--ros-args', *arguments])
    assert importlib.import_module('pianokpm_ros.nodes.triangulation_node').main() == REFUSED
    assert 'refuses to start' in capfd.readouterr().err
