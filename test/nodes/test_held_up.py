"""Nodes that stand still for a while, watched from inside: what waited is known, whatever the machine did."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from pianokpm.msg import HandPose, MuscleActivity

from pianokpm_ros.geometry.rig import save_rig
from pianokpm_ros.graph import GraphOptions, describe_graph
from pianokpm_ros.nodes.base import QUIET, SETTLE

from .feeder import Feeder, make_rig
from .observer import Observer
from .watched_node import MARK

NAMESPACE = 'held'
LIMIT = 100_000_000
"""`max_backlog` [ns]."""

TRIES = 10
"""On a busy machine what was sent meanwhile may come so slowly that nothing of it is too old, and in any pieces."""

TOPICS = {
    'triangulation_node': (f'/{NAMESPACE}/hands/right', HandPose),
    'muscle_estimation_node': (f'/{NAMESPACE}/muscle_activity/right', MuscleActivity),
}


class Watched:
    """Processes of watched nodes, and what they tell; a context."""

    def __init__(self, specs):
        self.works, self.processes = {spec.name: [] for spec in specs}, {}
        for spec in specs:
            self.processes[spec.name] = process = subprocess.Popen(
                [sys.executable, '-m', 'test.nodes.watched_node', spec.name, *spec.ros_arguments()],
                stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            threading.Thread(target=self._read, args=(spec.name, process), daemon=True).start()

    def _read(self, name, process):
        for line in process.stdout:
            if line.startswith(MARK):
                self.works[name].append(json.loads(line.removeprefix(MARK)))

    def stand_still(self, name, seconds):
        """Stop a process for a while; returns the time at which it stood [ns]."""
        pid = self.processes[name].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            stopped = time.time_ns()
            threading.Event().wait(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)
        return stopped

    def wait_for(self, name, stamp, timeout=60.0):
        """Return all that a node told up to when it took something newer than a stamp [ns]."""
        end = time.monotonic() + timeout
        while not any(s > stamp for w in self.works[name][-50:] for _, s, _ in w['came']):
            assert time.monotonic() < end, f'{name} does not catch up'
            time.sleep(0.02)
        return list(self.works[name])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.kill()
            process.wait()


@pytest.fixture(scope='module')
def running(tmp_path_factory):
    rig = tmp_path_factory.mktemp('held') / 'rig.yaml'
    save_rig(make_rig(), rig)
    options = GraphOptions(cameras=make_rig().names, rig=str(rig), namespace=NAMESPACE)
    specs = [n for n in describe_graph(options) if n.name in TOPICS]
    with Observer('held_observer') as observer, Watched(specs) as watched:
        for topic, kind in TOPICS.values():
            observer.listen(topic, kind)
        observer.listen('/diagnostics', DiagnosticArray)
        feeder = Feeder(observer.node, f'/{NAMESPACE}')
        feeder.wait_until_heard(observer)
        feeder.start()
        yield observer, watched, feeder
        feeder.stop()


def choose(came):
    """Return what of all that waited is to be handled: what lies within the limit of the last of its topic."""
    last = {topic: stamp for topic, stamp, _ in came}
    return [[t, s] for t, s, _ in came if not t or last[t] - s <= LIMIT]


def was_waited_for(works, stopped, old):
    """Tell whether a node waited for what was sent while it stood still, between two stamps, before it went to work."""
    held = [w for w in works if any(stopped < s < old for _, s, _ in w['came'])]
    return any(
        w['began'] - w['came'][-1][2] >= QUIET or w['began'] - w['woke'] >= SETTLE for w in held
    )


@pytest.mark.parametrize('name', TOPICS)
def test_a_node_that_stood_still_goes_on_with_the_newest_and_counts_what_it_skips(running, name):
    observer, watched, feeder = running
    topic, _ = TOPICS[name]
    observer.wait(lambda m: len(m[topic]) > 60, 60.0, 'a second of output')
    for _ in range(TRIES):
        skipped = watched.works[name][-1]['skipped']
        stopped = watched.stand_still(name, 1.0)
        newest = max(feeder.stamps)
        works = watched.wait_for(name, newest)
        for work in works:
            assert work['handled'] == choose(work['came'])
        for before, after in pairwise(works):
            left = len(after['came']) - len(after['handled'])
            assert after['skipped'] - before['skipped'] == left
        if works[-1]['skipped'] > skipped and was_waited_for(works, stopped, newest - LIMIT):
            break
    else:
        raise AssertionError(f'it waited for nothing, or skipped nothing, {TRIES} times')

    def told(messages):
        return any(
            int(v.value) >= works[-1]['skipped'] for a in messages['/diagnostics'] for s in a.status
            for v in s.values if name in s.name and v.key == 'skipped'
        )  # fmt: skip

    observer.wait(told, 60.0, 'what was skipped')
