"""Seen landmarks differ from exact ones as the model says."""

from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.simulation.sight import SightModel, dump_sight, load_sight, see

RATE = 60.0
PLAIN = SightModel((0.0,) * 21, (0.0,) * 21, 0.2, (0.0,) * 21, 0.3, 0.0, 0.1, 'test')
EXACT = np.zeros((6000, 21, 3))


def errors(model, seed=0):
    """Return the error of landmarks over 100 s."""
    return see(EXACT, RATE, model, np.random.default_rng(seed))


def test_nothing_is_added_without_errors():
    np.testing.assert_array_equal(errors(PLAIN), EXACT)


def test_jitter_is_white():
    found = errors(replace(PLAIN, jitter=(0.002,) * 21))
    assert found.std() == pytest.approx(0.002, rel=0.02)
    assert abs(np.corrcoef(found[:-1, 0, 0], found[1:, 0, 0])[0, 1]) < 0.05


def test_wander_is_correlated_in_time_and_between_landmarks():
    found = errors(replace(PLAIN, wander=(0.003,) * 21))
    # 100 s hold about 100 / (4 * 0.2) = 125 independent values: 1 / sqrt(2 * 125) = 6 % a series, less over 63.
    assert found.std() == pytest.approx(0.003, rel=0.08)
    step = np.corrcoef(found[:-1, 0, 0], found[1:, 0, 0])[0, 1]
    x = 1 / (RATE * 0.2)
    assert step == pytest.approx((1 + x) * np.exp(-x), abs=0.03)
    pairs = [np.corrcoef(found[:, i, 0], found[:, 20 - i, 0])[0, 1] for i in range(9)]
    assert np.mean(pairs) == pytest.approx(0.3, abs=0.12)


def test_bias_is_constant_in_a_take():
    found = errors(replace(PLAIN, bias=(0.004,) * 21))
    assert np.ptp(found, axis=0).max() < 1e-12
    many = np.stack([errors(replace(PLAIN, bias=(0.004,) * 21), s)[0] for s in range(60)])
    assert many.std() == pytest.approx(0.004, rel=0.1)


def test_hands_are_lost_for_stretches():
    found = errors(replace(PLAIN, lost_rate=0.5, lost_time=0.2))
    lost = np.isnan(found).all(axis=(1, 2))
    assert (np.isnan(found).any(axis=(1, 2)) == lost).all(), 'whole hands are lost'
    # 0.5 a second of 0.2 s each: about a tenth of the time, less overlaps.
    assert 0.04 < lost.mean() < 0.16


def test_fingers_are_worse_than_others_for_a_whole_take():
    uneven = replace(PLAIN, wander=(0.003,) * 21, spread=0.8)
    found = errors(uneven)
    ring = found[:, (14, 15, 16)].std(axis=0).mean(axis=1)
    assert np.ptp(ring) < 0.3 * ring.mean(), 'landmarks of one finger are alike'
    fingers = [found[:, i].std() for i in (4, 8, 12, 16, 20, 0)]
    assert max(fingers) > 1.8 * min(fingers)


def test_slips_multiply_the_wander():
    calm = replace(PLAIN, wander=(0.003,) * 21)
    slipping = replace(calm, slip_rate=0.5, slip_time=0.4, slip=5.0)
    size = np.linalg.norm(errors(slipping), axis=2).mean(axis=1)
    # 1 - exp(-0.5 * 0.4) = 18 % of the time, five times as large.
    assert np.percentile(size, 95) > 3 * np.median(size)
    expected = 0.003 * np.sqrt(1 + 0.18 * 24)
    assert slipping.deviation == pytest.approx(expected, rel=0.02)
    assert errors(slipping).std() == pytest.approx(expected, rel=0.25)


def test_the_shipped_model_reads_and_writes():
    model = load_sight()
    assert load_sight(dump_sight(model)) == model
    assert model.source
    assert 0.0005 < model.deviation.min() and model.deviation.max() < 0.02
