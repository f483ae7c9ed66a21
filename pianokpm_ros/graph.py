"""The node graph, described once: the launch files and `pianokpm up` both start what stands here.

What a user may choose is `GraphOptions`; `describe_graph` turns it into the processes to start. This
file knows no ROS: a `NodeSpec` is an executable with its parameters.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from pianokpm_ros.capture.address import is_camera_name
from pianokpm_ros.capture.local_cameras import describe_cameras
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.recording.layout import VIDEOS
from pianokpm_ros.shares import find_share

PACKAGE = 'pianokpm'
REFUSED = 2
"""Exit code of a node that won't start as asked: starting it again would change nothing."""

LEASH = 'PIANOKPM_LEASH'
"""Environment variable that makes a node end when its standard input does: whoever started it is gone."""

RESPAWN_DELAY = 1.0
"""How long to wait before a node that died is started again [s]."""

PREVIEW_RATE = 8.0
"""Pictures a second of each camera where somebody looks [Hz]."""

LIVE, SENSORS = 'midi:', 'lsl:'
"""Begin the names of a live MIDI port and of a stream of key sensors where a file could be named too."""

NAMESPACE = r'/?([A-Za-z_]\w*(/[A-Za-z_]\w*)*/?)?'
"""What ROS takes for one."""

AT_END = ('idle', 'exit', 'loop')
SIDES = ('left', 'right')
Value = str | int | float | bool | list[str] | list[int]


class GraphError(PianokpmError, ValueError):
    """The graph can't be started as asked."""


WHOLE: Mapping[str, Value] = {'max_backlog': 0.0}
"""Parameters with which a node skips nothing that waits: for what is played as fast as possible, or estimated again."""


def _option(default: Any, description: str, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={'description': description, 'choices': choices})


@dataclass(frozen=True)
class GraphOptions:
    """What a user chooses when starting the graph; each field is a launch argument and an option of `pianokpm up`."""

    take: str = _option('', 'folder of a take: sets the videos, the rig and the keys')
    videos: tuple[str, ...] = _option((), 'cameras from files, as name=path name=path ...')
    live: tuple[str, ...] = _option(
        (), 'live cameras, as name=/dev/video0 name=rtsp://... (also http, a number)'
    )
    cameras: tuple[str, ...] = _option(
        (), 'names of cameras that other drivers publish as <name>/image_raw'
    )
    rig: str = _option('', 'calibration file of the cameras; empty = one camera, single view')
    keys: str = _option(
        '',
        "MIDI file, or take, to play keys from; live: 'midi:' and a port, 'lsl:' and a stream; empty = none",
    )
    emg: str = _option('', "name of the LSL stream of an EMG amplifier, or 'any'; empty = no EMG")
    model: str = _option('', 'folder of the model; empty = the one that ships with the package')
    person: str = _option(
        '', 'file of `pianokpm personalise` that fits the model to a person; empty = nobody'
    )
    rate: float = _option(1.0, 'speed of file playback; 0 = as fast as possible, without keys')
    at_end: str = _option('idle', 'what capture does at the end of the files', AT_END)
    hand_model: str = _option('', 'full, or lite: quicker; empty = as the parameters say')
    hand_engine: str = _option(
        '',
        'litert, int8: twice as quick on newer processors, or auto; empty = as the parameters say',
    )
    take_turns: bool = _option(False, 'look at half of four or more views at a time, in turns')
    images: bool = _option(
        False, 'capture publishes full images and hand_landmark_node finds the hands'
    )
    record: str = _option('', 'folder of a new bag to record to; empty = record nothing')
    film: bool = _option(False, "keep the cameras' videos in the bag's folder too")
    view: bool = _option(
        False, 'show the graph in a browser; the address is printed, this machine only'
    )
    markers: bool = _option(False, 'hands and muscles as markers, for RViz and Foxglove')
    lsl: bool = _option(False, 'the estimate as LSL streams, this machine only')
    params_file: str = _option('', 'parameters of all nodes; empty = the shipped pianokpm.yaml')
    namespace: str = _option('', 'namespace of all nodes and topics')
    use_sim_time: bool = _option(False, 'take the time from /clock')

    @classmethod
    def from_strings(cls, values: Mapping[str, str]) -> 'GraphOptions':
        """Read options as launch gives them: text, lists separated by blanks, true and false."""
        return read_options(cls, values)

    @property
    def sources(self) -> dict[str, str]:
        """Path of the video of each file camera."""
        return _read_pairs('videos', 'path', self.videos)

    @property
    def live_sources(self) -> dict[str, str]:
        """Address of each live camera."""
        return _read_pairs('live', 'address', self.live)

    @property
    def captured(self) -> dict[str, str]:
        """Path or address of each camera that `capture_node` reads."""
        return self.sources | self.live_sources

    @property
    def camera_names(self) -> tuple[str, ...]:
        """Names of all cameras, those that `capture_node` reads first."""
        return (*self.sources, *self.live_sources, *self.cameras)


