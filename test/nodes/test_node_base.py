"""Parameters as a contract, and what all nodes do, in this process."""

import pytest
import rclpy
from rclpy.context import Context
from rclpy.parameter import Parameter as RosParameter

from pianokpm_ros.nodes.parameters import (
    Parameter,
    ParameterError,
    declare_parameters,
    document,
    find_misspelt,
)

PARAMETERS = (
    Parameter('speed', 1.0, 'how fast [m/s]', 0.0, 2.0),
    Parameter('count', 2, 'how many', 1, 8),
    Parameter('mode', 'idle', 'what to do', choices=('idle', 'run')),
    Parameter('names', [''], 'of all'),
    Parameter('on', True, 'whether'),
)


@pytest.fixture
def make_node():
    context = Context()
    rclpy.init(args=[], context=context)
    nodes = []

    def make(**values):
        overrides = [RosParameter(k, value=v) for k, v in values.items()]
        nodes.append(rclpy.create_node('tested', context=context, parameter_overrides=overrides))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown(context=context)


def test_defaults_and_values_are_read_and_empty_texts_left_out(make_node):
    assert declare_parameters(make_node(), PARAMETERS) == {
        'speed': 1.0, 'count': 2, 'mode': 'idle', 'names': [], 'on': True
    }  # fmt: skip
    read = declare_parameters(make_node(speed=2.0, names=['a', '', 'b'], mode='run'), PARAMETERS)
    assert (read['speed'], read['names'], read['mode']) == (2.0, ['a', 'b'], 'run')


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('speed', 2.5, '0 to 2'),
        ('speed', 'fast', 'takes float'),
        ('count', 0, '1 to 8'),
        ('count', 1.5, 'takes int'),
        ('mode', 'sleep', 'idle, run'),
        ('names', 'one', 'takes list'),
        ('on', 1, 'takes bool'),
    ],
)
def test_what_breaks_the_contract_is_refused_with_name_meaning_and_range(
    make_node, name, value, words
):
    with pytest.raises(ParameterError, match=words) as caught:
        declare_parameters(make_node(**{name: value}), PARAMETERS)
    assert repr(name) in str(caught.value) and '/tested' in str(caught.value)


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('/**/tested: {ros__parameters: {speed: 1.0, use_sim_time: true}}', []),
        ('/**/tested: {ros__parameters: {sped: 1.0}}', ["sets 'sped'", 'did you mean speed?']),
        (
            'tested: {ros__parameters: {colour: red}}',
            ["sets 'colour', which tested does not have"],
        ),
        ('/**: {ros__parameters: {sped: 1.0}}', []),  # of another node, perhaps
        ('/**/other: {ros__parameters: {sped: 1.0}}', []),
        ('/**/tested: {ros__parameters: {qos_overrides: {}}}', []),
        ('no: [parameters', []),
    ],
)
def test_names_that_a_parameter_file_sets_in_vain_are_told(tmp_path, text, said):
    file = tmp_path / 'file.yaml'
    file.write_text(text)
    found = find_misspelt([str(file)], 'tested', PARAMETERS)
    assert len(found) == bool(said) and all(words in found[0] for words in said), found


def test_parameters_are_described_to_ros_and_can_not_be_set_later(make_node):
    node = make_node()
    declare_parameters(node, PARAMETERS)
    described = node.describe_parameter('speed')
    assert described.description == 'how fast [m/s]' and described.read_only
    (limits,) = described.floating_point_range
    assert (limits.from_value, limits.to_value) == (0.0, 2.0)
    (result,) = node.set_parameters([RosParameter('speed', value=0.5)])
    assert not result.successful and node.get_parameter('speed').value == 1.0


def test_the_table_for_people_has_a_row_for_each():
    lines = document(PARAMETERS).splitlines()
    assert len(lines) == 2 + len(PARAMETERS)
    assert lines[2] == '| `speed` | float | `1.0` | 0 to 2 | how fast [m/s] |'
