"""Which corners are asked for, and the keyboard drawn over a picture."""

import dataclasses

import numpy as np
import pytest

from pianokpm_ros.geometry.calibration import key_wires
from pianokpm_ros.geometry.calibration.key_corners import CORNERS, locate_point
from pianokpm_ros.geometry.calibration.key_suggestions import ENOUGH, suggest_corner
from pianokpm_ros.geometry.calibration.key_wires import draw_wires, find_pixels, place_names
from pianokpm_ros.geometry.calibration.keyboard_frame import fit_camera

from .conftest import look_at
from .test_keyboard_frame import name_points

BENCH = look_at('bench', (-0.5, -0.4, 0.6), (0.0, 0.05, 0), focal=900)
DESK = look_at('desk', (0.1, 0.6, 0.5), (0.1, 0.05, 0), focal=900)


def follow(camera, count, noise=0.0):
    """Name what is asked for until `count` corners are named, skipping what is outside the picture."""
    named, skipped, found = [], [], None
    while len(named) < count:
        corner = suggest_corner(named, skipped, found)
        assert corner is not None and corner not in named and corner not in skipped
        seen = np.isfinite(find_pixels(camera, locate_point(corner)[None])).all()
        hidden = '.back' in corner and camera.centre[1] > 0.15
        (skipped if hidden or not seen else named).append(corner)
        if len(named) >= 6:
            found = fit_camera(camera.name, name_points(camera, tuple(named), noise, 1)).camera
    return named, skipped


@pytest.mark.parametrize('camera', [BENCH, DESK], ids=lambda c: c.name)
def test_the_first_six_determine_a_camera_and_later_ones_can_be_seen(camera):
    six, before = follow(camera, 6)
    fit = fit_camera(camera.name, name_points(camera, tuple(six)))
    assert np.isfinite(fit.focal_doubt)
    np.testing.assert_allclose(fit.camera.centre, camera.centre, atol=2e-3)
    many, after = follow(camera, 14)
    assert after == before  # once the camera is known nothing is asked for in vain
    assert any('#' in c for c in many) and any('.front' in c and '#' not in c for c in many)
    assert not any('.back' in c for c in many) or camera is BENCH


def test_suggested_corners_tell_more_than_others_do():
    named, _ = follow(BENCH, 12)
    asked = fit_camera('bench', name_points(BENCH, tuple(named))).focal_doubt
    seen = [c for c in CORNERS if np.isfinite(find_pixels(BENCH, locate_point(c)[None])).all()]
    rng, others = np.random.default_rng(0), []
    for _ in range(5):
        picked = rng.choice(seen, 12, replace=False)
        others.append(fit_camera('bench', name_points(BENCH, tuple(picked))).focal_doubt)
    # 0.022 against 0.028 to 0.044
    assert asked < min(others)


def test_neighbours_of_what_cannot_be_seen_are_not_asked_for():
    named, _ = follow(BENCH, 8)
    first = suggest_corner(named, [], BENCH)
    second = suggest_corner(named, [first], BENCH)
    if second.partition('.')[2][:4] == first.partition('.')[2][:4]:
        assert np.linalg.norm(locate_point(first) - locate_point(second)) >= 0.03
    assert suggest_corner(named, CORNERS, BENCH) is None and ENOUGH == 20


def test_wires_lie_on_the_keys_and_names_on_theirs():
    wires = draw_wires(BENCH)
    white = np.concatenate(wires['white'])
    for corner in ('C4.front_left', 'G3.front_left', 'E4.back_right'):
        pixel = BENCH.project(locate_point(corner)[None])
        assert np.linalg.norm(white - pixel, axis=1).min() < 1e-6
    hidden = BENCH.project(np.array([[0.01175, 0.075, 0.0]]))  # between C4 and D4, under C#4
    assert np.linalg.norm(white - hidden, axis=1).min() > 5
    black = np.concatenate(wires['black'])
    for corner in ('F#4.top_left', 'F#4.front_right'):
        pixel = BENCH.project(locate_point(corner)[None])
        assert np.linalg.norm(black - pixel, axis=1).min() < 1e-6
    place = place_names(BENCH)['C4']
    np.testing.assert_allclose(place, BENCH.project(np.array([[0.0, 0.025, 0.0]]))[0])


def test_what_a_lens_folds_back_into_the_picture_is_not_drawn(monkeypatch):
    wide = dataclasses.replace(
        look_at('low', (0.0, -0.15, 0.3), (0.0, 0.05, 0), focal=300),
        distortion=np.array([-0.3, 0.0, 0.0, 0.0, 0.0]),
    )
    far = locate_point('C8.front_right')[None]
    folded = wide.project(far)
    assert (folded > 0).all() and (folded < wide.size).all()  # as the polynomial has it
    assert np.isnan(find_pixels(wide, far)).all()
    drawn = sum(map(len, draw_wires(wide).values()))
    monkeypatch.setattr(key_wires, 'BENT_BACK', np.inf)
    assert drawn < sum(map(len, draw_wires(wide).values())) - 10
