from hypothesis import given
from hypothesis import strategies as st

from pianokpm_ros.geometry.synchronizer import Synchronizer
from pianokpm_ros.records import HandLandmarks

MS = 1_000_000
PERIOD = 16_666_667


def record(camera, stamp):
    return HandLandmarks.empty(stamp, camera, f'{camera}_optical_frame', (640, 480), 0)


def make(cameras=('a', 'b')):
    return Synchronizer(cameras, tolerance=8 * MS, max_wait=50 * MS)


def test_frames_of_one_moment_come_together():
    sync = make()
    assert sync.push(record('a', 1000 * MS)) == []
    (frames,) = sync.push(record('b', 1003 * MS))
    assert (frames.stamp, frames.skew, set(frames.views)) == (1003 * MS, 3 * MS, {'a', 'b'})


def test_a_camera_that_skipped_is_not_waited_for():
    sync = make()
    sync.push(record('a', 1000 * MS))
    (first,) = sync.push(record('b', 1017 * MS))
    assert set(first.views) == {'a'}
    (second,) = sync.push(record('a', 1016 * MS))
    assert set(second.views) == {'a', 'b'} and sync.counters.missing == {'a': 0, 'b': 1}


def test_a_dead_camera_is_waited_for_a_bounded_time():
    sync = make()
    sets = [s for i in range(10) for s in sync.push(record('a', i * PERIOD))]
    # 50 ms are three periods (which are 1 ns longer): the set of frame 0 leaves when frame 3
    # arrives.
    assert [s.stamp for s in sets] == [i * PERIOD for i in range(7)]
    assert len(sync.flush()) == 3


def test_a_camera_that_is_gone_is_not_waited_for_until_it_is_back():
    for begin in ([], ['b']):  # gone from the start, or later
        sync = make()
        for camera in begin:
            sync.push(record(camera, 0))
        waits = {i: len(sync.push(record('a', i * PERIOD))) for i in range(1, 41)}
        # 5 x 50 ms after its last frame nothing waits any more: each frame leaves as it comes.
        assert all(waits[i] == 1 for i in range(20, 41)) and sum(waits.values()) >= 40
        (alone,) = sync.push(record('a', 41 * PERIOD))
        assert alone.stamp == 41 * PERIOD and set(alone.views) == {'a'}
        sync.push(record('b', 41 * PERIOD + MS))
        (late,) = sync.push(record('a', 42 * PERIOD))  # what it belonged with has left already
        assert set(late.views) == {'b'}
        (whole,) = sync.push(record('b', 42 * PERIOD))
        assert set(whole.views) == {'a', 'b'}


def test_late_doubled_and_foreign_frames_are_counted():
    sync = make()
    sync.push(record('a', 100 * MS))
    sync.push(record('a', 100 * MS))
    sync.push(record('a', 90 * MS))
    sync.push(record('c', 100 * MS))
    assert (sync.counters.late, sync.counters.unknown) == (2, 1)


def test_a_clock_that_jumps_back_restarts():
    sync = make()
    sync.push(record('a', 5_000 * MS))
    sync.push(record('b', 5_001 * MS))
    sync.push(record('a', 100 * MS))
    (frames,) = sync.push(record('b', 100 * MS))
    assert frames.stamp == 100 * MS and sync.counters.restarts == 1


@given(st.lists(st.tuples(st.sampled_from('abc'), st.integers(0, 400)), max_size=80))
def test_whatever_comes_stamps_increase_and_nothing_is_used_twice(arrivals):
    sync = make(('a', 'b', 'c'))
    sets = [
        s for camera, time in arrivals for s in sync.push(record(camera, time * MS))
    ] + sync.flush()
    stamps = [s.stamp for s in sets]
    assert stamps == sorted(set(stamps))
    used = [(n, v.stamp) for s in sets for n, v in s.views.items()]
    assert len(used) == len(set(used))
    assert len(used) + sync.counters.late == len(arrivals)
    assert all(s.skew <= 8 * MS for s in sets)