def _read_pairs(option: str, what: str, words: Iterable[str]) -> dict[str, str]:
    pairs = [w.partition('=') for w in words]
    for name, equals, value in pairs:
        if not (is_camera_name(name) and equals and value):
            raise GraphError(
                f'{option}: found {name + equals + value!r}; write name={what} with a name of ASCII letters, digits '
                'and _, a letter first'
            )
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise GraphError(f'{option}: found {" ".join(words)}; give each camera a name of its own')
    return {name: value for name, _, value in pairs}


def read_options(kind: type, values: Mapping[str, str]) -> Any:
    """Make a dataclass of options from texts, as launch gives them."""
    options = {f.name: f for f in fields(kind)}
    return kind(**{name: _read_option(options[name], text) for name, text in values.items()})


def _read_option(option: Field, text: str) -> Any:
    kind = type(option.default)
    try:
        if kind is bool:
            return {'true': True, 'false': False}[text.strip().lower()]
        return tuple(text.split()) if kind is tuple else kind(text)
    except (KeyError, ValueError) as error:
        words = 'true or false' if kind is bool else 'a number'
        raise GraphError(f'{option.name}: expected {words}, found {text!r}') from error


@dataclass(frozen=True)
class NodeSpec:
    """One process of the graph.

    Attributes:
        executable: of the package; also the node's name.
        part: `capture` or `estimation`: what may run on different machines.
        parameters: what differs from the parameter file.
        params_file: parameters of all nodes.
        namespace: of the node and its topics.
        environment: variables on top of the inherited ones.
        respawn: start it again when it dies.
    """

    executable: str
    part: str
    parameters: Mapping[str, Value]
    params_file: str
    namespace: str = ''
    environment: Mapping[str, str] = field(default_factory=dict)
    respawn: bool = True

    def __post_init__(self) -> None:
        if not re.fullmatch(NAMESPACE, self.namespace, re.ASCII):
            raise GraphError(
                f'namespace: found {self.namespace!r}; write one name or several with / between them, each of ASCII '
                'letters, digits and _, no digit first'
            )

    @property
    def package(self) -> str:
        """Package that has the executable."""
        return PACKAGE

    @property
    def name(self) -> str:
        """Name of the node."""
        return self.executable

    def ros_arguments(self) -> list[str]:
        """Return the command line arguments, as launch would give them."""
        arguments = ['--ros-args', '-r', f'__node:={self.name}']
        if self.namespace:
            arguments += ['-r', f'__ns:=/{self.namespace.strip("/")}']
        arguments += ['--params-file', self.params_file]
        for name, value in self.parameters.items():
            # JSON is YAML that needs no guessing about quotes and types.
            arguments += ['-p', f'{name}:={json.dumps(value)}']
        return arguments


def describe_graph(options: GraphOptions) -> tuple[NodeSpec, ...]:
    """List the processes that make up the graph asked for, in the order of the data's way."""
    options = _fill_from_take(options)
    _check(options)
    params_file = _find_parameters(options.params_file)
    made = [
        NodeSpec(
            executable,
            part,
            {**parameters, 'use_sim_time': options.use_sim_time},
            params_file,
            options.namespace,
            _shared_memory() if options.images and executable == 'capture_node' else {},
        )
        for executable, part, parameters in _list_nodes(options)
    ]
    if options.record:
        made.append(
            describe_recorder(
                options.record,
                options.camera_names,
                options.params_file,
                options.namespace,
                options.use_sim_time,
                options.rig,
            )
        )
    return add_listeners(made, _list_listeners(options)) if options.sources else tuple(made)


def add_listeners(
    nodes: Iterable[NodeSpec], listeners: Iterable[tuple[str, str]], timeout: float = 0.0
) -> tuple[NodeSpec, ...]:
    """Let each node wait, before it begins, until its listeners are connected.

    Args:
        nodes: of a graph that plays files.
        listeners: (node, topic) each.
        timeout: longest time that nodes wait, also for each other [s]; 0 = as their parameters say.
    """
    nodes, listeners = tuple(nodes), tuple(listeners)
    names = {node.name for node in nodes}
    waits: dict[str, list[str]] = {}
    for listener, topic in listeners:
        waits.setdefault(_find_publisher(topic, names), []).append(f'{listener} {topic}')
    return tuple(_add_waits(node, waits.get(node.name, []), timeout) for node in nodes)


def _find_publisher(topic: str, names: Iterable[str]) -> str:
    """Return the node that publishes a topic of the graph."""
    stage, _, kind = topic.partition('/')
    if kind == 'hands' and 'hand_landmark_node' in names:
        return 'hand_landmark_node'
    stages = {
        'hands': 'triangulation_node',
        'muscle_activity': 'muscle_estimation_node',
        'keys': 'keyboard_node',
        'emg': 'emg_sensor_node',
    }
    return stages.get(stage, 'capture_node')


