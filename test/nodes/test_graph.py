"""The description of the graph, without running it."""

import json

import pytest
import yaml

from pianokpm_ros.graph import (
    GraphError,
    GraphOptions,
    add_listeners,
    describe_graph,
    describe_recorder,
)

TWO = {'videos': ('a=/x/a.mp4', 'b=/x/b.mp4'), 'rig': '/x/rig.yaml'}


def describe(**options):
    return {n.name: n for n in describe_graph(GraphOptions(**options))}


def test_videos_with_a_rig_make_the_shortest_graph():
    nodes = describe(**TWO)
    assert list(nodes) == ['capture_node', 'triangulation_node', 'muscle_estimation_node']
    capture = nodes['capture_node'].parameters
    assert (capture['cameras'], capture['videos']) == (['a', 'b'], ['/x/a.mp4', '/x/b.mp4'])
    assert nodes['triangulation_node'].parameters['cameras'] == ['a', 'b']
    assert nodes['triangulation_node'].parameters['rig'] == '/x/rig.yaml'


def test_live_cameras_are_opened_by_capture():
    nodes = describe(
        live=('a=/dev/video0', 'b=http://phone/v?x=1'), rig='/x/rig.yaml', record='/x/b'
    )
    capture = nodes['capture_node'].parameters
    assert capture['cameras'] == ['a', 'b']
    assert capture['addresses'] == ['/dev/video0', 'http://phone/v?x=1']
    assert 'videos' not in capture and 'wait_for' not in capture
    assert nodes['triangulation_node'].parameters['cameras'] == ['a', 'b']
    images = describe(live=('a=0',), images=True)
    assert images['hand_landmark_node'].parameters['cameras'] == ['a']
    film = describe(live=('a=0',), record='/x/b', film=True)
    assert film['capture_node'].parameters['record_videos'] == '/x/b/videos'


def test_what_is_asked_for_is_added():
    nodes = describe(**TWO, keys='/x/k.mid', record='/x/bag', emg='any', cameras=('c',))
    assert {'keyboard_node', 'emg_sensor_node', 'hand_landmark_node', 'recorder_node'} <= set(
        nodes
    )
    assert nodes['hand_landmark_node'].parameters['cameras'] == ['c']
    assert nodes['triangulation_node'].parameters['cameras'] == ['a', 'b', 'c']
    assert nodes['recorder_node'].parameters['rig'] == '/x/rig.yaml'


def waits(**options):
    nodes = describe(**options).values()
    return {n.name: set(n.parameters['wait_for']) for n in nodes if 'wait_for' in n.parameters}


def test_playback_waits_for_every_listener_of_what_files_bring():
    found = waits(**TWO, keys='/x/k.mid', record='/x/bag')
    capture = found['capture_node']
    assert {'triangulation_node a/hands', 'triangulation_node b/hands'} <= capture
    assert {'recorder_node a/hands', 'keyboard_node playback/start'} <= capture
    alone = waits(**TWO)
    assert not any('recorder' in w or 'keys' in w for waited in alone.values() for w in waited)


def test_each_node_waits_for_those_that_listen_to_it():
    """Only who sends knows to whom it is connected; in front of it nobody begins before it listens."""
    found = waits(**TWO, keys='/x/k.mid', record='/x/bag')
    assert {'muscle_estimation_node hands/left', 'recorder_node hands/right'} <= found[
        'triangulation_node'
    ]
    assert {'muscle_estimation_node keys', 'recorder_node keys'} == found['keyboard_node']
    assert {'recorder_node muscle_activity/left'} <= found['muscle_estimation_node']
    far = waits(**TWO, images=True)
    assert 'hand_landmark_node a/image_raw' in far['capture_node']
    assert 'triangulation_node a/hands' in far['hand_landmark_node']
    assert not waits(live=('a=0',), record='/x/b'), 'live nothing begins at a given moment'


def test_a_live_keyboard_beside_videos_begins_by_itself():
    found = waits(**TWO, keys='midi:P-45')
    assert not any('keyboard_node' in waited for waited in found['capture_node'])


def test_others_who_listen_are_waited_for_too_and_as_long_as_asked():
    nodes = describe_graph(GraphOptions(**TWO))
    more = {n.name: n.parameters for n in add_listeners(nodes, [('me', 'hands/left')], 7.0)}
    assert 'me hands/left' in more['triangulation_node']['wait_for']
    # Also of the node before: it waits until the node behind it has all its listeners.
    assert more['triangulation_node']['wait_timeout'] == 7.0
    assert more['capture_node']['wait_timeout'] == 7.0
    assert 'wait_timeout' not in more['muscle_estimation_node']


def test_full_images_change_who_finds_hands_and_how_they_travel():
    nodes = describe(**TWO, images=True)
    assert nodes['capture_node'].parameters['landmarks'] is False
    assert nodes['hand_landmark_node'].parameters['cameras'] == ['a', 'b']
    profile = nodes['capture_node'].environment['FASTRTPS_DEFAULT_PROFILES_FILE']
    assert '<segment_size>67108864</segment_size>' in open(profile).read()
    assert all(not n.environment for n in nodes.values() if n.name != 'capture_node')
    assert not describe(**TWO)['capture_node'].environment


def test_how_hands_are_found_is_told_to_whoever_finds_them():
    asked = {'hand_model': 'lite', 'hand_engine': 'int8', 'take_turns': True}
    assert asked.items() <= describe(**TWO, **asked)['capture_node'].parameters.items()
    assert not asked.keys() & describe(**TWO)['capture_node'].parameters.keys()
    far = describe(**TWO, images=True, hand_engine='int8')
    assert far['hand_landmark_node'].parameters['hand_engine'] == 'int8'
    assert 'hand_engine' not in far['capture_node'].parameters


