import threading
from dataclasses import fields

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.capture.multi_capture import DECODE_AHEAD, MultiCapture
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.geometry.synchronizer import Synchronizer
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.hands.workers import LandmarkWorkers
from pianokpm_ros.muscle.estimator import MuscleEstimator
from pianokpm_ros.offline.analysis import MAX_WAIT, make_pipeline
from pianokpm_ros.offline.pipeline import StageTimes, detect_ahead, run_pipeline
from pianokpm_ros.offline.topics import topic_of
from pianokpm_ros.records import Frame, HandLandmarks, KeyMotion

from . import scene

TOLERANCE = scene.PERIOD // 2


def same(first, second):
    """Tell whether two records have equal fields, NaN equal to NaN."""
    return type(first) is type(second) and all(
        np.array_equal(a, b, equal_nan=isinstance(a, np.ndarray) and a.dtype.kind == 'f')
        if isinstance(a, np.ndarray)
        else a == b or (a != a and b != b)
        for a, b in ((getattr(first, f.name), getattr(second, f.name)) for f in fields(first))
    )


def run(rig, sets, bundle=None, keys=()):
    pipeline, _ = make_pipeline(rig.names, rig, TOLERANCE, bundle, keys=keys)
    return list(run_pipeline(pipeline, sets))


def test_it_gives_what_its_parts_give_frame_by_frame(rig, bundle):
    sets, keys = scene.film(rig, 40), scene.press(100)
    synchronizer = Synchronizer(rig.names, TOLERANCE, MAX_WAIT)
    triangulator = HandTriangulator(rig)
    estimators = {side: MuscleEstimator(bundle, side) for side in SIDES}
    expected, waiting = [], list(keys)
    for hands in sets:
        for record in hands.values():
            for frames in synchronizer.push(record):
                while waiting and waiting[0].stamp <= frames.stamp:
                    motion = waiting.pop(0)
                    for estimator in estimators.values():
                        estimator.push_keys(motion)
                poses = triangulator.process(frames)
                expected += [*poses.values(), *(estimators[s].push_pose(poses[s]) for s in SIDES)]
    made = [
        r
        for batch in run(rig, sets, bundle, keys)
        for r in batch.records()
        if not isinstance(r, HandLandmarks | KeyMotion)
    ]
    assert len(made) == len(expected) == 160
    assert all(same(a, b) for a, b in zip(made, expected, strict=True))
    known = [r for r in made if topic_of(r).startswith('/muscle') and r.status >= Status.DEGRADED]
    assert len(known) == 80


def test_keys_change_the_estimate_and_come_before_the_poses_they_belong_to(rig, bundle):
    sets = scene.film(rig, 40)
    with_keys, without = run(rig, sets, bundle, scene.press(200)), run(rig, sets, bundle)
    stamps = [m.stamp for batch in with_keys for m in batch.keys]
    assert stamps == [scene.START + 10_000_000 * i for i in range(79)]
    for batch in with_keys:
        assert all(m.stamp <= batch.moments[-1].frames.stamp for m in batch.keys)
    envelopes = [
        np.concatenate([m.activities[Side.RIGHT].envelope for b in r for m in b.moments])
        for r in (with_keys, without)
    ]
    assert envelopes[0].shape == envelopes[1].shape and not np.allclose(*envelopes)


def test_stamps_go_through_untouched(rig, bundle):
    for batch, hands in zip(
        run(rig, scene.film(rig, 10), bundle)[:-1], scene.film(rig, 10), strict=True
    ):
        stamp = hands['top'].stamp
        (moment,) = batch.moments
        assert {p.stamp for p in moment.poses.values()} == {stamp}
        assert {a.stamp for a in moment.activities.values()} == {stamp}
        assert all(a.publish_stamp == 0 for a in moment.activities.values())


def test_a_moment_whose_camera_never_came_is_given_out_at_the_end(rig):
    sets = scene.film(rig, 3)
    del sets[2]['left']
    *before, last = run(rig, sets)
    assert [len(b.moments) for b in before] == [1, 1, 0]
    assert tuple(last.moments[0].frames.views) == ('top',)


class CountingSource:
    """Frames without end; counts those that nobody has used yet."""

    size, rate, count = (64, 48), 50.0, None

    def __init__(self, name):
        self.name, self.read_frames = name, 0

    def open(self):
        pass

    def close(self):
        pass

    def read(self):
        self.read_frames += 1
        number = self.read_frames
        image = np.zeros((48, 64, 3), np.uint8)
        return Frame(number * scene.PERIOD, self.name, number, image) if number <= 200 else None


class Seeing:
    """Finds nothing, and notes the thread."""

    threads: set = set()

    def __init__(self, name):
        self.name = name

    def detect(self, frame):
        self.threads.add(threading.current_thread().name)
        return HandLandmarks.empty(frame.stamp, self.name, 'f', (64, 48), frame.sequence)

    def close(self):
        pass


def test_reading_never_runs_far_ahead_of_what_is_used():
    sources = [CountingSource(n) for n in ('a', 'b')]
    capture = MultiCapture(sources)
    capture.open()
    workers = LandmarkWorkers(Seeing, ('a', 'b'))
    used = 0
    for hands in detect_ahead(workers, capture.read_all(), StageTimes()):
        used += 1
        assert {h.sequence for h in hands.values()} == {used}
        # In the queue, at its door, at its head, in detection, and the one just given out.
        assert all(s.read_frames - used <= DECODE_AHEAD + 4 for s in sources)
    assert used == 200 and len(Seeing.threads) == 2
    capture.close()
    workers.close()


def test_an_error_in_detection_reaches_the_caller():
    class Broken(Seeing):
        def detect(self, frame):
            raise RuntimeError('no light')

    capture = MultiCapture([CountingSource('a')])
    capture.open()
    workers = LandmarkWorkers(Broken, ('a',))
    with pytest.raises(RuntimeError, match='no light'):
        list(detect_ahead(workers, capture.read_all(), StageTimes()))
    capture.close()
    workers.close()


def test_stage_times_add_up():
    ticks = iter([0.0, 1.0, 5.0, 8.0])
    times = StageTimes(lambda: next(ticks))
    for _ in range(2):
        with times.measure('x'):
            pass
    assert (times.seconds['x'], times.mean('x')) == (4.0, 2.0) and np.isnan(times.mean('y'))