def _add_waits(node: NodeSpec, waits: list[str], timeout: float) -> NodeSpec:
    waits = [*node.parameters.get('wait_for', []), *waits]
    if not waits:
        return node
    patience = {'wait_timeout': timeout} if timeout else {}
    return replace(node, parameters={**node.parameters, 'wait_for': waits, **patience})


def describe_view_node(
    parameters: Mapping[str, Value], namespace: str = '', use_sim_time: bool = False
) -> NodeSpec:
    """Describe the live view of a graph that runs already."""
    parameters = {**parameters, 'use_sim_time': use_sim_time}
    return NodeSpec('view_node', 'estimation', parameters, _find_parameters(''), namespace)


def describe_recorder(
    bag: str,
    cameras: Iterable[str] = (),
    params_file: str = '',
    namespace: str = '',
    use_sim_time: bool = False,
    rig: str = '',
) -> NodeSpec:
    """Describe the recorder of a graph that runs already; a rig file is kept with the bag."""
    # Not started again: what was recorded stays, and a second recorder would need a second bag.
    return NodeSpec(
        'recorder_node',
        'estimation',
        {
            'bag': bag,
            'cameras': list(cameras) or [''],
            'rig': rig,
            'use_sim_time': use_sim_time,
        },
        _find_parameters(params_file),
        namespace,
        respawn=False,
    )


def _find_parameters(params_file: str) -> str:
    if params_file and not Path(params_file).is_file():
        raise GraphError(f'asked for the parameter file {params_file}, which is no file')
    return params_file or str(find_share('config/pianokpm.yaml'))


def list_topics(cameras: Iterable[str]) -> dict[str, str]:
    """Return the type of each topic of the graph, relative names, but for images."""
    topics = {f'{name}/hands': 'pianokpm/msg/HandLandmarks' for name in cameras}
    topics |= {f'{name}/camera_info': 'sensor_msgs/msg/CameraInfo' for name in cameras}
    topics |= {f'hands/{side}': 'pianokpm/msg/HandPose' for side in SIDES}
    topics |= {'keys': 'pianokpm/msg/KeyMotion', 'emg': 'pianokpm/msg/EmgBlock'}
    topics |= {'protocol/event': 'std_msgs/msg/String'}
    topics |= {f'muscle_activity/{side}': 'pianokpm/msg/MuscleActivity' for side in SIDES}
    topics |= {
        f'muscle_activity/{side}/joint_states': 'sensor_msgs/msg/JointState' for side in SIDES
    }
    topics |= {f'playback/{event}': 'builtin_interfaces/msg/Time' for event in ('start', 'end')}
    return topics | {'/diagnostics': 'diagnostic_msgs/msg/DiagnosticArray'}


def _list_nodes(o: GraphOptions) -> Iterator[tuple[str, str, dict[str, Value]]]:
    names = list(o.camera_names)
    detected = [*(o.captured if o.images else ()), *o.cameras]
    if o.captured:
        yield 'capture_node', 'capture', _capture_parameters(o)
    if detected:
        turns = 'take_turns'  # of views that one process has
        chosen = {k: v for k, v in _choose_hands(o).items() if k != turns}
        yield 'hand_landmark_node', 'capture', {'cameras': detected, **chosen}
    if _plays_keys(o):
        follow = bool(o.sources)
        yield (
            'keyboard_node',
            'capture',
            {'port': o.keys.removeprefix(LIVE)}
            if o.keys.startswith((LIVE, SENSORS))
            else {'file': o.keys, 'rate': o.rate, 'follow_playback': follow},
        )
    if o.emg:
        yield 'emg_sensor_node', 'capture', {'stream': o.emg if o.emg != 'any' else ''}
    whole: Mapping[str, Value] = {} if o.rate else WHOLE
    yield 'triangulation_node', 'estimation', {'cameras': names, 'rig': o.rig, **whole}
    chosen = {'model': o.model, 'person_file': o.person}
    named: dict[str, Value] = {n: v for n, v in chosen.items() if v}
    yield 'muscle_estimation_node', 'estimation', {**named, **whole}
    if o.view:
        yield 'view_node', 'estimation', {'rate': o.rate}
    if o.markers:
        yield 'visualization_node', 'estimation', {}
    if o.lsl:
        yield 'lsl_outlet_node', 'estimation', {}


def _choose_hands(o: GraphOptions) -> dict[str, Value]:
    chosen = {n: getattr(o, n) for n in ('hand_model', 'hand_engine', 'take_turns')}
    return {name: value for name, value in chosen.items() if value}


