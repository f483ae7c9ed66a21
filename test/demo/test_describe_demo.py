"""The graph that the demo starts."""

import argparse

import pytest

from pianokpm_ros.commands.demo import LISTENER, NodeLines, add_arguments, describe_demo
from pianokpm_ros.takes import load_take


def describe(short_take, rate, *words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    arguments = parser.parse_args(words)
    nodes = describe_demo(arguments, load_take(short_take), rate, short_take / 'bag', ('keys',))
    assert len({n.name for n in nodes}) == len(nodes)
    return {n.name: n.parameters for n in nodes}


def test_every_node_is_there_once_and_who_is_shown_waits_for_the_command(short_take):
    nodes = describe(short_take, 1.0)
    assert set(nodes) == {
        'capture_node',
        'keyboard_node',
        'triangulation_node',
        'muscle_estimation_node',
        'recorder_node',
    }
    assert f'{LISTENER} keys' in nodes['keyboard_node']['wait_for']
    assert nodes['capture_node']['at_end'] == 'exit'


def test_with_a_view_playback_waits_for_a_browser(short_take):
    nodes = describe(short_take, 0.5, '--view', '8123')
    view = nodes['view_node']
    assert (view['port'], view['rate'], view['wait_for_browser']) == (8123, 0.5, True)
    assert 'view_node keys' in nodes['keyboard_node']['wait_for']
    assert 'keyboard_node playback/start' in nodes['capture_node']['wait_for']
    assert nodes['capture_node']['preview_rate'] > 0
    assert (
        nodes['capture_node']['wait_timeout']
        > describe(short_take, 0.5)['capture_node']['wait_timeout']
    )


@pytest.mark.parametrize(('rate', 'factor'), [(1.0, 1), (0.25, 4), (2.0, 1), (0.001, 100)])
def test_slower_playback_needs_more_patience(short_take, rate, factor):
    nodes = describe(short_take, rate)
    assert nodes['triangulation_node']['timeout'] == pytest.approx(min(0.1 * factor, 10))
    assert nodes['muscle_estimation_node']['invalid_after'] == pytest.approx(
        min(0.25 * factor, 10)
    )
    assert nodes['capture_node']['rate'] == nodes['keyboard_node']['rate'] == rate


def test_options_of_hand_detection_reach_capture(short_take):
    capture = describe(short_take, 1.0, '--hand-model', 'lite', '--detector', 'regions')[
        'capture_node'
    ]
    assert (capture['hand_model'], capture['detector']) == ('lite', 'regions')


def test_the_lines_of_the_node_that_an_error_names_are_shown_without_chatter():
    lines = NodeLines()
    lines('a_node', 'first')
    lines('b_node', 'reason')
    lines(
        'b_node',
        'W0000 00:00:1795547900.345588   23715 inference_feedback_manager.cc:114] chatter',
    )
    assert lines.describe('b_node refuses to start') == '  b_node: reason'
    assert lines.describe() == '  a_node: first\n  b_node: reason'
