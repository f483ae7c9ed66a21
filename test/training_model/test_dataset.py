import numpy as np
import pytest
from pianokpm_training.model.dataset import (
    Conditions,
    draw_conditions,
    key_lookup,
    make_examples,
    see_poses,
    see_take,
    targets_at,
)
from pianokpm_training.model.noise import RATES

from pianokpm_ros.anatomy import Side
from pianokpm_ros.muscle.features import FEATURE_COUNT, KEYS, KEYS_FLAG, PLACE, PLACE_FLAG
from pianokpm_ros.muscle.timebase import TICK

LOOKAHEADS = (0.0, 0.033, 0.067)
RNG = np.random.default_rng


def see(performance, keys='none', single=False, placed=True, rate=60.0, seed=0):
    conditions = Conditions(rate, single, placed, keys)
    return see_take(performance, Side.RIGHT, conditions, RNG(seed), LOOKAHEADS)


def test_targets_are_the_muscles_at_the_time_of_each_knot(performance):
    ticks = np.arange(0, 3) * TICK + 10**9
    found = targets_at(performance, Side.LEFT, ticks, LOOKAHEADS)
    for i, lookahead in enumerate((0, 33, 67)):
        np.testing.assert_array_equal(
            found[:, i],
            performance.envelope[0, [1010 - lookahead, 1020 - lookahead, 1030 - lookahead]],
        )
    before = targets_at(performance, Side.LEFT, np.array([0]), LOOKAHEADS)
    assert np.isfinite(before[0, 0]).all() and np.isnan(before[0, 1:]).all()


def test_examples_have_features_and_targets_of_each_tick(performance):
    examples = see(performance)
    ticks = sum(len(e.features) for e in examples)
    assert 1000 < ticks <= 1201
    for example in examples:
        assert example.features.shape == (len(example.target), FEATURE_COUNT)
        assert example.target.shape[1:] == (3, 6) and example.features.dtype == np.float32


@pytest.mark.parametrize(('keys', 'part'), [('none', 0.0), ('midi', 1.0), ('sensor', 1.0)])
def test_what_is_known_of_the_keys_shows(performance, keys, part):
    features = np.concatenate([e.features for e in see(performance, keys)])
    assert features[:, KEYS_FLAG].mean() == pytest.approx(part, abs=0.02)
    values = features[:, KEYS][features[:, KEYS_FLAG] > 0]
    if part:
        # Lost fingertips are over no key.
        assert np.isnan(values).mean() < 0.03 and np.nanmax(values) > 0.8


def test_sensors_that_come_and_go_do_so(performance):
    known = np.concatenate([e.features[:, KEYS_FLAG] for e in see(performance, 'some')])
    assert 0.2 < known.mean() < 0.95


def test_midi_knows_up_and_down_only(performance):
    ticks = np.arange(0, 10**10, TICK)
    positions, _ = key_lookup(performance.sensor_keys(), 'midi', RNG(0))(ticks)
    assert set(np.unique(positions)) == {0.0, 1.0}
    between, _ = key_lookup(performance.sensor_keys(), 'sensor', RNG(0))(ticks)
    assert ((between > 0.05) & (between < 0.95)).any()


def test_a_frame_that_is_not_the_keyboards_hides_places_and_keys(performance):
    for example in see(performance, 'sensor', placed=False):
        assert (
            np.isnan(example.features[:, PLACE]).all()
            and not example.features[:, PLACE_FLAG].any()
        )
        assert (
            np.isnan(example.features[:, KEYS]).all() and not example.features[:, KEYS_FLAG].any()
        )


def test_cameras_see_what_is_there(performance):
    poses = see_poses(performance, Side.LEFT, Conditions(30.0, False, True, 'none'), RNG(0))
    nearest = np.searchsorted(performance.stamp, poses.stamp).clip(0, len(performance.stamp) - 1)
    error = poses.landmarks - performance.landmarks[nearest, 0]
    assert np.nanmedian(np.abs(error)) < 0.008
    assert 28 < len(poses) / 12 < 31


def test_conditions_cover_all_there_is():
    drawn = [draw_conditions(RNG(seed)) for seed in range(400)]
    assert {c.rate for c in drawn} == set(RATES)
    assert {c.keys for c in drawn} == {'none', 'midi', 'sensor', 'some'}
    assert {(c.single, c.placed) for c in drawn} == {
        (a, b) for a in (True, False) for b in (True, False)
    }


def test_a_person_is_repeatable_and_unlike_the_next():
    first, again, other = (make_examples(p, 3, 6.0, LOOKAHEADS, 1) for p in (5, 5, 6))
    assert len(first) == len(again)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.features, b.features)
        np.testing.assert_array_equal(a.target, b.target)
    assert not np.array_equal(first[0].target[:100], other[0].target[:100])
    assert {e.playing for e in first} == {True, False}
