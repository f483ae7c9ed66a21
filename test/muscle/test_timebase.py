import numpy as np
import pytest

from pianokpm_ros.keyboard.layout import FIRST_KEY
from pianokpm_ros.muscle.timebase import (
    KEY_TIMEOUT,
    MAX_GAP,
    TICK,
    KeyGrid,
    PoseGrid,
    is_camera_frame,
    stroke_speed,
    ticks_between,
)
from pianokpm_ros.records import KeyMotion

MS = 1_000_000
DEVIATION = np.full(21, 0.002)


def line(stamp):
    """Landmarks that move steadily: 1 m/s."""
    return np.full((21, 3), (stamp % (1000 * MS)) * 1e-9)


def motion(stamp, samples, source='sensor:x'):
    time, key, position = (
        (np.array(c, float) for c in zip(*samples, strict=True)) if samples else [[]] * 3
    )
    return KeyMotion(
        stamp,
        0,
        time,
        np.array(key, np.uint8),
        position,
        position,
        np.zeros(len(time)),
        source=source,
    )


def test_ticks_lie_on_absolute_multiples():
    start = 1_764_000_000_000_000_000
    assert ticks_between(start, start + 25 * MS).tolist() == [start + TICK, start + 2 * TICK]
    assert ticks_between(start - 1, start).tolist() == [start]
    assert len(ticks_between(start + 1, start + 9 * MS)) == 0


def test_poses_are_interpolated_where_they_lie():
    grid, start = PoseGrid(), 1_764_000_000_007_000_000
    first = grid.push(start, line(start), DEVIATION, 'rig')
    assert first.restart and first.stamp.tolist() == [start - 7 * MS]
    np.testing.assert_array_equal(first.landmarks[0], line(start))  # held back to the tick before
    later = start + 33 * MS
    ticks = grid.push(later, line(later), 2 * DEVIATION, 'rig')
    assert ticks.stamp.tolist() == [start + k * MS for k in (3, 13, 23, 33)] and not ticks.restart
    # The stamps' last bits: float64 keeps 33 ms to far better than a nanometre at 1 m/s.
    np.testing.assert_allclose(
        ticks.landmarks[:, 0, 0], (ticks.stamp % (1000 * MS)) * 1e-9, atol=1e-12
    )
    assert (np.diff(ticks.deviation[:, 0]) > 0).all() and ticks.deviation[-1, 0] == 0.004


def test_only_longer_gaps_restart():
    grid = PoseGrid()
    grid.push(0, line(0), DEVIATION, 'rig')
    assert not grid.push(MAX_GAP, line(0), DEVIATION, 'rig').restart
    assert grid.push(2 * MAX_GAP + 1, line(0), DEVIATION, 'rig').restart


def test_frames_are_never_mixed():
    grid = PoseGrid()
    grid.push(0, np.zeros((21, 3)), DEVIATION, 'rig')
    ticks = grid.push(25 * MS, np.ones((21, 3)), DEVIATION, 'left_optical_frame')
    assert (ticks.landmarks == 1).all() and not ticks.placed.any() and not ticks.restart
    assert is_camera_frame('') and not is_camera_frame('rig')


def test_keys_are_as_they_were_at_the_tick():
    grid = KeyGrid()
    grid.push(motion(0, [(0.0, 60, 0.2), (0.005, 60, 0.6), (0.012, 60, 1.0), (0.012, 64, 0.5)]))
    keys, sensor = grid.at(np.array([0, TICK, 2 * TICK]))
    assert keys.position[:, 60 - FIRST_KEY].tolist() == [0.2, 0.6, 1.0]
    assert keys.position[:, 64 - FIRST_KEY].tolist() == [0.0, 0.0, 0.5]
    assert keys.known.all() and sensor
    grid.push(motion(3 * TICK, [(0.0, 64, 0.5)]))  # a key it doesn't speak of is at rest
    keys, _ = grid.at(np.array([3 * TICK]))
    assert keys.position[0, 60 - FIRST_KEY] == 0 and keys.position[0, 64 - FIRST_KEY] == 0.5


def test_a_stroke_is_remembered_until_the_key_rests():
    grid, none = KeyGrid(), np.zeros(4, np.uint8)
    time, key = np.array([0.0, 0.005, 0.025, 0.035]), np.full(4, 60)
    position, velocity = np.array([0.3, 0.9, 0.5, 0.0]), np.array([30.0, 20.0, -5.0, -9.0])
    grid.push(KeyMotion(0, 0, time, key, position, velocity, none, source='sensor:x'))
    struck = grid.at(np.arange(0, 5) * TICK)[0].struck[:, 60 - FIRST_KEY]
    assert struck.tolist() == [30.0, 30.0, 30.0, 30.0, 0.0]


def test_midi_tells_how_hard_a_key_was_struck():
    speed = stroke_speed(np.array([np.nan, np.nan, np.nan, 12.0]), np.array([52, 77, 0, 100]))
    # MIDI velocity 52 is a hammer at 1 m/s, 25 more are twice that; a key is 5.5 times slower, and 10 mm deep.
    np.testing.assert_allclose(speed, [1 / 5.5 / 0.01, 2 / 5.5 / 0.01, 0.0, 12.0])


def test_a_sample_at_a_tick_counts_there_in_spite_of_float32_seconds():
    for offset in range(1, 40):
        grid, time = KeyGrid(), np.float32(offset * 1e-3)
        grid.push(motion(5 * TICK - offset * MS, [(time, 60, 1.0)]))
        assert grid.at(np.array([5 * TICK]))[0].position[0, 60 - FIRST_KEY] == 1.0


def test_keys_are_unknown_before_the_first_and_long_after_the_last_record():
    grid = KeyGrid()
    assert not grid.at(np.array([0]))[0].known.any()
    grid.push(motion(2 * TICK, [], 'midi:x'))
    keys, sensor = grid.at(
        np.array([TICK, 2 * TICK, 2 * TICK + KEY_TIMEOUT, 3 * TICK + KEY_TIMEOUT])
    )
    assert keys.known.tolist() == [False, True, True, False] and not sensor


def test_keys_are_known_from_the_last_sample_of_a_record_on():
    """Sensors tell of keys up to their newest sample, not to the record's stamp, which is its first."""
    grid = KeyGrid()
    grid.push(motion(0, [(0.0, 60, 0.5), (0.2, 60, 0.7)]))
    last = 200 * MS + KEY_TIMEOUT
    assert grid.at(np.array([last, last + TICK]))[0].known.tolist() == [True, False]


def test_nonsense_is_dropped_and_counted():
    grid = KeyGrid()
    nan = float('nan')
    grid.push(
        motion(
            0,
            [
                (nan, 60, 1.0),
                (0, 60, nan),
                (0, 20, 1.0),
                (0, 109, 1.0),
                (99, 60, 1.0),
                (0, 61, 2.5),
            ],
        )
    )
    assert grid.rejected == 6 and not grid.at(np.array([TICK]))[0].position.any()
    with pytest.raises(ValueError, match='of one length'):
        grid.push(KeyMotion(0, 0, np.zeros(1), np.zeros(2), np.zeros(1), np.zeros(1), np.zeros(1)))


def test_records_that_nobody_asks_for_dont_pile_up():
    grid = KeyGrid(limit=100)
    for i in range(1000):
        grid.push(motion(i * MS, [(0.0, 60, i % 2)]))
    assert len(grid._events) <= 100 and len(grid._records) <= 100
