"""Simulated time, playback over and over, and the subscriber that the README shows."""

import os
import re
import signal
import subprocess
import sys
import threading

import cv2
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from pianokpm.msg import HandPose, KeyMotion, MuscleActivity
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage

from pianokpm_ros.anatomy import MUSCLES, Status
from pianokpm_ros.geometry.rig import save_rig
from pianokpm_ros.graph import GraphOptions, describe_graph
from pianokpm_ros.keyboard.key_samples import read_midi
from pianokpm_ros.messages import from_message, stamp_of
from pianokpm_ros.nodes.base import IMAGES
from pianokpm_ros.nodes.sensor_messages import make_header
from pianokpm_ros.processes import GraphProcesses

from .feeder import Feeder, make_rig
from .observer import Observer

SECOND = 1_000_000_000
BEGIN = 1_000 * SECOND
TICK = SECOND // 50
"""The node looks whether it has become silent as often as this."""


class SimulatedClock:
    """Tells the graph the time."""

    def __init__(self, node):
        self._publisher = node.create_publisher(Clock, '/clock', 10)
        self.now = BEGIN

    def set(self, now):
        self.now = now
        self._publisher.publish(Clock(clock=make_header(now, '').stamp))

    def hold(self, observer, now, condition):
        """Stand at a time until a condition on what is heard holds; says it anew, messages may be lost."""
        for _ in range(20):
            self.set(now)
            if observer.happens(condition, 2.0):
                return
        raise AssertionError(f'nothing came of the time {now}')

    def reach(self, observer, now):
        """Stand at a time until a node reports it."""
        self.hold(
            observer,
            now,
            lambda m: any(stamp_of(a.header.stamp) == now for a in m['/diagnostics']),
        )


@pytest.fixture(scope='module')
def simulated(tmp_path_factory):
    """Triangulation on simulated time, which stands still until told."""
    path = tmp_path_factory.mktemp('sim') / 'rig.yaml'
    save_rig(make_rig(), path)
    options = GraphOptions(
        cameras=make_rig().names, rig=str(path), namespace='sim', use_sim_time=True
    )
    nodes = [n for n in describe_graph(options) if n.name == 'triangulation_node']
    with Observer('sim_observer') as observer, GraphProcesses(nodes):
        clock = SimulatedClock(observer.node)
        observer.listen('/sim/hands/right', HandPose)
        observer.listen('/diagnostics', DiagnosticArray)
        feeder = Feeder(observer.node, '/sim', clock=lambda: clock.now)
        feeder.wait_until_heard(observer)
        # Health goes out by the steady clock: also while simulated time has not begun.
        observer.wait_for_health('sim/triangulation_node', 'no view yet')
        yield observer, clock, feeder


