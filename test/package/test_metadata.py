"""The lists that must agree: executables and nodes, messages and CMake, parameters and their file, versions."""

import configparser
import importlib
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import fields

import pytest
import yaml

import pianokpm_ros
from pianokpm_ros.cli import COMMANDS
from pianokpm_ros.geometry.rig import load_rig
from pianokpm_ros.graph import GraphOptions, list_topics
from pianokpm_ros.messages import RECORDS


@pytest.fixture(scope='module')
def nodes(root):
    return sorted(p.stem for p in (root / 'pianokpm_ros' / 'nodes').glob('*_node.py'))


def read_entry_points(path):
    parser = configparser.ConfigParser()
    parser.read(path)
    lines = parser['options.entry_points']['console_scripts'].split('\n')
    return dict(re.split(r'\s*=\s*', line, maxsplit=1) for line in lines if line.strip())


def test_each_node_is_an_executable_and_each_executable_a_node(root, nodes):
    points = read_entry_points(root / 'setup.cfg')
    assert points.pop('pianokpm') == 'pianokpm_ros.cli:main'
    assert points == {n: f'pianokpm_ros.nodes.{n}:main' for n in nodes}


def test_each_message_is_built_and_has_a_record(root):
    built = re.findall(r'msg/(\w+)\.msg', (root / 'CMakeLists.txt').read_text())
    assert sorted(built) == sorted(p.stem for p in (root / 'msg').glob('*.msg'))
    assert sorted(built) == sorted(kind.__name__ for kind in RECORDS)


def test_cmake_stays_short(root):
    assert len((root / 'CMakeLists.txt').read_text().splitlines()) < 70


def test_the_version_is_the_same_everywhere(root):
    package = ElementTree.parse(root / 'package.xml').getroot()
    assert package.findtext('version') == pianokpm_ros.__version__
    assert package.findtext('name') == 'pianokpm'


def test_message_packages_that_are_imported_are_depended_on(root):
    package = ElementTree.parse(root / 'package.xml').getroot()
    known = {e.text for tag in ('depend', 'exec_depend') for e in package.iter(tag)}
    used = set()
    for path in (root / 'pianokpm_ros').rglob('*.py'):
        used |= set(re.findall(r'^\s*(?:from|import) (\w+_msgs|\w+_srvs|builtin_interfaces|rcl_interfaces)\b',
                               path.read_text(), re.MULTILINE))  # fmt: skip
    assert used <= known


def test_every_command_has_a_module_with_words(root):
    for module, words in COMMANDS.values():
        path = module.replace('pianokpm_training', 'training').replace('.', '/')
        assert (root / f'{path}.py').is_file(), module
        assert words and words[0].islower() or words[0].isdigit()


def declared(node):
    module = importlib.import_module(f'pianokpm_ros.nodes.{node}')
    classes = [c for c in vars(module).values() if getattr(c, '__module__', '') == module.__name__]
    (found,) = [c.PARAMETERS for c in classes if hasattr(c, 'PARAMETERS')]
    return {p.name: p for p in found}


def test_the_parameter_file_names_only_parameters_that_exist_with_their_defaults(root, nodes):
    content = yaml.safe_load((root / 'config' / 'pianokpm.yaml').read_text())
    for name, entry in content.items():
        node = name.removeprefix('/**/')
        assert node in nodes
        parameters = declared(node)
        for key, value in entry['ros__parameters'].items():
            assert key in parameters, f'{node} has no {key}'
            assert value == parameters[key].default, f'{node} {key}'
            assert type(value) is type(parameters[key].default), f'{node} {key}'


def test_every_parameter_is_described_and_bounded(nodes):
    for node in nodes:
        for parameter in declared(node).values():
            assert len(parameter.description) > 5, f'{node} {parameter.name}'
            number = type(parameter.default) in (int, float)
            assert (parameter.low is not None and parameter.high is not None) == (
                number or parameter.default == [0]
            ), f'{node} {parameter.name}'
            if number:
                assert parameter.low <= parameter.default <= parameter.high


def test_every_option_of_the_graph_is_described():
    for option in fields(GraphOptions):
        assert len(option.metadata['description']) > 10, option.name


def test_topic_names_are_relative_but_for_the_one_that_all_share():
    absolute = {t for t in list_topics(('top',)) if t.startswith('/')}
    assert absolute == {'/diagnostics'}


def test_every_file_of_the_package_is_short(root):
    """House style: no file over 500 lines."""
    long = {
        str(p.relative_to(root)): n
        for folder in ('pianokpm_ros', 'training', 'launch', 'test')
        for p in (root / folder).rglob('*.py')
        if (n := len(p.read_text().splitlines())) > 500
    }
    assert long == {}


@pytest.mark.parametrize('name', ['bringup', 'capture', 'estimation', 'replay'])
def test_launch_files_are_short(root, name):
    assert len((root / 'launch' / f'{name}.launch.py').read_text().splitlines()) <= 40


def test_the_example_rig_is_one_that_works(root):
    rig = load_rig(root / 'config' / 'example_rig.yaml')
    for camera in rig.cameras:
        # An octave and a half around middle C lies in both pictures.
        pixels = camera.project([[-0.15, 0.05, 0.0], [0.15, 0.05, 0.0], [0.0, 0.0, 0.1]])
        assert ((pixels >= 0) & (pixels < camera.size)).all(), camera.name
