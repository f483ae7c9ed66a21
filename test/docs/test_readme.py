"""The commands in README.md exist and take the options that it shows."""

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from pianokpm_ros.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / 'README.md').read_text()
LINES = [line[4:].split('  #')[0].strip() for line in TEXT.splitlines() if line[:4] == ' ' * 4]


def chosen(program):
    return [line for line in LINES if line.startswith(program + ' ')]


@pytest.mark.parametrize('line', chosen('pianokpm'))
def test_commands_take_what_the_readme_gives_them(line):
    _, name, *words = shlex.split(line)
    module, _ = COMMANDS[name]
    parser = argparse.ArgumentParser(prog=name, exit_on_error=False)
    importlib.import_module(module).add_arguments(parser)
    parser.parse_args(words)


def test_make_targets_exist():
    targets = set(re.findall(r'^([a-z-]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE))
    told = set(re.findall(r'(?:^ {4}|`)make ([a-z]+(?:-[a-z]+)*)', TEXT, re.MULTILINE))
    assert told and told <= targets


def test_launch_takes_what_the_readme_gives_it():
    from pianokpm_ros.graph import GraphOptions

    options = GraphOptions.__dataclass_fields__
    for line in chosen('ros2 launch'):
        given = dict(word.split(':=') for word in shlex.split(line)[4:])
        assert given.keys() <= options.keys()


def test_files_and_pages_exist():
    for name in re.findall(r'`?((?:docs|config|requirements)/[\w/.]+\.\w+)', TEXT):
        assert (ROOT / name).exists(), name