def _capture_parameters(o: GraphOptions) -> dict[str, Value]:
    parameters: dict[str, Value] = {
        'cameras': list(o.captured),
        'rig': o.rig,
        'landmarks': not o.images,
        **({} if o.images else _choose_hands(o)),
        **({'preview_rate': PREVIEW_RATE} if o.view else {}),
        **({'record_videos': str(Path(o.record) / VIDEOS)} if o.film else {}),
    }
    if o.live:
        return parameters | {'addresses': list(o.live_sources.values())}
    return parameters | {
        'videos': list(o.sources.values()),
        'rate': o.rate,
        'at_end': o.at_end,
    }


def _plays_keys(o: GraphOptions) -> bool:
    return bool(o.keys) and o.rate > 0


def _list_listeners(o: GraphOptions) -> Iterator[tuple[str, str]]:
    """List which node must listen to which topic before files are played."""
    hands = [f'{name}/hands' for name in o.sources]
    poses = [f'hands/{side}' for side in SIDES]
    keys = ['keys'] if _plays_keys(o) else []
    if keys and not o.keys.startswith((LIVE, SENSORS)):
        yield 'keyboard_node', 'playback/start'
    if o.images:
        yield from (('hand_landmark_node', f'{name}/image_raw') for name in o.sources)
    yield from (('triangulation_node', topic) for topic in hands)
    yield from (('muscle_estimation_node', topic) for topic in poses + keys)
    if o.record:
        estimates = [f'muscle_activity/{side}' for side in SIDES]
        mirrors = [f'{topic}/joint_states' for topic in estimates]
        topics = hands + poses + keys + estimates + mirrors
        yield from (('recorder_node', topic) for topic in topics)


def _shared_memory() -> dict[str, str]:
    return {'FASTRTPS_DEFAULT_PROFILES_FILE': str(find_share('config/shared_memory.xml'))}


def _fill_from_take(options: GraphOptions) -> GraphOptions:
    """Put the parts of a take where nothing else was asked for."""
    if not options.take:
        return options
    folder = Path(options.take)
    try:
        names = json.loads((folder / 'take.json').read_text())['cameras']
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GraphError(
            f'asked for the take {folder}, which has no take.json that can be read ({error}); '
            'name the folder of a take'
        ) from error
    found = {
        'videos': tuple(f'{n}={folder / f"{n}.mp4"}' for n in names),
        'rig': str(folder / 'rig.yaml'),
        'keys': str(folder),
    }
    chosen = {f.name: getattr(options, f.name) for f in fields(options)}
    return GraphOptions(**{**chosen, **{k: v for k, v in found.items() if not chosen[k]}})


def _check(o: GraphOptions) -> None:
    _check_cameras(o)
    _check_files_and_keys(o)
    if o.film and not (o.record and o.captured):
        raise GraphError(
            'asked to keep videos without a bag or without cameras of this graph; name the bag to record '
            'and the cameras that it captures'
        )
    if o.take_turns and (o.images or o.cameras):
        raise GraphError(
            'asked to take turns with cameras whose hands are found apart from each other; leave --take-turns, '
            'or --images and --cameras, out'
        )


def _check_cameras(o: GraphOptions) -> None:
    if not o.camera_names:
        raise GraphError(
            f'asked for a graph without a camera ({describe_cameras()}); name one: --live top=/dev/video0, '
            '--cameras top where another driver publishes it, --videos top=FILE, or --take FOLDER'
        )
    for name in o.cameras:
        if not is_camera_name(name):
            raise GraphError(
                f'cameras: found {name!r}; its topics need a name of ASCII letters, digits and _, a letter first'
            )
    if len(set(o.camera_names)) < len(o.camera_names):
        raise GraphError(f'asked for the cameras {", ".join(o.camera_names)}; names must differ')
    if len(o.camera_names) > 1 and not o.rig:
        raise GraphError(
            f'asked for {len(o.camera_names)} cameras without a rig; give their calibration (`pianokpm calibrate`), '
            'or one camera'
        )
    if o.live and o.sources:
        raise GraphError(
            'asked for live cameras and for videos, which have times of their own; choose'
        )


def _check_files_and_keys(o: GraphOptions) -> None:
    if o.keys == LIVE:
        raise GraphError(
            'keys: midi: names no port; write midi: and a part of its name, or midi:* where there is one only'
        )
    if o.at_end not in AT_END:
        raise GraphError(f'at_end: expected one of {", ".join(AT_END)}, found {o.at_end!r}')
    if o.at_end == 'loop' and o.keys and o.rate != 1:
        raise GraphError(
            f'asked to play files and keys over and over at {o.rate:g} times their speed; keys keep in step '
            'from round to round at their own speed alone: leave rate at 1'
        )
    if not 0 <= o.rate <= 100:
        raise GraphError(f'rate: expected 0 to 100, found {o.rate:g}')
