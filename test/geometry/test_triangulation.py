import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pianokpm_ros.geometry.triangulation import triangulate


def see(rig, points):
    return np.stack([c.project(points) for c in rig.cameras])


@pytest.mark.parametrize('count', [2, 3, 4])
def test_exact_pictures_give_exact_points(rig, hands, count):
    cameras = rig.cameras[:count]
    points = hands.reshape(-1, 3)
    result = triangulate(cameras, np.stack([c.project(points) for c in cameras]))
    # Undistortion is exact to 1e-6 in normalised units: 1e-6 m at a metre.
    np.testing.assert_allclose(result.points, points, atol=2e-6)
    assert (result.views == count).all() and result.error.max() < 1e-3


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_noise_stays_within_the_stated_covariance(seed):
    from .conftest import look_at

    cameras = [
        look_at('a', (0, 0.05, 0.7)),
        look_at('b', (-0.6, 0, 0.35)),
        look_at('c', (0.6, 0, 0.35)),
    ]
    rng = np.random.default_rng(seed)
    points = rng.uniform((-0.2, -0.1, 0), (0.2, 0.2, 0.1), (400, 3))
    noise = 0.0012
    sharpness = np.array([c.focal / np.median(c.transform(points)[:, 2]) for c in cameras])
    pixels = np.stack([c.project(points) for c in cameras])
    pixels += noise * sharpness[:, None, None] * rng.normal(size=pixels.shape)
    result = triangulate(cameras, pixels, noise)
    z2 = ((result.points - points) ** 2).sum(1) / (3 * result.deviation**2)
    # Mean of 400 squared ratios around 1 has a standard error of about 0.05; robust weights and
    # the noise
    # estimate from three views move it by up to a third.
    assert 0.6 < z2.mean() < 1.4


def test_missing_is_nan_and_never_zero(rig, hands):
    pixels = see(rig, hands[0])
    pixels[:, 3] = np.nan
    pixels[1:, 4] = np.nan
    pixels[0, 5] = np.nan
    result = triangulate(rig.cameras, pixels)
    assert np.isnan(result.points[[3, 4]]).all() and np.isnan(result.covariance[[3, 4]]).all()
    assert result.views[[3, 4, 5]].tolist() == [0, 0, 3]
    np.testing.assert_allclose(result.points[5], hands[0, 5], atol=2e-6)


def test_one_wrong_view_of_four_is_outvoted(rig, hands):
    pixels = see(rig, hands[0])
    pixels[2] += 60.0
    result = triangulate(rig.cameras, pixels)
    # Plain least squares would move the points by centimetres. Weighted down, the wrong view, 60 px or 9 cm of
    # 0.0045 m off, pulls by 60 px x (1 + (19/2.7)^2)^-2 = 0.02 px among the others, about 0.1 mm at these distances.
    assert np.abs(result.points - hands[0]).max() < 5e-4
    assert (result.views == 3).all()


def test_nothing_seen(rig):
    result = triangulate(rig.cameras, np.full((4, 21, 2), np.nan))
    assert np.isnan(result.points).all() and not result.views.any()
