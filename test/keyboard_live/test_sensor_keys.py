import numpy as np

from pianokpm_ros.keyboard.layout import FIRST_KEY
from pianokpm_ros.keyboard.sensor_keys import SensorKeys
from pianokpm_ros.messages import from_message, to_message
from pianokpm_ros.muscle.timebase import KeyGrid
from pianokpm_ros.recording.schemas import bag_types

MS = 1_000_000


def rows(record):
    stamps = record.stamp + np.rint(record.time.astype(float) * 1e9).astype(np.int64)
    position = np.round(record.position.astype(float), 3)
    return list(zip(stamps.tolist(), record.key.tolist(), position.tolist(), strict=True))


def test_all_samples_of_a_key_that_moves_and_one_of_a_key_that_is_held():
    keys = SensorKeys('sensor:test')
    keys.push([10 * MS, 12 * MS], [60, 64, 67], [[0.2, 0.5, 0.0], [0.4, 0.501, 0.0]])
    assert rows(keys.record(20 * MS)) == [
        (10 * MS, 60, 0.2), (10 * MS, 64, 0.5), (12 * MS, 60, 0.4), (12 * MS, 64, 0.501)
    ]  # fmt: skip
    keys.push([14 * MS, 16 * MS], [60, 64, 67], [[0.7, 0.502, 0.001], [0.9, 0.5, -0.004]])
    second = keys.record(30 * MS)
    # Held keys are known to the newest sample, not to now.
    assert rows(second) == [(14 * MS, 60, 0.7), (16 * MS, 60, 0.9), (16 * MS, 64, 0.501)]
    assert (second.sequence, second.source) == (1, 'sensor:test')
    assert rows(keys.record(40 * MS)) == [(40 * MS, 60, 0.9), (40 * MS, 64, 0.501)]
    for stamp, position in ((42, 0.7), (44, 0.5)):  # two chunks within a record
        keys.push([stamp * MS], [60, 64], [[position, 0.501]])
    assert rows(keys.record(50 * MS)) == [
        (42 * MS, 60, 0.7),
        (44 * MS, 60, 0.5),
        (44 * MS, 64, 0.501),
    ]


def test_a_key_that_comes_to_rest_is_told_once_and_slow_keys_are_not_missed():
    keys = SensorKeys('sensor:test')
    for i in range(1, 31):  # 0.005 a record is less than what counts as motion
        keys.push([i * MS], [60], [[i * 0.005]])
        record = keys.record(i * MS)
    assert abs(record.position[-1] - 0.15) <= 0.01
    keys.push([50 * MS], [60], [[0.01]])
    assert rows(keys.record(50 * MS)) == [(50 * MS, 60, 0.0)]
    assert not len(keys.record(60 * MS).key)


def test_what_is_no_position_is_left_out_and_counted():
    keys = SensorKeys('sensor:test')
    keys.push([MS, 2 * MS, 3 * MS], [60], [[np.nan], [40.0], [0.6]])
    assert rows(keys.record(4 * MS)) == [(3 * MS, 60, 0.6)] and keys.ignored == 2


def test_lost_sensors_lift_all_keys():
    keys = SensorKeys('sensor:test')
    keys.push([MS], [60, 64], [[0.6, 0.0]])
    keys.record(2 * MS)
    keys.release_all(5 * MS)
    assert rows(keys.record(6 * MS)) == [(5 * MS, 60, 0.0)]
    assert not len(keys.record(7 * MS).key)


def test_lost_sensors_lift_a_key_of_whose_stroke_no_record_has_told():
    keys = SensorKeys('sensor:test')
    keys.push([MS], [60, 64], [[0.6, 0.0]])
    keys.release_all(5 * MS)
    assert rows(keys.record(6 * MS)) == [(MS, 60, 0.6), (5 * MS, 60, 0.0)]
    assert not len(keys.record(7 * MS).key)


def test_the_estimators_key_grid_sees_the_motion():
    keys, grid = SensorKeys('sensor:test'), KeyGrid()
    course = np.clip(np.arange(100) / 50, 0, 1)
    for first in range(0, 100, 10):
        stamps = (100 + np.arange(first, first + 10)) * MS
        keys.push(stamps, [72], course[first : first + 10, None])
        grid.push(from_message(to_message(keys.record(stamps[-1]), bag_types())))
    found, sensor = grid.at((100 + np.arange(100)) * MS)
    # What is below the resting limit is told as 0, steps below 0.01 only with the next.
    np.testing.assert_allclose(found.position[:, 72 - FIRST_KEY], course, atol=0.021)
    assert found.known.all() and sensor
