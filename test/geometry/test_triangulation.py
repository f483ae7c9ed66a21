import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pianokpm_ros.geometry.triangulation import LANDMARK_NOISE, triangulate


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
    pixels_per_metre = np.array([c.focal / np.median(c.transform(points)[:, 2]) for c in cameras])
    pixels = np.stack([c.project(points) for c in cameras])
    pixels += noise * pixels_per_metre[:, None, None] * rng.normal(size=pixels.shape)
    result = triangulate(cameras, pixels, noise)
    z2 = ((result.points - points) ** 2).sum(1) / (3 * result.deviation**2)
    # Mean of 400 squared ratios around 1 has a standard error of about 0.05; robust weights and
    # the noise
    # estimate from three views move it by up to a third.
    assert 0.6 < z2.mean() < 1.4


def pixels_per_metre(cameras, points):
    """How many pixels a metre at the hand takes in each view, (V, 1, 1)."""
    depth = [np.median(c.transform(points)[:, 2]) for c in cameras]
    return np.array([c.focal / d for c, d in zip(cameras, depth, strict=True)])[:, None, None]


def test_the_covariance_is_the_noise_brought_into_space(rig, hands):
    """Against the inverse of J^T J, with slopes of the pictures measured by small steps."""
    points = hands[0]
    slopes = np.array(
        [
            [(c.project(points + e) - c.project(points - e)) / 2e-5 for e in 1e-5 * np.eye(3)]
            for c in rig.cameras
        ]
    )
    slopes /= pixels_per_metre(rig.cameras, points)[..., None]
    normal = np.einsum('vinp,vjnp->nij', slopes, slopes)
    for noise in (0.0015, 0.0045):
        result = triangulate(rig.cameras, see(rig, points), noise)
        full = noise**2 * np.linalg.inv(normal)
        wanted = np.stack(
            [full[:, i, j] for i, j in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))], axis=1
        )
        # The slopes inside are those without distortion, a few per cent off.
        np.testing.assert_allclose(
            result.covariance, wanted, atol=0.1 * np.abs(wanted).max(), rtol=0.1
        )
        mean = np.trace(full, axis1=1, axis2=2) / 3
        np.testing.assert_allclose(result.deviation, np.sqrt(mean), rtol=0.05)


def across_epipolar_lines(first, second, points):
    """Directions in the second picture, (N, 2), in which no point in space lies that fits the first."""
    farther = first.centre + 1.01 * (points - first.centre)
    x, y = (second.project(farther) - second.project(points)).T
    return np.column_stack([-y, x]) / np.hypot(x, y)[:, None]


def test_views_that_disagree_by_more_than_the_noise_say_so(rig, hands):
    cameras = rig.cameras[1:3]
    pixels = np.stack([c.project(hands[0]) for c in cameras])
    exact = triangulate(cameras, pixels)
    pixels[1] += 40.0 * across_epipolar_lines(*cameras, hands[0])
    result = triangulate(cameras, pixels)
    assert result.error.min() > 10 and (result.views == 2).all()
    left = pixels - np.stack([c.project(result.points) for c in cameras])
    sigmas = left / pixels_per_metre(cameras, hands[0]) / LANDMARK_NOISE
    # A coordinate has the root mean square over views and both coordinates.
    more = np.sqrt((sigmas**2).mean(axis=(0, 2)))
    np.testing.assert_allclose(result.deviation / exact.deviation, more, rtol=0.1)


def test_a_point_of_two_views_among_points_of_three_keeps_both(rig, hands):
    cameras = rig.cameras[:3]
    pixels = np.stack([c.project(hands[0]) for c in cameras])
    pixels[2, 8] = np.nan
    # Nobody can tell which of the two is wrong.
    pixels[1, 8] += 60.0 * across_epipolar_lines(*cameras[:2], hands[0])[8]
    result = triangulate(cameras, pixels)
    assert result.views[8] == 2 and result.error[8] > 15
    np.testing.assert_allclose(result.points[:8], hands[0, :8], atol=1e-4)


def test_a_point_behind_the_cameras_is_no_point(rig, hands):
    from .conftest import look_at

    cameras = [look_at('a', (-0.1, 0, 0.7)), look_at('b', (0.1, 0, 0.7))]
    pixels = np.stack([c.project(hands[0]) for c in cameras])
    pixels[0, 4], pixels[1, 4] = (20.0, 240.0), (620.0, 240.0)  # rays that part
    result = triangulate(cameras, pixels)
    assert np.isnan(result.points[4]).all() and result.views[4] == 0
    assert np.isnan(result.error[4]) and np.isnan(result.deviation[4])
    others = np.arange(21) != 4
    np.testing.assert_allclose(result.points[others], hands[0, others], atol=1e-5)


def test_missing_is_nan_and_never_zero(rig, hands):
    pixels = see(rig, hands[0])
    pixels[:, 3] = np.nan
    pixels[1:, 4] = np.nan
    pixels[0, 5] = np.nan
    result = triangulate(rig.cameras, pixels)
    assert np.isnan(result.points[[3, 4]]).all() and np.isnan(result.covariance[[3, 4]]).all()
    assert result.views[[3, 4, 5]].tolist() == [0, 0, 3]
    assert np.isnan(result.error[[3, 4]]).all() and np.isnan(result.deviation[[3, 4]]).all()
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
