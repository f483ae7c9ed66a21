"""A calibration that isn't in metres is noticed by the size of hands in it."""

import numpy as np
import pytest

from pianokpm_ros.geometry.hand_size import ENDS, ENOUGH, HandSize


def hand(length):
    points = np.zeros((21, 3))
    points[ENDS[1], 0] = length
    return points


def feed(length, count=ENOUGH, spread=0.1):
    size, rng = HandSize(), np.random.default_rng(0)
    for _ in range(count):
        size.push(hand(length * (1 + spread * rng.standard_normal())))
    return size


@pytest.mark.parametrize('length', [0.055, 0.09, 0.12])
def test_hands_of_people_are_fine(length):
    size = feed(length)
    # 20 lengths that vary by 10 %: their median is within 3 sigma = 3 * 1.25 * 10 % / sqrt(20).
    assert size.median == pytest.approx(length, rel=0.084) and size.complaint == ''


@pytest.mark.parametrize('length', [0.009, 0.03, 0.25, 2.28, 90.0])
def test_other_units_are_named(length):
    assert 'not metres' in feed(length).complaint


def test_few_or_unknown_hands_tell_nothing():
    size = feed(2.28, ENOUGH - 1)
    size.push(np.full((21, 3), np.nan))
    assert np.isnan(size.median) and size.complaint == ''
