"""Replays as processes, heard by an ordinary subscriber."""

import subprocess
import threading

import pytest
from pianokpm.msg import EmgBlock, HandPose, KeyMotion, MuscleActivity
from rosgraph_msgs.msg import Clock

from pianokpm_ros.graph import REFUSED, NodeSpec
from pianokpm_ros.processes import GraphProcesses, find_executable
from pianokpm_ros.recording.reader import read_bag, read_raw
from pianokpm_ros.recording.writer import BagWriter
from pianokpm_ros.records import NANOSECONDS
from pianokpm_ros.replay.graph import ReplayOptions, describe_replay
from pianokpm_ros.replay.selection import Selection, select_messages
from pianokpm_ros.shares import find_share

from ..session import LEAD, make_session
from .observer import Observer

TOPICS = {
    '/emg': EmgBlock,
    '/keys': KeyMotion,
    '/hands/left': HandPose,
    '/hands/right': HandPose,
}


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    return make_session(tmp_path_factory.mktemp('session') / 'bag', seconds=4.0).bag


@pytest.fixture
def observer():
    with Observer('listener') as made:
        made.listen('/clock', Clock)
        yield made


def time_of(clock):
    return clock.clock.sec * NANOSECONDS + clock.clock.nanosec


def pad(data):
    """Fill up to whole words, as DDS does on its way."""
    return data + bytes(-len(data) % 4)


def run(specs, timeout=180.0):
    """Run a replay to its end; returns the player's exit code and everything said."""
    lines = []
    with GraphProcesses(specs, lambda name, line: lines.append(line)) as graph:
        ended = threading.Event()

        def over():
            return ended.is_set() or graph.states['replay_node'].returncode is not None

        timer = threading.Timer(timeout, ended.set)
        timer.start()
        graph.wait(over)
        timer.cancel()
        code = graph.states['replay_node'].returncode
    return code, '\n'.join(lines)


def spec(**parameters):
    params = str(find_share('config/pianokpm.yaml'))
    return NodeSpec('replay_node', 'capture', parameters, params, respawn=False)


def test_every_byte_comes_again_in_order_with_the_bags_time(bag, observer):
    for topic, kind in TOPICS.items():
        observer.listen(topic, kind, raw=True)
    listeners = [f'listener {t}' for t in TOPICS]
    code, said = run([spec(bag=bag, start=LEAD, rate=1.0, wait_for=listeners)])
    stored = list(select_messages(bag, Selection(start=LEAD)))
    assert code == 0 and f'{len(stored)} messages replayed; late by: median' in said, said
    for topic in TOPICS:
        sent = [pad(m.data) for m in stored if m.topic == topic]
        observer.happens(lambda m, t=topic, s=sent: len(m[t]) >= len(s), 30.0)
        assert [pad(b) for b in observer.messages[topic]] == sent, topic
    last = stored[-1].time
    observer.happens(lambda m: m['/clock'] and time_of(m['/clock'][-1]) >= last, 30.0)
    ticks = [time_of(m) for m in observer.messages['/clock']]
    assert ticks == sorted(ticks) and stored[0].time <= ticks[0]
    assert ticks[-1] == last and len(ticks) > 3.0 * 100


def test_as_fast_as_possible_every_pose_gets_its_estimate_and_all_is_recorded(bag, tmp_path):
    options = ReplayOptions(
        bag, rate=0.0, what='poses', estimate=True, start=LEAD, record=str(tmp_path / 'new')
    )
    code, said = run(describe_replay(options))
    assert code == 0, said
    selected = {m.time for m in select_messages(bag, Selection(start=LEAD))}
    new = list(read_bag(tmp_path / 'new'))
    for side in ('left', 'right'):
        poses = [r.stamp for _, r, time in read_bag(bag, {f'/hands/{side}'}) if time in selected]
        stamps = {
            kind: [r.stamp for topic, r, _ in new if topic == f'/{kind}/{side}']
            for kind in ('hands', 'muscle_activity')
        }
        assert stamps['hands'] == poses
        # The estimator may repeat the last one as stale; the last may be on their way when all ends.
        assert set(poses[:-20]) <= set(stamps['muscle_activity']) <= set(poses)


@pytest.mark.parametrize(
    ('recorded', 'asked', 'heard'), [('', 'again', '/again'), ('/stage', '', '/stage')]
)
def test_poses_meet_the_estimation_in_any_namespace(
    bag, observer, tmp_path, recorded, asked, heard
):
    source = tmp_path / 'bag'
    with BagWriter(source) as copy:
        for topic, datatype, data, time in read_raw(bag):
            copy.write(recorded + topic, datatype, data, time)
    observer.listen(f'{heard}/muscle_activity/left', MuscleActivity)
    options = ReplayOptions(
        str(source), rate=0.0, what='poses', estimate=True, start=LEAD, namespace=asked
    )
    code, said = run(observer.join(describe_replay(options), 'muscle_activity/left'))
    assert code == 0 and 'begins without' not in said, said
    observer.wait(
        lambda m: any(a.status >= 2 for a in m[f'{heard}/muscle_activity/left']), 60.0, said
    )


def test_a_replay_ends_also_when_nobody_reads_what_it_says(bag):
    node = spec(bag=bag, start=LEAD, rate=20.0)
    command = [find_executable(node.executable), *node.ros_arguments()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    process.stdout.close()
    try:
        assert process.wait(120) == 0
    finally:
        process.kill()


@pytest.mark.parametrize(
    ('parameters', 'words'),
    [
        ({'bag': '/no/bag'}, 'which is not there'),
        ({'wait_for': ['emg']}, 'a node and a topic each'),
    ],
)
def test_what_can_not_be_replayed_is_refused(bag, parameters, words):
    if parameters and 'bag' not in parameters:
        parameters = {'bag': bag, **parameters}
    code, said = run([spec(**parameters)])
    assert code == REFUSED and words in said and 'Traceback' not in said
