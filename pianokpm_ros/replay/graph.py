"""A replay as processes: the player, and the stages that shall run again on what it plays."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pianokpm_ros.graph import SIDES, WHOLE, NodeSpec
from pianokpm_ros.recording.layout import RIG, find_bag
from pianokpm_ros.recording.namespaces import find_namespace
from pianokpm_ros.recording.reader import check_one_rig
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.replay.selection import LEVELS, Selection, list_topics
from pianokpm_ros.shares import find_share

HANDS = 'pianokpm/msg/HandLandmarks'


def _option(default: Any, description: str, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={'description': description, 'choices': choices})


@dataclass(frozen=True)
class ReplayOptions:
    """What a user chooses; each field is a launch argument and an option of `pianokpm replay`."""

    bag: str = _option('', 'bag folder or file, or result folder, to replay')
    rate: float = _option(1.0, 'times faster than recorded; 0 = as fast as possible')
    what: str = _option('all', 'everything, or what the later stages need', (*LEVELS, 'video'))
    start: float = _option(0.0, 'skip the beginning [s]')
    duration: float = _option(1e9, 'end after this time of the bag [s]')
    loop: bool = _option(False, 'begin again at the end')
    clock: bool = _option(True, 'publish the time of the bag on /clock')
    topics: tuple[str, ...] = _option((), 'only these topics')
    exclude: tuple[str, ...] = _option((), 'topics to leave out')
    estimate: bool = _option(False, 'run the stages after `what` again, live')
    rig: str = _option('', 'calibration for that; empty = the one in the bag folder')
    model: str = _option('', 'model for that; empty = the one that ships')
    record: str = _option('', 'folder of a new bag for what comes out; empty = record nothing')
    params_file: str = _option('', 'parameters of all nodes; empty = the shipped pianokpm.yaml')
    namespace: str = _option('', 'namespace of all nodes and topics; empty = as recorded')


def find_rig(bag: str, chosen: str = '') -> str:
    """Return the rig file chosen, or that in the bag's folder; empty where there is none."""
    path = Path(bag) if Path(bag).is_dir() else Path(bag).parent
    return chosen or (str(path / RIG) if (path / RIG).is_file() else '')


def describe_replay(options: ReplayOptions) -> tuple[NodeSpec, ...]:
    """List the processes of a replay; raises RecordingError where the bag has not what is needed."""
    o = replace(options, bag=str(find_bag(options.bag)))
    _refuse_impossible(o)
    topics = list_topics(o.bag, Selection(o.what, o.topics, o.exclude, o.start, o.duration))
    if o.estimate:
        check_one_rig(o.bag, topics)
    params = o.params_file or str(find_share('config/pianokpm.yaml'))
    space = o.namespace or find_namespace(topics)
    cameras = [t.split('/')[-2] for t, kind in topics.items() if kind == HANDS]
    waits = _list_waits(o, cameras if o.what == 'landmarks' else []) if o.estimate else {}
    player = _player(o, waits.get('replay_node', []))
    made = [NodeSpec('replay_node', 'capture', player, params, space, respawn=False)]
    if not o.estimate:
        return tuple(made)
    if LEVELS[o.what][0] not in topics.values():
        raise RecordingError(
            f'asked to estimate again from the {o.what} of {o.bag}, which has none in the time and topics '
            'chosen; choose others'
        )
    for name, own in _list_stages(o, cameras):
        chosen = own | {'use_sim_time': o.clock}
        if waits.get(name):
            chosen['wait_for'] = waits[name]
        made.append(NodeSpec(name, 'estimation', chosen, params, space, respawn=False))
    return tuple(made)


def _refuse_impossible(o: ReplayOptions) -> None:
    if o.what == 'video':
        raise RecordingError(
            'asked to replay video on topics; hands are found in it again without ROS: say where the new '
            'bag goes with --recompute FOLDER'
        )
    if o.estimate and o.what == 'all':
        raise RecordingError(
            "asked to estimate again while all is replayed, old estimates too; choose what='poses' or "
            "'landmarks'"
        )


def _list_stages(o: ReplayOptions, cameras: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each node that runs again, and its parameters."""
    if o.what == 'landmarks':
        yield (
            'triangulation_node',
            {'cameras': cameras, 'rig': find_rig(o.bag, o.rig), **WHOLE},
        )
    yield 'muscle_estimation_node', WHOLE | ({'model': o.model} if o.model else {})
    if o.record:
        yield 'recorder_node', {'bag': o.record} | ({'cameras': cameras} if cameras else {})


def _list_waits(o: ReplayOptions, cameras: list[str]) -> dict[str, list[str]]:
    """List who must be connected to which output of each node before it begins, as `node topic`."""
    recorder = ['recorder_node'] if o.record else []
    player = ['replay_node'] if o.rate == 0 else []
    estimates = [f'muscle_activity/{side}' for side in SIDES]
    mirrors = [f'{topic}/joint_states' for topic in estimates]
    waits = {
        'muscle_estimation_node': _pair(recorder + player, estimates) + _pair(recorder, mirrors)
    }
    poses = _pair(['muscle_estimation_node', *recorder], [f'hands/{side}' for side in SIDES])
    if not cameras:
        return waits | {'replay_node': poses}
    hands = _pair(['triangulation_node', *recorder], [f'{name}/hands' for name in cameras])
    return waits | {'triangulation_node': poses, 'replay_node': hands}


def _pair(nodes: list[str], topics: list[str]) -> list[str]:
    return [f'{node} {topic}' for topic in topics for node in nodes]


def _player(o: ReplayOptions, waits: list[str]) -> dict[str, Any]:
    answers = [f'muscle_activity/{side}' for side in SIDES]
    chosen = {
        'bag': o.bag,
        'rate': o.rate,
        'what': o.what,
        'start': o.start,
        'duration': o.duration,
        'loop': o.loop,
        'clock': o.clock,
    }
    lists = {'topics': list(o.topics), 'exclude': list(o.exclude)}
    if o.estimate:
        lists |= {
            'wait_for': waits,
            'follow': answers if o.rate == 0 else [],
        }
    return chosen | {name: values for name, values in lists.items() if values}
