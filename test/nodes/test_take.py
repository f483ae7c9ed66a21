"""The graph on the take that ships: hands where the simulation put them, keys when it played them."""

from types import SimpleNamespace

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from pianokpm.msg import HandPose, KeyMotion, MuscleActivity

from pianokpm_ros.anatomy import Status
from pianokpm_ros.graph import GraphOptions, describe_graph
from pianokpm_ros.messages import from_message, stamp_of
from pianokpm_ros.processes import GraphProcesses
from pianokpm_ros.records import Inputs
from pianokpm_ros.shares import ShareError, find_asset
from pianokpm_ros.takes import load_take, save_take

from ..demo.conftest import cut, cut_performance
from .observer import Observer

FINGER = 0.015
"""A finger's breadth [m]: the detector's idea of a joint is not the simulation's."""

SIDES = ('left', 'right')


@pytest.fixture(scope='module')
def take(tmp_path_factory):
    try:
        whole = load_take(find_asset('takes/demo'))
    except ShareError:
        pytest.skip('the demo take is not part of this tree')
    folder = tmp_path_factory.mktemp('take')
    rig = whole.rig.select(whole.rig.names[:2])
    videos = {n: cut(whole.videos[n], n, folder / f'raw_{n}.mp4') for n in rig.names}
    return save_take(
        folder / 'take', cut_performance(whole.performance), rig, videos, whole.rate, {}
    )


def play(take, rate, namespace):
    """Run the graph on the take and return what it published, and when the take began."""
    options = GraphOptions(take=str(take.path), rate=rate, namespace=namespace, at_end='exit')
    with Observer(f'{namespace}_observer') as observer:
        for side in SIDES:
            observer.listen(f'/{namespace}/hands/{side}', HandPose)
            observer.listen(f'/{namespace}/muscle_activity/{side}', MuscleActivity)
        observer.listen(f'/{namespace}/keys', KeyMotion)
        observer.listen(f'/{namespace}/playback/start', Time, latched=True)
        heard = [f'{kind}/{side}' for kind in ('hands', 'muscle_activity') for side in SIDES]
        ends = [f'/{namespace}/{topic}' for topic in heard]
        nodes = observer.join(describe_graph(options), *heard, *(['keys'] if rate else []))
        lines = []
        with GraphProcesses(nodes, lambda _, line: lines.append(line)) as graph:
            assert graph.wait_until_exit('capture_node', 300.0)
            # Who has worked off all that came says next that nothing comes any more.
            observer.wait(
                lambda m: all(m[t] and m[t][-1].status == HandPose.INVALID for t in ends), 60.0
            )
        records = {
            topic.removeprefix(f'/{namespace}'): [from_message(m) for m in messages]
            for topic, messages in observer.messages.items()
            if 'playback' not in topic
        }
        origin = stamp_of(observer.messages[f'/{namespace}/playback/start'][0])
    return SimpleNamespace(records=records, origin=origin, lines=lines)


@pytest.fixture(scope='module')
def complete(take):
    """Play as fast as possible: no frame is dropped, however busy the machine; no keys either."""
    return play(take, 0.0, 'complete')


@pytest.fixture(scope='module')
def paced(take):
    """Play at a quarter of the speed, with keys; frames a busy machine can't look at are dropped."""
    return play(take, 0.25, 'paced')


def test_the_log_says_what_runs_the_hand_model_and_why(complete):
    said = [line for line in complete.lines if 'hand engine ' in line]
    assert len(said) == 1 and 'runtime_choice: hand engine ' in said[0], complete.lines


@pytest.mark.parametrize('side', SIDES)
def test_hands_are_where_the_simulation_put_them(complete, take, side):
    truth, column = take.performance, SIDES.index(side)
    poses = complete.records[f'/hands/{side}']
    assert len({p.stamp for p in poses}) > 0.95 * len(truth.stamp)
    errors = []
    for pose in poses:
        if pose.status == Status.OK:
            distance = np.abs(truth.stamp - (pose.stamp - complete.origin))
            frame = int(np.argmin(distance))
            # Videos count in microseconds: a stamp is rounded by half of one at most.
            assert distance[frame] <= 500
            errors.append(np.linalg.norm(pose.landmarks - truth.landmarks[frame, column], axis=1))
    # With two views only, one bad view makes a pose DEGRADED: no third says which is right.
    assert len(errors) > 0.5 * len(truth.stamp)
    assert np.nanmedian(errors) < FINGER


def test_keys_are_those_the_simulation_played(paced, take):
    truth = take.sensor_keys()
    found = {
        (int(key), r.stamp - paced.origin + round(1e9 * float(time))): float(position)
        for r in paced.records['/keys']
        for time, key, position in zip(r.time, r.key, r.position, strict=True)
    }
    # The last messages may still be on their way when the graph ends.
    first, last = (choose(stamp for _, stamp in found) for choose in (min, max))
    asked = [
        ((int(key), int(stamp)), float(position))
        for stamp, key, position in zip(truth.stamp, truth.key, truth.position, strict=True)
        if first <= stamp < last - 10_000_000
    ]
    assert len(asked) > 100
    for (key, stamp), position in asked:
        # Messages hold times in float32 seconds, right to nanoseconds within a message of 10 ms.
        near = [found.get((key, stamp + error)) for error in (0, -1, 1, -2, 2)]
        assert position in near, (key, stamp)


@pytest.mark.parametrize('side', SIDES)
def test_estimates_rest_on_pose_and_keys(paced, side):
    good = [
        a
        for a in paced.records[f'/muscle_activity/{side}']
        if a.status >= Status.DEGRADED and len(a.envelope)
    ]
    assert Inputs.POSE | Inputs.KEY_POSITION in {a.inputs for a in good}
    assert all(a.simulated_training for a in good)
