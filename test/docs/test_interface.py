"""docs/interface.md says what the nodes declare, create and are installed as."""

import ast
import configparser
from pathlib import Path

import pytest

from scripts import make_interface
from scripts.make_interface import NODES, PAGE, make_page, read_config

ROOT = Path(__file__).resolve().parents[2]
HELPERS = {'capture_node': ['camera_output']}
SHARED = {'DiagnosticArray', 'SetBool'}
"""Of all nodes, said once on the page."""


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == make_page(), 'run python scripts/make_interface.py'


def test_every_installed_node_is_described_and_none_else():
    parser = configparser.ConfigParser()
    parser.read(ROOT / 'setup.cfg')
    lines = parser['options.entry_points']['console_scripts'].split('\n')
    names = {line.split('=')[0].strip() for line in lines if '_node' in line}
    assert set(NODES) == names


def test_the_shipped_file_sets_only_what_nodes_declare():
    for name, values in read_config().items():
        declared = {p.name for p in make_interface.find_node(name).PARAMETERS}
        assert set(values) <= declared, name


def find_created(name):
    """Return the message types in a node's calls of create_publisher and create_subscription."""
    for file in (name, *HELPERS.get(name, ())):
        tree = ast.parse((ROOT / 'pianokpm_ros' / 'nodes' / f'{file}.py').read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in ('create_publisher', 'create_subscription', '_listen'):
                    yield from (
                        a.id for a in node.args if isinstance(a, ast.Name) and a.id[0].isupper()
                    )


@pytest.mark.parametrize('name', NODES)
def test_the_page_names_the_types_that_a_node_creates(name):
    topics = NODES[name]
    documented = {
        word.rpartition('/')[2]
        for _, kind in topics.takes + topics.gives
        for word in kind.split(' or ')
    }
    created = {word for word in find_created(name) if not word.isupper()}
    assert created - SHARED <= documented, created - documented


def test_parameters_of_lists_and_ranges_are_written_as_people_read_them():
    text = make_page()
    assert '* **cameras** (string[], empty)' in text
    assert '* **timeout** (double, 0.1)' in text and '; 0.02 to 10' in text
