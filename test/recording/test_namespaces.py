"""Bags in which several rigs were recorded, each in a namespace of its own."""

import argparse

import numpy as np
import pytest

from pianokpm_ros.commands import recover
from pianokpm_ros.offline.topics import topic_of
from pianokpm_ros.recording.namespaces import find_namespace, find_rivals, is_of, place_topic
from pianokpm_ros.recording.reader import read_bag, read_raw
from pianokpm_ros.recording.recovery import recover_bag
from pianokpm_ros.recording.writer import BagWriter, RecordingError
from pianokpm_ros.records import EmgBlock
from pianokpm_ros.replay.comparison import read_tracks
from pianokpm_ros.replay.graph import ReplayOptions, describe_replay
from pianokpm_ros.report.recording import load_recording
from pianokpm_ros.viewer.playback import load_recording as load_view

from ..messages.examples import make_all

SECOND = 1_000_000_000
POSE, HANDS, KEYS = (f'pianokpm/msg/{name}' for name in ('HandPose', 'HandLandmarks', 'KeyMotion'))


def record(path, *namespaces):
    """Record some messages of each rig, and EMG that is nobody's own."""
    rng = np.random.default_rng(0)
    with BagWriter(path) as bag:
        for i in range(5):
            for r in make_all(rng, 2):
                topics = (
                    ['/emg'] if isinstance(r, EmgBlock) else [n + topic_of(r) for n in namespaces]
                )
                for topic in topics:
                    bag.write_record(topic, r, (i + 1) * SECOND)
    return path


@pytest.mark.parametrize(
    ('topics', 'namespace'),
    [
        ({'/hands/left': POSE, '/keys': KEYS, '/top/hands': HANDS, '/diagnostics': 'x'}, ''),
        ({'/stage/hands/left': POSE, '/stage/keys': KEYS, '/stage/top/hands': HANDS}, '/stage'),
        ({'/a/b/keys': KEYS, '/a/b/hands/right': POSE}, '/a/b'),
        ({'/a/keys': KEYS, '/b/keys': KEYS}, ''),  # two graphs in one bag
        ({'/chatter': 'std_msgs/msg/String'}, ''),
    ],
)
def test_the_namespace_of_a_bag_is_what_its_topics_share(topics, namespace):
    assert find_namespace(topics) == namespace


@pytest.mark.parametrize(
    ('topic', 'recorded', 'chosen', 'placed'),
    [
        ('/hands/left', '', '/again', '/again/hands/left'),
        ('/stage/keys', '/stage', '/again', '/again/keys'),
        ('/stage/keys', '/stage', '/stage', '/stage/keys'),
        ('/stagehand/keys', '/stage', '/again', '/again/stagehand/keys'),
        ('/stage/keys', '/stage', '', '/stage/keys'),
        ('/diagnostics', '', '/again', '/diagnostics'),
    ],
)
def test_topics_go_where_the_replay_is(topic, recorded, chosen, placed):
    assert place_topic(topic, recorded, chosen) == placed


@pytest.mark.parametrize(
    ('topics', 'rivals'),
    [
        ({'/a/hands/left': POSE, '/b/hands/left': POSE, '/b/keys': KEYS}, ('/a', '/b')),
        ({'/hands/left': POSE, '/b/hands/left': POSE}, ('', '/b')),
        ({'/a/hands/left': POSE, '/a/top/hands': HANDS, '/piano/keys': KEYS}, ()),
        ({'top/hands': HANDS, 'left/hands': HANDS}, ()),  # written without the slash
    ],
)
def test_rigs_are_rivals_whose_topics_would_be_mixed(topics, rivals):
    assert find_rivals(topics) == rivals


def test_what_nobody_else_has_belongs_to_each():
    assert is_of('/keys', '/a', ('/a', '/b')) and is_of('/diagnostics', '', ('', '/b'))
    assert not is_of('/keys', '/b', ('', '/b')) and is_of('/b/keys', '/b', ('', '/b'))
    assert not is_of('/a/b/keys', '/a', ('/a', '/a/b')) and is_of(
        '/a/b/keys', '/a/b', ('/a', '/a/b')
    )


def test_a_bag_of_several_rigs_is_read_by_nobody_as_one(tmp_path):
    bag = record(tmp_path / 'both', '/left', '/right', '/third')
    words = 'namespaces /left, /right, /third.* --namespace'
    for read in (read_tracks, load_recording, load_view, lambda path: list(read_bag(path))):
        with pytest.raises(RecordingError, match=words):
            read(bag)
    with pytest.raises(RecordingError, match=words):
        describe_replay(ReplayOptions(str(bag), what='poses', estimate=True))
    assert len(describe_replay(ReplayOptions(str(bag)))) == 1, 'as it was, each where it was'
    assert len(list(read_bag(bag, {'/left/hands/left'}))) == 5, 'who names topics has chosen'


def test_one_rig_is_taken_out_of_such_a_bag(tmp_path, capsys):
    bag = record(tmp_path / 'both', '', '/right')
    parser = argparse.ArgumentParser()
    recover.add_arguments(parser)
    words = [str(bag), '--namespace', 'right/', '-o', str(tmp_path / 'one')]
    assert recover.run(parser.parse_args(words)) == 0
    assert '25 messages of rigs in other namespaces were left out' in capsys.readouterr().out
    whole = [m for m in read_raw(bag) if m[0].startswith('/right/') or m[0] == '/emg']
    assert list(read_raw(tmp_path / 'one')) == [m for m in whole if m[0] != '/emg']
    other = recover_bag(bag, tmp_path / 'other', namespace='/')
    assert set(other.counts) == {
        '/top/hands',
        '/hands/left',
        '/keys',
        '/muscle_activity/left',
        '/emg',
    }
    with pytest.raises(RecordingError, match='found is /, /right'):
        recover_bag(bag, tmp_path / 'none', namespace='/stage')
    assert not (tmp_path / 'none').exists()


def test_emg_in_no_namespace_goes_with_each_rig(tmp_path):
    bag = record(tmp_path / 'both', '/left', '/right')
    one = recover_bag(bag, tmp_path / 'one', namespace='/left')
    assert one.counts['/emg'] == 5 and one.others == 20
    assert {topic for topic, *_ in read_bag(one.path)} == set(one.counts)
