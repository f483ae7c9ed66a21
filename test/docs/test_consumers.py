"""docs/consumers.md tells the limits that the client has."""

import re
from pathlib import Path

import pytest

from pianokpm_ros.client import ClientOptions, State

TEXT = (Path(__file__).resolve().parents[2] / 'docs' / 'consumers.md').read_text()


@pytest.mark.parametrize(
    'names',
    [
        ('ramp',),
        ('passive_after',),
        ('confidence_none', 'confidence_full'),
        ('rise', 'fastest_fall'),
        ('recovery_count', 'recovery_confidence', 'recovery'),
        ('oldest', 'clock_jump'),
        ('hold_periods',),
    ],
)
def test_defaults_are_told(names):
    first = names[0]
    row = next(line for line in TEXT.splitlines() if re.match(rf'\| `{first}`', line))
    found = [float(n) for n in re.findall(r'\d+(?:\.\d+)?', row.split('|')[2])]
    for name in names:
        assert getattr(ClientOptions(), name) in found, (name, row)


def test_every_state_is_explained():
    assert all(f'| {state.name} |' in TEXT for state in State)
