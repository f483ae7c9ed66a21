"""Persons' levels are taken out of what is learned, and strangers' levels drawn instead."""

import numpy as np
import pytest
from pianokpm_training.model.dataset import Example
from pianokpm_training.model.gains import fit_gains

from pianokpm_ros.muscle.features import FEATURE_COUNT, Scaling

PLAIN = Scaling(np.zeros(FEATURE_COUNT), np.ones(FEATURE_COUNT))
LEVELS = np.exp([[-0.5, 0.2], [0.1, -0.2], [0.4, 0.0]])


def make_example(subject, level, ticks=2000):
    """Two muscles at 0.1 times a level, in three look-aheads."""
    rng = np.random.default_rng(len(subject))
    target = 0.1 * level * np.abs(rng.normal(1.0, 0.3, (ticks, 3, 1)))
    features = np.zeros((ticks, FEATURE_COUNT), np.float16)
    return Example(subject, features, target.astype(np.float32))


@pytest.fixture
def persons():
    return [make_example(f's{i}', level) for i, level in enumerate(LEVELS)]


def test_all_persons_come_to_one_level(persons):
    gains = fit_gains(persons)
    levels = [np.sqrt((e.target[:, 0] ** 2).mean(axis=0)) for e in gains.level(persons)]
    usual = np.exp(np.log([np.sqrt((e.target[:, 0] ** 2).mean(axis=0)) for e in persons]).mean(0))
    np.testing.assert_allclose(levels, np.tile(usual, (3, 1)), rtol=1e-5)
    np.testing.assert_allclose(gains.spread, np.log(LEVELS).std(axis=0, ddof=1), rtol=1e-5)


def test_a_stranger_stays_as_measured(persons):
    other = make_example('somebody', np.array([3.0, 1.0]))
    (same,) = fit_gains(persons).level([other])
    np.testing.assert_array_equal(same.target, other.target)


def test_one_person_alone_or_a_muscle_not_recorded_changes_nothing(persons):
    alone = fit_gains(persons[:1])
    np.testing.assert_array_equal(alone.spread, 0)
    np.testing.assert_allclose(alone.level(persons[:1])[0].target, persons[0].target)
    for person in persons:
        person.target[..., 1] = np.nan
    gains = fit_gains(persons)
    assert gains.spread[1] == 0 and np.isfinite(gains.draw(np.random.default_rng(0), (3,))).all()
    assert all(np.isfinite(e.target[..., 0]).all() for e in gains.level(persons))


def test_levels_are_drawn_as_different_as_the_persons(persons):
    gains = fit_gains(persons)
    logs = np.log(gains.draw(np.random.default_rng(0), (8, 500)))
    assert logs.shape == (8, 500, 2)
    # The standard error of a deviation from 4000 draws is 1.1 %.
    np.testing.assert_allclose(logs.std(axis=(0, 1)), gains.spread, rtol=0.05)
    np.testing.assert_allclose(logs.mean(axis=(0, 1)), 0, atol=0.1 * gains.spread.max())