def test_silence_is_measured_on_simulated_time(simulated):
    observer, clock, feeder = simulated
    poses = observer.messages['/sim/hands/right']
    clock.reach(observer, BEGIN)  # or the first frame may come before there is a time
    for frame in range(5):
        clock.set(BEGIN + frame * SECOND // 60)
        feeder.step()
    last, timeout = BEGIN + 5 * SECOND // 60, SECOND // 10
    clock.reach(observer, last)
    feeder.step()
    observer.wait(lambda m: len(poses) >= 6, 60.0, 'the poses')
    assert {p.status for p in poses} == {Status.OK}
    # Real time passes, from one report of health to the next, but not enough of simulated time.
    clock.reach(observer, last + timeout - SECOND // 1000)
    assert stamp_of(poses[-1].header.stamp) == last and len(poses) == 6
    # It must be said when the node has looked next, at a time that then goes no further.
    clock.hold(observer, last + timeout + TICK, lambda m: poses[-1].status == Status.INVALID)
    assert stamp_of(poses[6].header.stamp) == last + 1
    assert from_message(poses[6]).publish_stamp >= last + timeout


def find_midi(shared_data):
    return next((shared_data / 'midi').glob('Schubert_Fantasie*mov_3.mid'))


@pytest.fixture(scope='module')
def looping(recording, shared_data, tmp_path_factory):
    """One camera, single view, with keys, again and again."""
    name, path = next(iter(recording.videos.items()))
    own = tmp_path_factory.mktemp('own') / 'parameters.yaml'
    own.write_text('/**/capture_node: {ros__parameters: {preview_rate: 5.0, preview_quality: 50}}')
    options = GraphOptions(
        videos=(f'{name}={path}',),
        keys=str(find_midi(shared_data)),
        at_end='loop',
        namespace='loop',
        params_file=str(own),
    )
    with Observer('loop_observer') as observer:
        observer.listen('/loop/playback/start', Time, latched=True)
        observer.listen('/loop/keys', KeyMotion)
        observer.listen('/loop/cam0/image/compressed', CompressedImage, qos=IMAGES)
        observer.listen('/loop/hands/right', HandPose)
        observer.listen('/loop/muscle_activity/right', MuscleActivity)
        observer.listen('/diagnostics', DiagnosticArray)
        with GraphProcesses(describe_graph(options)) as graph:
            observer.wait(lambda m: len(m['/loop/playback/start']) >= 3, 90.0, 'three rounds')
            yield observer, graph


def origins(observer):
    return [stamp_of(m) for m in observer.messages['/loop/playback/start']]


def test_each_round_has_a_later_origin_and_poses_go_on(looping):
    observer, _ = looping
    begun = origins(observer)
    assert all(b - a > 2.9 * SECOND for a, b in zip(begun, begun[1:], strict=False))
    poses = [from_message(m) for m in observer.messages['/loop/hands/right']]
    stamps = [p.stamp for p in poses]
    assert all(b > a for a, b in zip(stamps, stamps[1:], strict=False))
    assert stamps[-1] > begun[1]


def test_one_camera_without_calibration_works_degraded_in_its_own_frame(looping):
    observer, _ = looping
    poses = [from_message(m) for m in observer.messages['/loop/hands/right']]
    usable = [p for p in poses if p.status > Status.INVALID]
    assert usable and {p.status for p in usable} == {Status.DEGRADED}
    assert {p.frame_id for p in usable} == {'cam0_optical_frame'}
    assert max(int(p.views.max()) for p in usable) == 1


def test_previews_that_the_users_parameters_ask_for_come_now_and_then(looping, recording):
    observer, _ = looping
    pictures = observer.messages['/loop/cam0/image/compressed']
    assert len(pictures) > 5
    stamps = [stamp_of(p.header.stamp) for p in pictures]
    gaps = [b - a for a, b in zip(stamps, stamps[1:], strict=False)]
    assert min(gaps) >= SECOND / 5
    # Discovery may come too late for the first origin: look at a picture of a round whose origin was heard.
    origin = origins(observer)[-2]
    stamp, picture = next((s, p) for s, p in zip(stamps, pictures, strict=True) if s >= origin)
    number = round((stamp - origin) * 30 / SECOND)
    shown = cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR)
    # JPEG of quality 50 of a calm scene: a few grey levels on average; another moment differs more in places.
    assert np.abs(shown.astype(int) - recording.frames['cam0'][number]).mean() < 5


def test_keys_begin_again_with_each_round(looping, shared_data):
    observer, _ = looping
    second, third = origins(observer)[1:3]
    struck = [
        r.stamp + round(1e9 * float(t)) - second
        for r in map(from_message, observer.messages['/loop/keys'])
        for t, v in zip(r.time, r.midi_velocity, strict=True)
        if v and second <= r.stamp < third
    ]
    played = read_midi(find_midi(shared_data))
    assert abs(min(struck) - played.stamp[0]) < 1000  # float32 of milliseconds


def test_a_stopped_consumer_does_not_hold_the_graph_up(looping):
    observer, graph = looping
    os.kill(graph.states['muscle_estimation_node'].pid, signal.SIGSTOP)
    try:
        before = len(observer.messages['/loop/hands/right'])
        observer.wait(lambda m: len(m['/loop/hands/right']) > before + 20, 60.0, 'more poses')
    finally:
        os.kill(graph.states['muscle_estimation_node'].pid, signal.SIGCONT)
    newest = stamp_of(observer.messages['/loop/hands/right'][-1].header.stamp)
    topic = '/loop/muscle_activity/right'
    observer.wait(lambda m: stamp_of(m[topic][-1].header.stamp) >= newest, 60.0, 'to catch up')


def read_example(root):
    """Return the subscriber from the README, between its markers."""
    readme = root / 'README.md'
    if not readme.is_file():
        pytest.skip('there is no README.md yet')
    found = re.search(
        r'<!-- example: subscriber -->\n```python\n(.*?)```', readme.read_text(), re.DOTALL
    )
    assert found, 'README.md has lost its example, between `<!-- example: subscriber -->` and ```'
    return found[1]


def test_the_readmes_subscriber_prints_what_it_hears(root, tmp_path):
    script = tmp_path / 'example.py'
    script.write_text(read_example(root))
    assert len(script.read_text().splitlines()) <= 14
    process = subprocess.Popen(
        [sys.executable, '-u', str(script)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )  # fmt: skip
    with Observer('readme_observer') as observer:
        publisher = observer.node.create_publisher(MuscleActivity, 'muscle_activity/right', 10)
        observer.wait_for_subscribers(publisher)
        message = MuscleActivity(
            status=MuscleActivity.OK, muscle=list(MUSCLES), activation=[0.125] * 6
        )
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True)
        reader.start()
        for _ in range(600):
            publisher.publish(message)
            if any('1DI' in line and '0.125' in line for line in lines):
                break
            threading.Event().wait(0.1)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    assert any('1DI' in line and '0.125' in line for line in lines), lines
