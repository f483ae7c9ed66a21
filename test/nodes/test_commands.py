"""`pianokpm up` and `pianokpm record` as a user has them: started, interrupted, asked for the impossible."""

import signal
import subprocess
import sys
import time

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from pianokpm.msg import KeyMotion

from pianokpm_ros.commands.up import discard_beginning
from pianokpm_ros.recording.layout import VIDEOS
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.recording.writer import BagWriter

from ..children import children_of, runs
from .observer import Observer

STARTED = []


def start(*words):
    process = subprocess.Popen(
        [sys.executable, '-m', 'pianokpm_ros.cli', *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    STARTED.append(process)
    return process


@pytest.fixture(autouse=True)
def leave_nothing():
    """End what a failed test left running; the nodes end with the command."""
    yield
    while STARTED:
        STARTED.pop().kill()


def run(*words):
    process = start(*words)
    return process.communicate(timeout=240)[0], process.returncode


def interrupt(process, number=signal.SIGINT):
    """Send a signal; returns the output and how long the end took [s]."""
    begun = time.monotonic()
    process.send_signal(number)
    output = process.communicate(timeout=60)[0]
    return output, time.monotonic() - begun


@pytest.fixture
def observer():
    with Observer('command_observer') as made:
        made.listen('/diagnostics', DiagnosticArray)
        yield made


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_up_runs_until_interrupted_and_leaves_nothing(recording, observer, number, lateness):
    node = f'n{number.value}/triangulation_node'
    process = start(
        'up', '--cameras', *recording.videos, '--rig', recording.rig, '--namespace', f'n{number.value}'
    )  # fmt: skip
    observer.wait_for_health(node, 'no view yet of cam0, cam1', 60.0)
    observer.wait_for_health(f'n{number.value}/hand_landmark_node', 'no image yet', 60.0)
    children = children_of(process.pid)
    assert len(children) == 3
    output, took = interrupt(process, number)
    assert process.returncode == 130
    # 3 s until what still runs is killed, and the interpreter's own end, long on a machine that computes much else.
    assert took < lateness.stretch(12.0)
    assert not [pid for pid in children if runs(pid)]
    assert 'Traceback' not in output


def test_nodes_do_not_outlive_a_command_that_was_killed(recording, observer):
    process = start(
        'up', '--cameras', *recording.videos, '--rig', recording.rig, '--namespace', 'killed'
    )  # fmt: skip
    observer.wait_for_health('killed/muscle_estimation_node', 'no pose yet', 60.0)
    children = children_of(process.pid)
    assert len(children) == 3
    process.kill()
    end = time.monotonic() + 30
    while any(map(runs, children)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(runs, children))


def test_up_plays_to_the_end_and_returns(recording):
    output, code = run('up', '--videos', *recording.arguments, '--rig', recording.rig,
                       '--rate', '4', '--until-end')  # fmt: skip
    assert code == 0, output
    assert 'Traceback' not in output and 'TensorFlow Lite' not in output


def test_a_node_that_refuses_ends_up_with_its_reason(recording):
    output, code = run('up', '--videos', 'cam0=/no/such.mp4')
    assert code == 1
    assert 'capture_node' in output and '/no/such.mp4, which is no file' in output
    assert 'pianokpm up: capture_node refuses to start' in output and 'Traceback' not in output


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ((), 'name one: --live'),
        (('--cameras', 'a', 'b'), 'without a rig'),
        (('--take', '/no/take'), '/no/take'),
        (('--videos', 'path.mp4'), 'write name=path'),
        (('--cameras', 'a', '--params-file', '/no.yaml'), 'which is no file'),
        (('--cameras', 'front-left'), "found 'front-left'"),
        (('--live', 'für=0'), 'write name=address'),
        (('--live', 'top=/dev/vidoe0'), 'asked for /dev/vidoe0, which is not there'),
        (('--live', 'top=htp://phone/live'), 'begin with rtsp://'),
        (('--cameras', 'a', 'b', '--rig', '/no/rig.yaml'), '/no/rig.yaml'),
        (('--cameras', 'a', '--keys', 'midi:'), 'names no port'),
    ],
)
def test_up_says_what_is_missing_at_once(words, said):
    output, code = run('up', *words)
    assert code == 1 and said in output and 'Traceback' not in output