def test_as_fast_as_possible_has_no_keys_to_keep_in_step():
    fast = describe(**TWO, keys='/x/k.mid', rate=0.0)
    assert 'keyboard_node' not in fast
    for stage in ('triangulation_node', 'muscle_estimation_node'):  # nothing is skipped then
        assert fast[stage].parameters['max_backlog'] == 0.0
        assert 'max_backlog' not in describe(**TWO)[stage].parameters


def test_keys_follow_the_files_or_start_at_once():
    with_files = describe(**TWO, keys='/x/k.mid', rate=0.5)['keyboard_node'].parameters
    assert (with_files['follow_playback'], with_files['rate']) == (True, 0.5)
    assert (
        describe(cameras=('a',), keys='/x/k.mid')['keyboard_node'].parameters['follow_playback']
        is False
    )
    assert (
        describe(cameras=('a',), keys='midi:Piano')['keyboard_node'].parameters['port'] == 'Piano'
    )


def test_films_go_into_the_folder_of_the_bag():
    nodes = describe(**TWO, record='/x/bag', film=True)
    assert nodes['capture_node'].parameters['record_videos'] == '/x/bag/videos'
    assert 'record_videos' not in describe(**TWO, record='/x/bag')['capture_node'].parameters


def test_a_take_sets_videos_rig_and_keys_where_nothing_else_is_asked_for(tmp_path):
    (tmp_path / 'take.json').write_text(json.dumps({'cameras': ['top', 'side']}))
    nodes = describe(take=str(tmp_path))
    assert nodes['capture_node'].parameters['videos'] == [
        str(tmp_path / 'top.mp4'), str(tmp_path / 'side.mp4')
    ]  # fmt: skip
    assert nodes['triangulation_node'].parameters['rig'] == str(tmp_path / 'rig.yaml')
    assert nodes['keyboard_node'].parameters['file'] == str(tmp_path)
    other = describe(take=str(tmp_path), keys='/x/k.mid', rig='/x/rig.yaml')
    assert other['keyboard_node'].parameters['file'] == '/x/k.mid'
    assert other['triangulation_node'].parameters['rig'] == '/x/rig.yaml'


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({}, 'without a camera'),
        ({'videos': ('a.mp4',)}, 'write name=path'),
        ({**TWO, 'images': True, 'take_turns': True}, 'to take turns with cameras'),
        ({'videos': ('a=x', 'a=y')}, 'a name of its own'),
        ({'videos': ('a=x',), 'cameras': ('a',)}, 'names must differ'),
        ({'live': ('/dev/video0',)}, 'write name=address'),
        ({'live': ('a=0', 'b=1')}, 'without a rig'),
        ({'live': ('a=0',), 'videos': ('b=x',), 'rig': 'r'}, 'live cameras and for videos'),
        ({'cameras': ('a', 'b')}, 'without a rig'),
        ({'cameras': ('a',), 'rate': -1.0}, 'rate'),
        ({'cameras': ('a',), 'at_end': 'x'}, 'at_end'),
        ({'videos': ('a=x',), 'keys': 'k', 'at_end': 'loop', 'rate': 2.0}, 'leave rate at 1'),
        ({'cameras': ('a',), 'params_file': '/no.yaml'}, 'no file'),
        ({'take': '/no/take'}, 'take.json'),
        ({**TWO, 'film': True}, 'name the bag'),
        ({'cameras': ('a',), 'film': True, 'record': '/x'}, 'cameras that it captures'),
        ({'cameras': ('a',), 'namespace': 'flügel'}, 'namespace: found'),
        ({'cameras': ('a',), 'namespace': 'my lab'}, 'namespace: found'),
        ({'cameras': ('a',), 'namespace': 'lab/2nd'}, 'namespace: found'),
        ({'cameras': ('a',), 'namespace': 'lab//a'}, 'namespace: found'),
    ],
)
def test_what_can_not_be_is_refused(options, words):
    with pytest.raises(GraphError, match=words):
        describe(**options)


@pytest.mark.parametrize('namespace', ['', '/', 'lab', '/lab/', 'lab/a_2'])
def test_namespaces_as_ros_has_them_are_taken(namespace):
    node = describe(cameras=('a',), namespace=namespace)['triangulation_node']
    assert node.namespace == namespace


def test_options_are_read_as_launch_gives_them():
    read = GraphOptions.from_strings(
        {'videos': 'a=x  b=y', 'rate': '0.5', 'images': 'True', 'record': '', 'cameras': ''}
    )
    assert read == GraphOptions(videos=('a=x', 'b=y'), rate=0.5, images=True)
    for name, text in (('rate', 'fast'), ('images', 'perhaps')):
        with pytest.raises(GraphError, match=name):
            GraphOptions.from_strings({name: text})


def test_arguments_survive_yaml_whatever_is_in_them():
    spec = describe_recorder('/x/a "b": [c]', ('top',), namespace='/lab/')
    words = spec.ros_arguments()
    assert words[words.index('__ns:=/lab') - 1] == '-r'
    parameters = dict(w.split(':=', 1) for w in words if ':=' in w and not w.startswith('__'))
    assert {k: yaml.safe_load(v) for k, v in parameters.items()} == dict(spec.parameters)
    assert yaml.safe_load(parameters['bag']) == '/x/a "b": [c]'
    assert not spec.respawn
