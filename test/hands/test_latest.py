import threading

import numpy as np
import pytest

from pianokpm_ros.hands.latest import LatestWorkers
from pianokpm_ros.records import Frame, HandLandmarks


class Gate:
    """A detector that works only when it is let."""

    def __init__(self, camera):
        self.camera, self.let, self.closed = camera, threading.Semaphore(0), False
        self.begun = threading.Semaphore(0)

    def detect(self, frame):
        self.begun.release()
        self.let.acquire()
        return HandLandmarks.empty(frame.stamp, frame.camera, 'f', (8, 8), frame.sequence)

    def close(self):
        self.closed = True


def make_frame(camera, number):
    return Frame(number, camera, number, np.zeros((8, 8, 3), np.uint8))


@pytest.fixture
def scene():
    gates, results, came = {}, [], threading.Semaphore(0)

    def make(camera):
        gates[camera] = Gate(camera)
        return gates[camera]

    def publish(record):
        results.append((record.camera, record.sequence))
        came.release()

    workers = LatestWorkers(make, ('a', 'b'), publish)
    yield workers, gates, results, came
    for gate in gates.values():
        gate.let.release(100)
    workers.close()
    assert all(gate.closed for gate in gates.values())


def test_the_newest_frame_wins_and_the_others_are_counted(scene):
    workers, gates, results, came = scene
    workers.push(make_frame('a', 0))
    assert gates['a'].begun.acquire(timeout=60)
    for number in (1, 2, 3):
        workers.push(make_frame('a', number))
    gates['a'].let.release(2)
    assert came.acquire(timeout=60) and came.acquire(timeout=60)
    assert results == [('a', 0), ('a', 3)]
    assert workers.counts['a'][1] == 2 and workers.counts['b'] == (0, 0)


def test_cameras_do_not_wait_for_each_other(scene):
    workers, gates, results, came = scene
    workers.push(make_frame('a', 0))
    workers.push(make_frame('b', 0))
    gates['b'].let.release()
    assert came.acquire(timeout=60)
    assert results == [('b', 0)]


def test_a_worker_that_does_not_answer_is_known(scene):
    workers, gates, results, came = scene
    assert workers.answers.explain_silence(0.0) == ''
    for number in (0, 1, 2):
        workers.push(make_frame('a', number))
        assert number or gates['a'].begun.acquire(timeout=60)
    workers.push(make_frame('b', 0))
    gates['b'].let.release()
    assert came.acquire(timeout=60)
    gates['a'].let.release()
    assert came.acquire(timeout=60) and gates['a'].begun.acquire(timeout=60)
    # The frame that waited meanwhile counts from now on.
    assert 'the pictures of a:' in workers.answers.explain_silence(0.0)
    assert workers.answers.explain_silence(60.0) == ''
    gates['a'].let.release()
    assert came.acquire(timeout=60)
