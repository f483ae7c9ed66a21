"""The commands in README.md and docs/ exist and take the options that they show."""

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


def list_doc_commands():
    for page in sorted((ROOT / 'docs').glob('*.md')):
        for line in page.read_text().splitlines():
            if re.match(r' *pianokpm [a-z]', line):
                yield pytest.param(
                    line.split('  #')[0].strip(), id=f'{page.name}: {line.strip()[:60]}'
                )


@pytest.mark.parametrize('line', list_doc_commands())
def test_commands_take_what_the_pages_give_them(line):
    _, name, *words = shlex.split(line.replace('[', '').replace(']', ''))
    module, _ = COMMANDS[name]
    parser = argparse.ArgumentParser(prog=name, exit_on_error=False)
    importlib.import_module(module).add_arguments(parser)
    # `...` stands for more of the same, or for an option's value.
    kept = [
        w
        for before, w in zip(['', *words], words, strict=False)
        if w != '...' or before[:2] == '--'
    ]
    parser.parse_args(kept)


@pytest.mark.parametrize('line', chosen('pianokpm'))
def test_commands_take_what_the_readme_gives_them(line):
    _, name, *words = shlex.split(line)
    module, _ = COMMANDS[name]
    parser = argparse.ArgumentParser(prog=name, exit_on_error=False)
    importlib.import_module(module).add_arguments(parser)
    parser.parse_args(words)


WRITERS = (
    'calibrate',
    'demo',
    'estimate',
    'evaluate',
    'export',
    'personalise',
    'recover',
    'report',
    'train',
)


@pytest.mark.parametrize('name', WRITERS)
def test_whatever_is_written_can_be_named_by_the_same_letter(name):
    parser = argparse.ArgumentParser(prog=name)
    importlib.import_module(COMMANDS[name][0]).add_arguments(parser)
    assert re.search(r'^ +-o ', parser.format_help(), re.MULTILINE)


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
