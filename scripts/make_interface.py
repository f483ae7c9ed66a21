"""Write docs/interface.md from what the nodes declare: parameters, defaults, ranges, options of the graph.

Usage: python scripts/make_interface.py, or with --check: only tell whether the page is as it should be.
"""

import argparse
import importlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from pianokpm_ros.graph import GraphOptions
from pianokpm_ros.nodes.base import PianoNode
from pianokpm_ros.nodes.parameters import Parameter
from pianokpm_ros.replay.graph import ReplayOptions

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs' / 'interface.md'

PAUSE = ('~/enable', 'std_srvs/SetBool')
POSES = ('hands/left, hands/right', 'HandPose')
ACTIVITIES = ('muscle_activity/left, muscle_activity/right', 'MuscleActivity')
START = ('playback/start', 'builtin_interfaces/Time')


@dataclass(frozen=True)
class Topics:
    """What a node takes, gives and serves: (names, type) each; types of this package stand without it."""

    takes: tuple[tuple[str, str], ...] = ()
    gives: tuple[tuple[str, str], ...] = ()
    serves: tuple[tuple[str, str], ...] = (PAUSE,)


NODES = {
    'capture_node': Topics(
        gives=(
            ('<camera>/hands', 'HandLandmarks'),
            ('<camera>/camera_info', 'sensor_msgs/CameraInfo'),
            ('<camera>/image/compressed (with `preview_rate`)', 'sensor_msgs/CompressedImage'),
            ('<camera>/image_raw (with `landmarks` off)', 'sensor_msgs/Image'),
            ('playback/start, playback/end', 'builtin_interfaces/Time'),
        ),
    ),
    'hand_landmark_node': Topics(
        takes=(
            ('<camera>/image_raw', 'sensor_msgs/Image'),
            ('<camera>/image_raw/compressed', 'sensor_msgs/CompressedImage'),
        ),
        gives=(('<camera>/hands', 'HandLandmarks'),),
    ),
    'triangulation_node': Topics((('<camera>/hands', 'HandLandmarks'),), (POSES,)),
    'keyboard_node': Topics((START,), (('keys', 'KeyMotion'),)),
    'emg_sensor_node': Topics(gives=(('emg', 'EmgBlock'),)),
    'muscle_estimation_node': Topics(
        (POSES, ('keys', 'KeyMotion')),
        (ACTIVITIES, ('muscle_activity/<side>/joint_states', 'sensor_msgs/JointState')),
    ),
    'recorder_node': Topics(
        takes=(('every topic of the graph', 'of any type'),),
    ),
    'replay_node': Topics(
        takes=(('what it follows (with `follow`)', 'HandPose or MuscleActivity'),),
        gives=(('every topic of the bag', 'as recorded'), ('/clock', 'rosgraph_msgs/Clock')),
        serves=(),
    ),
    'view_node': Topics(
        takes=(
            ('<camera>/hands', 'HandLandmarks'),
            ('<camera>/image/compressed', 'sensor_msgs/CompressedImage'),
            ('<camera>/image_raw/compressed', 'sensor_msgs/CompressedImage'),
            POSES,
            ('keys', 'KeyMotion'),
            ACTIVITIES,
            ('emg', 'EmgBlock'),
            ('protocol/event', 'std_msgs/String'),
            START,
            ('/diagnostics', 'diagnostic_msgs/DiagnosticArray'),
        ),
        serves=(),
    ),
    'visualization_node': Topics(
        (POSES, ACTIVITIES), (('markers', 'visualization_msgs/MarkerArray'),)
    ),
    'lsl_outlet_node': Topics((ACTIVITIES,), (('LSL: <name>_left, <name>_right', 'no topic'),)),
}

HEAD = """# Interface
Made by `python scripts/make_interface.py` from what the nodes declare; a test checks that it is up to date.

All names are relative: namespaces and remappings work. Messages of this package are documented where they are
defined, in `msg/`. Stamps are acquisition times. Every node publishes its health on `/diagnostics`
(`diagnostic_msgs/DiagnosticArray`, once a second); where `~/enable` is offered, `false` pauses the node.
Parameters are read once, at start-up: one that is out of its range keeps the node from starting, one
that a parameter file sets and the node does not have is warned of. Defaults are those of the nodes; where
`config/pianokpm.yaml` sets another, that one is told too.

| quality of service | reliability | durability | deadline | liveliness |
| --- | --- | --- | --- | --- |
| streams (landmarks, poses, keys, EMG, activity, joint states) | reliable | volatile | 50 ms | automatic, 200 ms |
| images and previews | best effort | volatile | none | none |
| camera info, playback start and end | reliable | transient local | none | none |

Deadline and liveliness are offered: a subscriber may ask for as much, or for nothing.
"""


