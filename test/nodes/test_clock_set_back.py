"""The system's clock is set back by an hour while the graph runs, as when a machine learns the time of day late."""

import shutil
import socket
import struct
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from pianokpm.msg import HandPose, KeyMotion, MuscleActivity

from pianokpm_ros.anatomy import Status
from pianokpm_ros.geometry.rig import save_rig
from pianokpm_ros.graph import GraphOptions, describe_graph
from pianokpm_ros.messages import stamp_of
from pianokpm_ros.processes import GraphProcesses

from .feeder import Feeder, make_rig
from .observer import Observer

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
KEYS, POSES, ESTIMATES = '/back/keys', '/back/hands/right', '/back/muscle_activity/right'
TOPICS = {
    KEYS: KeyMotion,
    POSES: HandPose,
    ESTIMATES: MuscleActivity,
    '/diagnostics': DiagnosticArray,
}
NODES = ('triangulation_node', 'muscle_estimation_node', 'keyboard_node')


class ShiftedClock:
    """The system's clock as some processes see it."""

    def __init__(self, folder):
        library = folder / 'shifted_clock.so'
        source = Path(__file__).with_name('shifted_clock.c')
        subprocess.run(
            [shutil.which('cc'), '-shared', '-fPIC', source, '-o', library, '-ldl'], check=True
        )
        self._file, self._shift = folder / 'shift', 0
        self._file.write_bytes(struct.pack('q', 0))
        self.environment = {'LD_PRELOAD': str(library), 'CLOCK_SHIFT': str(self._file)}

    def now(self):
        return time.time_ns() + self._shift

    def set_back(self, by):
        self._shift -= by
        with self._file.open('r+b') as stream:
            stream.write(struct.pack('q', self._shift))


@pytest.fixture
def clock(tmp_path):
    if shutil.which('cc') is None:
        pytest.skip('a C compiler is needed to give processes another clock')
    return ShiftedClock(tmp_path)


def find_port():
    with socket.create_server(('127.0.0.1', 0)) as server:
        return server.getsockname()[1]


def test_keys_go_on_and_silence_is_noticed_after_the_clock_was_set_back(clock, tmp_path):
    rig, port = tmp_path / 'rig.yaml', find_port()
    save_rig(make_rig(), rig)
    options = GraphOptions(
        cameras=make_rig().names, rig=str(rig), keys=f'midi:tcp:127.0.0.1:{port}', namespace='back'
    )
    specs = [
        replace(n, environment=clock.environment)
        for n in describe_graph(options)
        if n.name in NODES
    ]
    with Observer('back_observer') as observer, GraphProcesses(specs):
        for topic, kind in TOPICS.items():
            observer.listen(topic, kind)
        feeder = Feeder(observer.node, '/back', clock=clock.now)
        feeder.wait_until_heard(observer)
        observer.wait_for_health('back/keyboard_node', 'no keyboard')
        feeder.start()
        try:
            with socket.create_connection(('127.0.0.1', port)):
                observer.wait(lambda m: m[ESTIMATES] and m[KEYS], 60.0, 'estimates and keys')
                clock.set_back(HOUR)
                check_after(observer, clock, feeder)
        finally:
            feeder.stop()


def check_after(observer, clock, feeder):
    def wait_for(topic, what, count=1):
        limit = clock.now() + HOUR // 2

        def came(messages):
            new = (m for m in messages[topic] if stamp_of(m.header.stamp) < limit)
            return sum(map(what, new)) >= count

        observer.wait(came, 60.0, f'{topic} of the new time')

    wait_for(KEYS, lambda m: True, 50)
    with_keys = MuscleActivity.POSE | MuscleActivity.MIDI
    wait_for(ESTIMATES, lambda m: m.inputs == with_keys)
    feeder.stop()
    for topic in (POSES, ESTIMATES):
        wait_for(topic, lambda m: m.status == Status.INVALID)