def test_up_names_the_cameras_of_the_rig_at_once(recording):
    output, code = run('up', '--cameras', 'oben', 'cam1', '--rig', recording.rig)
    assert code == 1 and "pianokpm up: asked for the camera 'oben'; this rig has cam0" in output
    assert 'triangulation_node' not in output


def test_a_refused_start_leaves_no_bag_in_the_way(tmp_path):
    bag = tmp_path / 'bag'
    words = ('up', '--cameras', 'cam0', '--record', bag, '--keys')
    output, code = run(*words, 'midi:tcp:192.0.2.1:9')  # not an address of this machine
    assert code == 1 and 'keyboard_node refuses to start' in output
    assert not bag.exists() and not list(tmp_path.iterdir())
    bag.mkdir()
    output, code = run(*words, '')
    assert (
        code == 1 and 'which exists; name a new folder' in output and 'recorder_node' not in output
    )


@pytest.mark.parametrize('finished', [True, False])
@pytest.mark.parametrize(
    ('topics', 'kept'), [((), False), (('/diagnostics',), False), (('/diagnostics', '/emg'), True)]
)
def test_a_beginning_of_a_bag_is_removed_only_while_it_holds_nothing(
    tmp_path, finished, topics, kept
):
    """Also where the recorder was ended before it was done with the bag."""
    writer = BagWriter(tmp_path / 'bag')
    for number, topic in enumerate(topics):
        word = b'\0\1\0\0\2\0\0\0a\0'
        writer.write(topic, 'std_msgs/msg/String', word, number * 1_000_000_000)
    if finished:
        writer.close()
    discard_beginning(str(tmp_path / 'bag'))
    assert (tmp_path / 'bag').exists() == kept


def test_what_is_no_bag_or_has_videos_is_not_removed(tmp_path):
    (tmp_path / 'thesis').mkdir()
    BagWriter(tmp_path / 'bag').close()
    (tmp_path / 'bag' / VIDEOS).mkdir()
    (tmp_path / 'bag' / VIDEOS / 'top.mp4').touch()
    for name in ('thesis', 'bag', 'nowhere'):
        discard_beginning(str(tmp_path / name))
    assert {p.name for p in tmp_path.iterdir()} == {'thesis', 'bag'}


def test_record_keeps_what_is_published_until_interrupted(observer, tmp_path, lateness):
    bag = tmp_path / 'bag'
    process = start('record', bag)
    publisher = observer.node.create_publisher(KeyMotion, 'keys', 100)
    observer.wait_for_subscribers(publisher, timeout=60.0)
    for number in range(50):
        publisher.publish(KeyMotion(sequence=number))
    observer.wait_for_health('recorder_node', 'recording to')
    keys_told = '50'

    def told(messages):
        return any(
            v.key == '/keys' and v.value == keys_told
            for a in messages['/diagnostics'] for s in a.status for v in s.values
        )  # fmt: skip

    observer.wait(told, 60.0, 'all keys to be counted')
    output, took = interrupt(process)
    # A recorder that is not done after 3 s is killed, which shows in the code and leaves no metadata.
    assert process.returncode == 0 and took < lateness.stretch(10.0), output
    assert [r.sequence for _, r, _ in read_bag(bag, {'/keys'})] == list(range(50))
    assert (bag / 'metadata.yaml').is_file() and 'messages of' in output


def test_a_recording_lasts_as_long_as_asked_however_long_its_node_takes_to_start(tmp_path):
    output, code = run('record', tmp_path / 'bag', '--duration', 0.1)
    assert code == 0 and (tmp_path / 'bag' / 'metadata.yaml').is_file(), output
    assert list(read_bag(tmp_path / 'bag'))


def test_an_interrupt_before_anything_is_recorded_is_told_as_one(tmp_path):
    process = start('record', tmp_path / 'bag')
    assert 'Ctrl-C ends it' in process.stdout.readline()
    output, _ = interrupt(process)
    assert process.returncode == 130 and 'Traceback' not in output, output


def test_a_rig_that_is_not_there_leaves_no_bag(tmp_path):
    output, code = run('record', tmp_path / 'bag', '--rig', tmp_path / 'rig.yaml')
    assert code == 1 and 'rig.yaml with the bag, which is no file' in output
    assert not (tmp_path / 'bag').exists()


def test_record_does_not_overwrite(tmp_path):
    (tmp_path / 'bag').mkdir()
    output, code = run('record', tmp_path / 'bag')
    assert code == 1 and 'exists' in output and 'Traceback' not in output