def main() -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--check', action='store_true', help='write nothing; 1 where it is out of date'
    )
    arguments = parser.parse_args()
    made = make_page()
    if arguments.check:
        return int(not PAGE.exists() or PAGE.read_text() != made)
    PAGE.write_text(made)
    print(PAGE)
    return 0


def make_page() -> str:
    """Return the page."""
    config = read_config()
    parts = [HEAD, '## Nodes', *(describe_node(n, t, config.get(n, {})) for n, t in NODES.items())]
    parts += ['## Options of the graph', GRAPH_WORDS, *list_options(GraphOptions)]
    parts += ['', '## Options of a replay', REPLAY_WORDS, *list_options(ReplayOptions)]
    return '\n'.join(parts) + '\n'


GRAPH_WORDS = """Arguments of `ros2 launch pianokpm bringup.launch.py name:=value`, and of `pianokpm up --name value`
(there with `-` for `_`).
"""
REPLAY_WORDS = """Arguments of `ros2 launch pianokpm replay.launch.py name:=value`, and of
`pianokpm replay BAG --name value`.
"""


def read_config() -> dict[str, dict[str, Any]]:
    """Return the parameters that the shipped file sets, by node."""
    content = yaml.safe_load((ROOT / 'config' / 'pianokpm.yaml').read_text())
    return {name.rpartition('/')[2]: entry['ros__parameters'] for name, entry in content.items()}


def find_node(name: str) -> type[PianoNode]:
    """Return the class of a node."""
    module = importlib.import_module(f'pianokpm_ros.nodes.{name}')
    return next(
        c
        for _, c in inspect.getmembers(module, inspect.isclass)
        if issubclass(c, PianoNode) and c.__module__ == module.__name__
    )


def describe_node(name: str, topics: Topics, config: dict[str, Any]) -> str:
    """Return a node's section."""
    kind = find_node(name)
    about = inspect.getdoc(sys.modules[kind.__module__]).splitlines()[0]
    lines = [f'\n### {name}', about, '']
    for title, entries in (
        ('Subscribes to', topics.takes),
        ('Publishes', topics.gives),
        ('Serves', topics.serves),
    ):
        if entries:
            lines.append(
                f'{title}: ' + '; '.join(f'{write_names(n)} ({t})' for n, t in entries) + '\n'
            )
    lines += [describe_parameter(p, config) for p in kind.PARAMETERS] or ['No parameters.']
    return '\n'.join(lines)


def write_names(names: str) -> str:
    """Mark topic names as code, and leave words as they are."""
    if ' ' in names.replace(', ', ','):
        name, _, rest = names.partition(' (')
        return f'`{name}` ({rest}' if rest else names
    return ', '.join(f'`{n}`' for n in names.split(', '))


def describe_parameter(p: Parameter, config: dict[str, Any]) -> str:
    """Return one parameter as image_pipeline's pages do: **name** (type, default): meaning, range."""
    default = write_value(p.default)
    if p.name in config and config[p.name] != p.default:
        default += f'; pianokpm.yaml: {write_value(config[p.name])}'
    limits = f'; {p.limits}' if p.limits else ''
    return f'* **{p.name}** ({name_type(p.default)}, {default}): {p.description}{limits}'


def name_type(value: Any) -> str:
    """Return a value's type as ROS names it."""
    if isinstance(value, list):
        return f'{name_type(value[0])}[]'
    return {bool: 'bool', int: 'int', float: 'double', str: 'string'}[type(value)]


def write_value(value: Any) -> str:
    """Write a default."""
    if value in ('', [''], ()):
        return 'empty'
    if isinstance(value, bool):
        return str(value).lower()
    return f'{value:g}' if isinstance(value, float) else str(value)


def list_options(kind: type) -> Iterator[str]:
    """Describe each field of a class of options."""
    for option in fields(kind):
        default, choices = write_value(option.default), option.metadata['choices']
        limits = f'; {", ".join(choices)}' if choices else ''
        words = option.metadata['description']
        yield f'* **{option.name}** ({default}): {words}{limits}'


if __name__ == '__main__':
    sys.exit(main())
