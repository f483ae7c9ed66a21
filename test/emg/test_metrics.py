"""Each score against its definition, written out."""

import numpy as np
import pytest

from pianokpm_ros.emg import metrics

RATE = 200.0


@pytest.fixture
def pair():
    """A reference and an estimate of three muscles, ten seconds at 200 Hz."""
    rng = np.random.default_rng(0)
    slow = np.cumsum(rng.normal(size=(2000, 3)), axis=0)
    y = np.abs(slow) / np.abs(slow).max(axis=0) * [0.6, 0.3, 0.1]
    return y, np.maximum(y + rng.normal(0, 0.02, y.shape), 0.0)


def test_errors_are_root_mean_squares_of_what_both_know(pair):
    y, p = pair
    y[5, 0] = p[6, 0] = np.nan
    known = np.isfinite(y[:, 0] - p[:, 0])
    error = y - p
    assert metrics.rmse(y, p)[0] == pytest.approx(np.sqrt(np.mean(error[known, 0] ** 2)))
    assert metrics.rmse(y, p)[2] == pytest.approx(np.sqrt(np.mean(error[:, 2] ** 2)))
    pooled = np.sqrt((error[np.isfinite(error)] ** 2).mean())
    assert metrics.pooled_rmse(y, p) == pytest.approx(pooled)
    extent = np.percentile(y[:, 1], 99) - np.percentile(y[:, 1], 1)
    assert metrics.nrmse(y, p)[1] == pytest.approx(metrics.rmse(y, p)[1] / extent)
    nothing = np.full_like(y, np.nan)
    assert np.isnan(metrics.rmse(y, nothing)).all() and np.isnan(metrics.pooled_rmse(y, nothing))
    with pytest.raises(ValueError, match='one shape'):
        metrics.rmse(y, p[:-1])


def test_a_muscle_that_hardly_moves_has_no_relative_error(pair):
    y, p = pair
    y[:, 2] = np.linspace(0.1, 0.1199, len(y))
    assert np.isnan(metrics.nrmse(y, p)[2]) and np.isfinite(metrics.nrmse(y, p)[:2]).all()
    assert metrics.silent_muscles(y, ('a', 'b', 'c')) == ('c',)


def test_correlation_and_its_square(pair):
    y, p = pair
    wanted = [np.corrcoef(a, b)[0, 1] for a, b in zip(y.T, p.T, strict=True)]
    np.testing.assert_allclose(metrics.pearson(y, p), wanted)
    np.testing.assert_allclose(metrics.pearson(y, 0.5 - 2 * y), -1.0)
    p[:, 1] = 0.2
    assert np.isnan(metrics.pearson(y, p)[1])
    assert metrics.r_squared(y, np.tile(y.mean(axis=0), (len(y), 1))) == pytest.approx([0, 0, 0])
    half = 1 - ((y - p) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    np.testing.assert_allclose(metrics.r_squared(y, p), half)


@pytest.mark.parametrize('steps', [-9, 0, 6])
def test_the_lag_is_positive_where_the_estimate_is_late(pair, steps):
    y, _ = pair
    late = np.roll(y, steps, axis=0)
    inner = slice(50, -50)
    r, lag = metrics.lagged_pearson(y[inner], late[inner], RATE)
    np.testing.assert_allclose(lag, steps / RATE)
    np.testing.assert_allclose(r, 1.0)
    _, limited = metrics.lagged_pearson(y[inner], np.roll(y, 30, axis=0)[inner], RATE, 0.05)
    assert np.abs(limited).max() <= 0.05


def test_coverage_is_the_part_within_the_reach(pair):
    y, _ = pair
    deviation = np.full_like(y, 0.1)
    error = 0.1 * np.linspace(-2, 2, len(y))[:, None] * np.ones(3)
    found = metrics.coverage(y, y + error, deviation, (0.5, 1.0, 3.0))
    np.testing.assert_allclose(found, np.repeat([[0.25], [0.5], [1.0]], 3, axis=1), atol=1e-3)
    rng = np.random.default_rng(1)
    normal = metrics.coverage(y, y + rng.normal(0, 0.1, y.shape), deviation)
    # Of 2000 normal errors a half, give or take four times 1.1 %.
    np.testing.assert_allclose(normal.mean(axis=1), metrics.COVERAGE_LEVELS, atol=0.045)
    assert metrics.ONE_SIGMA == pytest.approx(0.6827, abs=1e-4)


def test_onsets_count_where_both_are_known():
    """Of a gap in the estimate nothing was said: what the reference did there is no miss."""
    time = np.arange(0, 10, 1 / RATE)
    y = sum(np.exp(-0.5 * ((time - t) / 0.08) ** 2) for t in np.arange(0.7, 10, 1.1))[:, None]
    p = y.copy()
    p[(time > 2.2) & (time < 5.5)] = np.nan
    for one, other in ((y, p), (p, y)):
        (found,) = metrics.onset_scores(one, other, RATE)
        assert (found.f1, found.matched) == (1.0, 6)


def test_coherence_tells_common_rhythms_from_others():
    time = np.arange(4000) / RATE
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(4000, 3))
    y = np.column_stack([noise[:, 0], np.sin(40 * time), np.zeros(4000)])
    p = np.column_stack([2 * noise[:, 0] + 1, noise[:, 1], noise[:, 2]])
    found = metrics.coherence(y, p, RATE)
    assert found[0] == pytest.approx(1.0, abs=1e-6) and found[1] < 0.4 and np.isnan(found[2])


def test_transport_ignores_the_order_of_time(pair):
    y, p = pair
    order = np.random.default_rng(3).permutation(len(y))
    still = metrics.optimal_transport_distance(y[:500], y[:500][order[order < 500]])
    assert abs(still) < 1e-6
    # Two clouds of one point each: half the squared distance.
    one = metrics.optimal_transport_distance([[0.0, 0.0]], [[0.3, 0.4]])
    assert one == pytest.approx(0.125, rel=1e-6)
    assert np.isnan(metrics.optimal_transport_distance(np.full((5, 2), np.nan), np.zeros((5, 2))))
    assert metrics.optimal_transport_distance(y, p) > 0


def test_all_scores_of_a_take(pair):
    y, p = pair
    found = metrics.score_take(y, p, RATE, ('a', 'b', 'c'), np.full_like(y, 0.02))
    np.testing.assert_array_equal(found.rmse, metrics.rmse(y, p))
    assert found.coverage.shape == (3, 3) and found.silent == ()
    assert found.coverage[0].mean() == pytest.approx(0.5, abs=0.06)
    assert np.isnan(metrics.score_take(y, p, RATE, ('a', 'b', 'c')).coverage).all()
    assert (found.f1_25 <= found.f1_50).all() and found.otd >= 0
