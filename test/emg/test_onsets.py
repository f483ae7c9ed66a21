"""Onsets are where activity begins, and pairs are made of the nearest."""

import numpy as np
import pytest

from pianokpm_ros.emg.onsets import (
    active_stretches,
    find_envelope_onsets,
    match_onsets,
)

RATE = 1000.0


def bursts(starts, seconds=6.0, length=0.3):
    """Say when something is active."""
    time = np.arange(int(seconds * RATE)) / RATE
    return np.any([(time >= s) & (time < s + length) for s in starts], axis=0)


def test_onsets_of_an_envelope_are_where_it_rises():
    starts = [1.0, 2.5, 4.0]
    time = np.arange(6000) / RATE
    envelope = sum(
        np.clip((time - s) / 0.1, 0, 1) * np.clip((s + 0.5 - time) / 0.2, 0, 1) for s in starts
    )
    np.testing.assert_allclose(find_envelope_onsets(0.2 * envelope, RATE), starts, atol=0.015)
    np.testing.assert_allclose(
        find_envelope_onsets(0.2 * envelope[::5], RATE / 5), starts, atol=0.02
    )
    assert len(find_envelope_onsets(np.zeros(3000), RATE)) == 0
    envelope[3200:3400] = np.nan
    np.testing.assert_allclose(find_envelope_onsets(0.2 * envelope, RATE), starts, atol=0.015)
    assert len(find_envelope_onsets(np.full(100, np.nan), RATE)) == 0


def test_short_gaps_are_closed_and_short_bursts_dropped():
    active = np.zeros(1000, bool)
    active[100:150] = active[179:200] = True  # 29 ms apart
    active[300:340] = active[370:420] = True  # 30 ms apart
    active[600:629] = True
    active[700:730] = active[990:] = True
    assert active_stretches(active, RATE).tolist() == [
        [100, 200], [300, 340], [370, 420], [700, 730],
    ]  # fmt: skip
    assert active_stretches(active, RATE).dtype == np.int64
    assert active_stretches(np.zeros(9, bool), RATE).shape == (0, 2)


def test_pairs_are_the_nearest_and_each_onset_counts_once():
    found = match_onsets([1.0, 2.0, 3.0, 4.0], [1.04, 1.01, 2.03, 3.2])
    assert found.matched == 2 and found.precision == found.recall == found.f1 == 0.5
    assert found.timing == pytest.approx(0.02)  # the median of 10 and 30 ms, late
    assert match_onsets([1.0, 1.03], [1.02]).matched == 1
    early = match_onsets([1.0, 2.0], [0.96])
    assert early.timing == pytest.approx(-0.04)
    assert (early.precision, early.recall, early.f1) == (1.0, 0.5, pytest.approx(2 / 3))
    assert match_onsets([1.0], [1.05]).matched == 1 and match_onsets([1.0], [1.051]).matched == 0


def test_without_onsets_nothing_is_known():
    nothing = match_onsets([], [])
    assert nothing.matched == 0
    assert np.isnan([nothing.precision, nothing.recall, nothing.f1, nothing.timing]).all()
    missed = match_onsets([1.0], [])
    assert (missed.recall, missed.f1) == (0.0, 0.0) and np.isnan(missed.precision)
