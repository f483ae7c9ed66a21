import numpy as np
import pytest

from pianokpm_ros.offline.histogram import Histogram


def test_quantiles_are_right_to_half_a_bin(rng):
    values = rng.gamma(2.0, 2.0, 5000)
    counted = Histogram(0.02, 100.0)
    for part in np.array_split(values, 7):
        counted.add(part)
    assert counted.totals[0] == 5000
    for part in (0.1, 0.5, 0.9):
        # Half of a bin's width: the order within a bin is lost.
        assert counted.quantile(part)[0] == pytest.approx(np.quantile(values, part), abs=0.01)


def test_robust_variation_is_that_of_the_values_and_ignores_outliers(rng):
    values = np.stack([rng.normal(0.04, 0.002, 4000), rng.normal(0.09, 0.009, 4000)])
    values[:, ::50] = 0.2
    counted = Histogram(0.0001, 0.25, 2)
    counted.add(values)
    middle = np.median(values, axis=1)
    expected = 1.4826 * np.median(np.abs(values - middle[:, None]), axis=1) / middle
    # A bin of 0.1 mm each for the median and for the deviation from it.
    np.testing.assert_allclose(counted.robust_variation(), expected, atol=2 * 0.0001 / 0.04)
    assert expected == pytest.approx([0.05, 0.1], abs=0.01)


def test_nothing_known_is_nan_and_the_last_bin_takes_what_is_too_large():
    counted = Histogram(1.0, 10.0, 2)
    counted.add([np.nan, 1e9])
    assert counted.totals.tolist() == [0, 1]
    assert np.isnan(counted.quantile(0.5)[0]) and counted.quantile(0.5)[1] == pytest.approx(
        11, abs=1
    )
    assert np.isnan(counted.robust_variation()[0])
