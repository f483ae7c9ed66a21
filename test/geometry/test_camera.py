import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pianokpm_ros.geometry.camera import Camera, CameraError

from .conftest import look_at

MODELS = {
    'plain': look_at('a', (0, -0.5, 0.5)),
    'distorted': look_at('b', (0, -0.5, 0.5), distortion=(-0.25, 0.08, 1e-3, -2e-3, 0.01)),
    'fisheye': look_at(
        'c', (0, -0.5, 0.5), focal=300.0, distortion=(0.05, -0.01, 0.002, 0.0), model='fisheye'
    ),
}


@pytest.mark.parametrize('camera', MODELS.values(), ids=MODELS)
@given(
    st.lists(
        st.tuples(st.floats(-0.2, 0.2), st.floats(-0.1, 0.3), st.floats(-0.1, 0.1)),
        min_size=1,
        max_size=8,
    )
)
def test_normalize_inverts_project(camera, points):
    points = np.array(points)
    local = camera.transform(points)
    # Both solvers iterate to 1e-8 or better in normalised units; 1e-6 is a thousandth of a pixel.
    np.testing.assert_allclose(
        camera.normalize(camera.project(points)), local[:, :2] / local[:, 2:], atol=1e-6
    )


def test_a_strong_wide_angle_is_undone_up_to_the_corners():
    camera = look_at('a', (0, -0.5, 0.5), focal=400.0, distortion=(-0.3, 0.08, 0, 0, 0))
    corners = np.array([(0.0, 0.0), (639.0, 0.0), (0.0, 479.0), (639.0, 479.0)])
    rays = np.column_stack([camera.normalize(corners), np.ones(4)])
    again = camera.project((rays - camera.translation) @ camera.rotation)
    assert np.abs(again - corners).max() < 1e-3


@pytest.mark.parametrize(
    'camera',
    [
        look_at('a', (0, -0.5, 0.5), focal=400.0, distortion=(-0.3, 0.08, 0, 0, 0)),
        look_at('b', (0, -0.5, 0.5), focal=400.0, distortion=(-0.42, 0.15, 0, 0)),
        look_at('c', (0, -0.5, 0.5), focal=300.0, distortion=(0.05, -0.01, 0.002, 0.0), model='fisheye'),
        look_at('d', (0, -0.5, 0.5), focal=300.0, distortion=(-0.02, 0.001, 0.0, 0.0), model='fisheye'),
    ],
    ids=['wide', 'wider', 'fisheye', 'shorter fisheye'],
)  # fmt: skip
def test_outside_the_picture_there_are_true_rays_or_none(camera):
    x, y = np.meshgrid(np.arange(-1500.0, 2200.0, 50.0), np.arange(-1500.0, 2000.0, 50.0))
    pixels = np.stack([x, y], axis=-1)
    rays = camera.normalize(pixels)
    known = np.isfinite(rays).all(axis=-1)
    inside = (x >= 0) & (x <= 639) & (y >= 0) & (y <= 479)
    assert known[inside].all() and not known.all()
    near = ~inside & (np.hypot(x - 319.5, y - 239.5) < 400)
    assert known[near].all(), 'a little outside the corners as well'
    ways = np.column_stack([rays[known & ~inside], np.ones((known & ~inside).sum())])
    again = camera.project((ways - camera.translation) @ camera.rotation)
    assert np.abs(again - pixels[known & ~inside]).max() < 1.0


def test_the_focal_length_is_the_mean_of_both_axes():
    assert Camera('a', (640, 480), np.diag([500.0, 520.0, 1.0])).focal == 510.0


def test_axes_are_those_of_rep_103():
    camera = look_at('a', (0, -1, 0), target=(0, 0, 0))
    centre, right, up = camera.project([(0, 0, 0), (0.1, 0, 0), (0, 0, 0.1)])
    assert right[0] > centre[0] and up[1] < centre[1]
    np.testing.assert_allclose(camera.centre, (0, -1, 0), atol=1e-12)


def test_unknown_and_hidden_points_have_no_picture():
    camera = look_at('a', (0, -1, 0), target=(0, 0, 0))
    pixels = camera.project([[(np.nan, 0, 0), (0, -2, 0)], [(0, 0, 0), (0, 0, np.inf)]])
    assert np.isfinite(pixels).all(axis=-1).tolist() == [[False, False], [True, False]]
    assert np.isnan(camera.normalize([(np.nan, 3.0)])).all()


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'matrix': np.zeros((3, 3))}, 'singular'),
        ({'matrix': np.full((3, 3), np.nan)}, 'NaN'),
        ({'rotation': np.diag([1.0, 1.0, -1.0])}, 'not a rotation'),
        ({'rotation': 2 * np.eye(3)}, 'not a rotation'),
        ({'translation': (0, 0)}, 'shape'),
        ({'distortion': np.zeros(3)}, 'coefficients'),
        ({'model': 'spherical'}, 'spherical'),
        ({'size': (0, 480)}, 'positive'),
        ({'matrix': 'none'}, 'numbers'),
        ({'delay': 1.0}, 'delay'),
        ({'delay': -1.5}, 'delay'),
        ({'delay': np.nan}, 'delay'),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(change, words):
    good = {'matrix': np.diag([500.0, 500.0, 1.0]), 'size': (640, 480)}
    with pytest.raises(CameraError, match=words):
        Camera('a', **{**good, **change})
