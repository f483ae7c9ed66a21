"""Parameters as a declared contract: type, default, range, meaning; what is out of it is refused with the reason."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterUninitializedException,
)
from rclpy.node import Node

from pianokpm_ros.errors import PianokpmError

Value = bool | int | float | str | list[str] | list[int]


class ParameterError(PianokpmError, ValueError):
    """A parameter has a value that can't be used."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a node; all are read once, at start-up.

    Attributes:
        name: as in parameter files.
        default: also tells the type; an empty list of texts is `['']`, since ROS can't tell the type of `[]`.
        description: meaning and unit.
        low: smallest number allowed.
        high: largest number allowed.
        choices: texts allowed.
    """

    name: str
    default: Value
    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def limits(self) -> str:
        """Range or choices in words, empty = any."""
        if self.choices:
            return ', '.join(c or '(empty)' for c in self.choices)
        if self.low is None:
            return ''
        return f'{self.low:g} to {self.high:g}'

    def describe(self) -> ParameterDescriptor:
        """Make the descriptor that `ros2 param describe` shows."""
        made = ParameterDescriptor(
            description=self.description, additional_constraints=self.limits, read_only=True
        )
        if isinstance(self.default, float):
            made.floating_point_range = [
                FloatingPointRange(from_value=float(self.low), to_value=float(self.high))
            ]
        elif isinstance(self.default, int) and not isinstance(self.default, bool):
            made.integer_range = [
                IntegerRange(from_value=int(self.low), to_value=int(self.high), step=1)
            ]
        return made


def declare_parameters(node: Node, parameters: Sequence[Parameter]) -> dict[str, Any]:
    """Declare parameters and return their values, lists without empty texts."""
    return {p.name: _declare(node, p) for p in parameters}


def _declare(node: Node, parameter: Parameter) -> Any:
    try:
        found = node.declare_parameter(parameter.name, parameter.default, parameter.describe())
        value = found.value
    except (
        InvalidParameterTypeException,
        InvalidParameterValueException,
        ParameterUninitializedException,
    ) as error:
        raise _refuse(node, parameter, str(error)) from error
    if parameter.choices and value not in parameter.choices:
        raise _refuse(node, parameter, f'found {value!r}')
    return [v for v in value if v != ''] if isinstance(parameter.default, list) else value


def find_misspelt(files: Sequence[str], name: str, parameters: Sequence[Parameter]) -> list[str]:
    """Say which names parameter files set for a node that has no such parameters; ROS passes over them in silence.

    Args:
        files: in the ROS 2 format; what can't be read is left to ROS, which has read them before.
        name: of the node.
        parameters: that it has.
    """
    known = {p.name for p in parameters} | {'use_sim_time'}
    said = []
    for file in files:
        for found in sorted(_read_names(file, name) - known):
            near = difflib.get_close_matches(found, known, 1)
            hint = f'; did you mean {near[0]}?' if near else ''
            said.append(f'{file} sets {found!r}, which {name} does not have{hint}')
    return said


def _read_names(file: str, name: str) -> set[str]:
    """Return the names below keys such as `/**/NODE` and `NODE`; what stands below `/**` is for other nodes too."""
    try:
        content = yaml.safe_load(Path(file).read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return set()
    names: set[str] = set()
    for key, block in content.items() if isinstance(content, dict) else ():
        if str(key).rpartition('/')[2] == name and isinstance(block, dict):
            found = block.get('ros__parameters')
            names |= {str(n) for n in found} if isinstance(found, dict) else set()
    return {n for n in names if not n.startswith('qos_overrides')}


def _refuse(node: Node, parameter: Parameter, found: str) -> ParameterError:
    kind = type(parameter.default).__name__
    allowed = f', {parameter.limits}' if parameter.limits else ''
    return ParameterError(
        f'{node.get_fully_qualified_name()}: parameter {parameter.name!r} ({parameter.description}) takes '
        f'{kind}{allowed}; {found}'
    )


def document(parameters: Sequence[Parameter]) -> str:
    """Return the rows of a Markdown table of parameters."""
    rows = [
        f'| `{p.name}` | {type(p.default).__name__} | `{p.default}` | {p.limits} | {p.description} |'
        for p in parameters
    ]
    head = [
        '| parameter | type | default | allowed | meaning |',
        '| --- | --- | --- | --- | --- |',
    ]
    return '\n'.join(head + rows)
