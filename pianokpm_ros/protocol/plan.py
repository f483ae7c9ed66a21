"""What a person does in a recording session, step by step, from a YAML file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pianokpm_ros.anatomy import MUSCLE_NAMES, MUSCLES
from pianokpm_ros.errors import PianokpmError

CONTRACTIONS = {
    'ADM': 'spread the little finger away from the ring finger',
    'APB': 'lift the thumb away from the palm',
    '1DI': 'push the index finger towards the thumb',
    '2DI': 'push the middle finger towards the index finger',
    '3DI': 'push the middle finger towards the ring finger',
    '4DI': 'push the ring finger towards the little finger',
}
"""What to do against a resistance for a maximum contraction of each muscle."""

LONGEST, MOST = 3600.0, 100
"""Of one step [s]; repeats of a step, or key taps. More is a slip of the pen."""


class ProtocolError(PianokpmError, ValueError):
    """A protocol can't be used."""


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes:
        kind: `rest`, `mvc`, `taps` or `task`, as in `SessionEvent`.
        title: a few words.
        words: what the person shall do.
        seconds: how long, 0 = until told to go on.
        details: for the events.
    """

    kind: str
    title: str
    words: str
    seconds: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A session.

    Attributes:
        name: of the protocol.
        side: instrumented hand, `left` or `right`.
        electrodes: channel names in order.
        steps: in order.
    """

    name: str
    side: str
    electrodes: tuple[str, ...]
    steps: tuple[Step, ...]


def load_plan(path: Path | str) -> Plan:
    """Read a protocol; raises ProtocolError where something in it can't be done."""
    try:
        content = yaml.safe_load(Path(path).read_text())
    except OSError as error:
        raise ProtocolError(f'asked for the protocol {path}: {error.strerror}') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProtocolError(f'{path} is no YAML file: {error}') from error
    if not isinstance(content, dict):
        raise ProtocolError(f'{path}: expected `name: value` lines')
    try:
        return make_plan(**content)
    except TypeError as error:
        raise ProtocolError(f'{path}: {error}') from error


def make_plan(
    name: str = 'session',
    side: str = 'right',
    electrodes: list[str] | None = None,
    rest: float = 5.0,
    mvc: Mapping[str, Any] | None = None,
    taps: int = 8,
    tasks: list[Mapping[str, Any]] | None = None,
) -> Plan:
    """Make the steps of a session.

    Args:
        name: of the protocol.
        side: instrumented hand.
        electrodes: channel names, as the amplifier gives them; muscles get a maximum contraction.
        rest: time at rest [s].
        mvc: `seconds` of a contraction and `repeats`.
        taps: single key strokes for the check of the clocks; 0 = none.
        tasks: each with `name`, `words`, `seconds` (0 = until told) and `repeats`.
    """
    _check_number('rest', rest, 0, LONGEST)
    _check_number('taps', taps, 0, MOST, whole=True)
    channels = tuple(map(str, electrodes or MUSCLES))
    if side not in ('left', 'right') or len(set(channels)) < len(channels):
        raise ProtocolError(
            f'expected a side left or right and electrodes with names of their own, found {side!r} and '
            f'{", ".join(channels)}'
        )
    steps = [_rest(rest)] if rest else []
    steps += _contractions(channels, side, **(mvc or {}))
    steps += [_taps(taps)] if taps else []
    for task in tasks or []:
        steps += _task(**task)
    if not steps:
        raise ProtocolError('a protocol without any step')
    return Plan(str(name), side, channels, tuple(steps))


def _check_number(name: str, value: Any, low: float, high: float, whole: bool = False) -> None:
    """Refuse now what would end a session half-way."""
    kinds = int if whole else int | float
    if not isinstance(value, kinds) or isinstance(value, bool) or not low <= value <= high:
        raise ProtocolError(
            f'{name}: expected a {"whole " if whole else ""}number from {low:g} to {high:g}, found {value!r}'
        )


def _rest(seconds: float) -> Step:
    return Step('rest', 'rest', 'Lay the hand on the keys and let go of everything.', seconds)


def _contractions(
    channels: tuple[str, ...], side: str, seconds: float = 4.0, repeats: int = 2
) -> list[Step]:
    _check_number('mvc seconds', seconds, 0, LONGEST)
    _check_number('mvc repeats', repeats, 0, MOST, whole=True)
    return [
        Step(
            'mvc',
            f'maximum contraction {number} of {channel}',
            f'{MUSCLE_NAMES[channel]}: {CONTRACTIONS[channel]}, against a resistance, as hard as you can.',
            seconds,
            {'muscle': channel, 'side': side},
        )
        for channel in channels
        if channel in CONTRACTIONS
        for number in range(1, repeats + 1)
    ]


def _taps(count: int) -> Step:
    words = (
        f'Strike {count} different white keys, one a second, each with one finger, hands in sight.'
    )
    return Step('taps', 'key taps', words, 0.0, {'count': count})


def _task(name: str, words: str = '', seconds: float = 0.0, repeats: int = 1) -> list[Step]:
    _check_number(f'seconds of the task {name}', seconds, 0, LONGEST)
    _check_number(f'repeats of the task {name}', repeats, 1, MOST, whole=True)
    return [
        Step(
            'task',
            f'{name} ({i + 1} of {repeats})',
            str(words or name),
            seconds,
            {'task': str(name), 'trial': i},
        )
        for i in range(repeats)
    ]
