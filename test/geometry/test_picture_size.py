"""Cameras of any resolution: the same scene in larger or smaller pictures gives the same hands."""

from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.geometry.clock_offset import estimate_delays
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulator import HandTriangulator

from .test_alignment import film
from .test_triangulator import view_of

PERIOD = 16_666_667
COUNT = 30


def enlarge_camera(camera, times):
    matrix = camera.matrix * times
    matrix[2, 2] = 1.0
    matrix[:2, 2] += (times - 1) / 2  # the origin is the centre of a pixel
    return replace(camera, matrix=matrix, size=tuple(round(n * times) for n in camera.size))


def enlarge_view(view, times):
    pixels = ((view.pixels + 0.5) * times - 0.5).astype(np.float32)
    return replace(view, pixels=pixels, size=tuple(round(n * times) for n in view.size))


def play(rig, hands, times):
    """See hands by cameras that disagree, the left one more than the others, in pictures so many times as large."""
    large = Rig(tuple(enlarge_camera(c, times) for c in rig.cameras), rig.frame_id)
    triangulator, poses = HandTriangulator(large), []
    for i in range(COUNT):
        stamp = (i + 1) * PERIOD
        views = {
            c.name: view_of(
                c, hands, (1, 2), stamp, noise=9.0 if c.name == 'left' else 3.0, seed=i
            )
            for c in rig.cameras
        }
        views['left'] = replace(views['left'], pixels=views['left'].pixels + 2 * (i % 10))
        views = {n: enlarge_view(v, times) for n, v in views.items()}
        poses.append(triangulator.process(FrameSet(stamp, views)))
    return poses, triangulator


@pytest.mark.parametrize('names', [('top', 'left', 'right', 'front'), ('top', 'left'), ('left',)])
@pytest.mark.parametrize('times', [0.5, 3.0, 6.0])
def test_resolution_changes_nothing_but_pixels(rig, hands, names, times):
    chosen = rig.select(names)
    as_is, usual = play(chosen, hands, 1.0)
    scaled, large = play(chosen, hands, times)
    assert large.check.suspects == usual.check.suspects
    for one, other in zip(as_is, scaled, strict=True):
        for side in SIDES:
            a, b = one[side], other[side]
            assert a.status == b.status
            # Pixels are float32: of 4000 px they keep 2e-4, a micrometre at the hand, more along the line of sight.
            np.testing.assert_allclose(b.landmarks, a.landmarks, atol=2e-5)
            np.testing.assert_allclose(b.covariance, a.covariance, rtol=2e-2, atol=1e-9)
            np.testing.assert_allclose(
                b.reprojection_error, times * a.reprojection_error, rtol=1e-2, atol=1e-2
            )


def test_some_of_these_hands_are_called_degraded_and_some_are_not(rig, hands):
    poses, _ = play(rig.select(('top', 'left')), hands, 1.0)
    assert {p[Side.LEFT].status for p in poses} == {Status.OK, Status.DEGRADED}


@pytest.mark.parametrize('times', [0.5, 4.0])
def test_delays_are_found_in_pictures_of_any_size(rig, hands, times):
    truth = {'top': 0.0, 'left': 0.050, 'right': 0.0, 'front': 0.023}
    records = film(rig, hands, truth)
    large = {n: [enlarge_view(v, times) for v in seen] for n, seen in records.items()}
    found = estimate_delays([enlarge_camera(c, times) for c in rig.cameras], large)
    usual = estimate_delays(rig.cameras, records)
    assert found.delay == pytest.approx(usual.delay, abs=1e-6)
    assert found.before == pytest.approx(usual.before, rel=1e-4)
