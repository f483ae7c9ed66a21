import dataclasses

import numpy as np
import pytest
import yaml

from pianokpm_ros.geometry.calibration.board import CalibrationError
from pianokpm_ros.geometry.calibration.key_corners import CORNERS, locate_point, say_corner
from pianokpm_ros.geometry.calibration.keyboard_frame import (
    CLICK_NOISE,
    Points,
    _doubt_focal,
    check_points,
    fit_camera,
    load_points,
    move_to_keyboard,
    place_by_keyboard,
    save_points,
)
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.rig_formats import scale_rig

from .conftest import look_at

NAMES = (
    'A0.front_left', 'C2.front_left', 'C4.front_left', 'C6.front_right', 'C8.front_right',
    'C#3.front_left', 'F#5.front_right', 'E2.back_right', 'B4.back_right', 'E7.back_right',
)  # fmt: skip


def make_cameras():
    return [
        look_at('top', (0.1, -0.5, 0.9), (0.05, 0.05, 0), focal=1000),
        look_at('left', (-0.7, -0.4, 0.6), (0.05, 0.05, 0), focal=800),
    ]


def name_points(camera, names=NAMES, noise=0.0, seed=0):
    pixels = camera.project(np.stack([locate_point(n) for n in names]))
    pixels = pixels + np.random.default_rng(seed).normal(0, 1, pixels.shape) * noise
    return Points(camera.size, names, pixels)


def test_points_lie_where_keys_are():
    np.testing.assert_allclose(locate_point('C4.front_left'), (-0.01175, 0, 0))
    np.testing.assert_allclose(locate_point('C5.front_left'), (7 * 0.0235 - 0.01175, 0, 0))
    np.testing.assert_allclose(locate_point('E4.back_right'), locate_point('F4.back_left'))
    assert locate_point('C#4.front_left')[1] > 0
    foot, top = locate_point('C#4.front_left'), locate_point('C#4.top_left')
    assert top[2] == 0.012 and foot[2] == 0 and top[0] > foot[0] and top[1] == foot[1]


def test_every_corner_is_offered_once_and_has_words():
    places = np.stack([locate_point(c) for c in CORNERS])
    apart = np.linalg.norm(places[:, None] - places, axis=2) + np.eye(len(places))
    assert apart.min() > 1e-3 and {c[:2] for c in CORNERS} >= {'A0', 'C8'}
    assert say_corner('C4.front_left') == 'the front left corner of C4'
    assert say_corner('B3.back_right') == 'the far end of the gap between B3 and C4'
    assert say_corner('C4.back_left') == 'the far end of the gap between B3 and C4'
    assert 'on its top' in say_corner('F#3.top_right')


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('H4.front_left', 'called like'),
        ('E#4.front_left', 'called like'),
        ('C9.front_left', 'A0 to C8'),
        ('D4.back_left', 'reach back'),
        ('C4.top_left', 'only black keys'),
    ],
)
def test_points_that_do_not_exist_are_refused(name, words):
    with pytest.raises(CalibrationError, match=words):
        locate_point(name)


def test_cameras_are_placed_and_their_focal_length_is_found():
    truth = make_cameras()
    placed = place_by_keyboard({c.name: name_points(c, noise=0.5, seed=3) for c in truth})
    for found, true in zip(placed.rig.cameras, truth, strict=True):
        # The stated doubt is for clicks of 1.5 px, three times the noise here: it holds.
        assert found.focal == pytest.approx(true.focal, rel=2 * placed.focal_doubt[true.name])
        assert placed.focal_doubt[true.name] < 0.08
        np.testing.assert_allclose(found.centre, true.centre, atol=0.04)
    assert placed.rig.frame_id == 'keyboard'


def test_tops_of_black_keys_do_where_their_feet_are_hidden():
    """From behind the piano, as a camera on a music stand sees the keys."""
    truth = look_at('desk', (0.1, 0.6, 0.6), (0.05, 0.05, 0), focal=800)
    names = [f'{k}{o}.front_left' for k in 'CF' for o in (2, 4, 6)]
    names += [f'{k}#{o}.top_{s}' for k in 'CF' for o in (2, 4, 6) for s in ('left', 'right')]
    found = place_by_keyboard({'desk': name_points(truth, tuple(names))}).rig.cameras[0]
    np.testing.assert_allclose(found.centre, truth.centre, atol=1e-3)
    assert found.focal == pytest.approx(800, rel=1e-3)
    lens = place_by_keyboard({'desk': name_points(truth, tuple(names))}, {'desk': truth})
    np.testing.assert_allclose(lens.rig.cameras[0].centre, truth.centre, atol=1e-5)


def test_exact_points_of_all_kinds_give_the_exact_camera():
    """A start that took tops for flat in OpenCV's IPPE was refused or far off now and then."""
    camera, rng = (
        look_at('bench', (-0.5, -0.4, 0.6), (0.0, 0.05, 0), focal=900),
        np.random.default_rng(0),
    )
    places = camera.project(np.stack([locate_point(c) for c in CORNERS]))
    seen = [
        c
        for c, p in zip(CORNERS, places, strict=True)
        if (p > 0).all() and (p < camera.size).all()
    ]
    for _ in range(12):
        picked = tuple(rng.choice(seen, 12, replace=False))
        found = fit_camera('bench', name_points(camera, picked)).camera
        np.testing.assert_allclose(found.centre, camera.centre, atol=1e-3)


def test_a_mirrored_picture_is_named():
    camera = make_cameras()[1]
    good = name_points(camera)
    mirrored = dataclasses.replace(good, pixels=(camera.size[0] - 1, 0) + good.pixels * (-1, 1))
    with pytest.raises(CalibrationError, match='mirrored'):
        place_by_keyboard({'left': mirrored}, {'left': camera})


def test_a_focal_length_of_which_nothing_is_known_is_never_taken_for_exact():
    """All parameters of no effect, as behind a camera: a pseudo-inverse calls that a doubt of 0."""
    slopes = np.zeros((12, 7))
    slopes[:6, 1:] = np.eye(6)
    assert _doubt_focal(slopes) == np.inf
    assert _doubt_focal(np.zeros((12, 7))) == np.inf
    slopes[6, 0] = 15.0
    assert _doubt_focal(slopes) == pytest.approx(CLICK_NOISE / 15)
    above = look_at('above', (0.0, 0.07, 0.9), (0.0, 0.071, 0), focal=900)
    with pytest.raises(CalibrationError, match='focal length unknown'):
        place_by_keyboard({'above': name_points(above, noise=0.5)})


def test_a_known_lens_makes_it_exact():
    truth = make_cameras()
    placed = place_by_keyboard({c.name: name_points(c) for c in truth}, {c.name: c for c in truth})
    for found, true in zip(placed.rig.cameras, truth, strict=True):
        np.testing.assert_allclose(found.centre, true.centre, atol=1e-5)


def test_wrong_names_few_points_and_lines_are_refused():
    camera = make_cameras()[0]
    good = name_points(camera)
    swapped = dataclasses.replace(good, names=(*NAMES[1:5], NAMES[0], *NAMES[5:]))
    with pytest.raises(CalibrationError, match='px from where a keyboard has them'):
        place_by_keyboard({'top': swapped}, {'top': camera})
    with pytest.raises(CalibrationError, match='at least 6 points, found 4'):
        place_by_keyboard({'top': name_points(camera, NAMES[:4])})
    line = tuple(f'{k}{o}.front_left' for k in 'CF' for o in (2, 4, 6))
    blacks = tuple(f'{k}#{o}.{e}_left' for k in 'CF' for o in (2, 4, 6) for e in ('front', 'top'))
    for names in (line, blacks):  # feet and tops are 12 mm apart, which is next to nothing
        with pytest.raises(CalibrationError, match='on one line'):
            place_by_keyboard({'top': name_points(camera, names)})


@pytest.mark.parametrize('lens', [None, make_cameras()[0]])
def test_points_that_no_keyboard_has_are_refused_not_stumbled_over(lens):
    same = dataclasses.replace(name_points(make_cameras()[0]), pixels=np.full((10, 2), 300.0))
    with pytest.raises(CalibrationError, match='name the points again'):
        place_by_keyboard({'top': same}, {'top': lens} if lens else {})


def leave_as_a_board_does(cameras):
    """Return the same cameras in the first one's frame."""
    turn, shift = cameras[0].rotation, cameras[0].translation
    return Rig(
        tuple(
            dataclasses.replace(
                c,
                rotation=c.rotation @ turn.T,
                translation=c.translation - c.rotation @ turn.T @ shift,
            )
            for c in cameras
        )
    )


def test_a_board_calibrated_rig_is_moved_to_the_keyboard():
    truth = make_cameras()
    points = {c.name: name_points(c) for c in truth}
    rig, scale = move_to_keyboard(leave_as_a_board_does(truth), points)
    assert scale == pytest.approx(1.0, abs=1e-6) and rig.frame_id == 'keyboard'
    for found, true in zip(rig.cameras, truth, strict=True):
        np.testing.assert_allclose(found.centre, true.centre, atol=1e-6)
        np.testing.assert_allclose(found.rotation, true.rotation, atol=1e-6)
    # Squares that were said to be a tenth too large make everything larger, and no point wrong.
    larger = scale_rig(leave_as_a_board_does(truth), 1.1)
    assert move_to_keyboard(larger, points)[1] == pytest.approx(1.1)


def test_a_board_calibrated_rig_is_not_moved_by_points_that_do_not_say_where():
    """By points at the front edge of the white keys it came out turned about that edge, 0.4 m off."""
    truth = make_cameras()
    rig, good = leave_as_a_board_does(truth), {c.name: name_points(c, noise=0.5) for c in truth}
    edge = tuple(n for n in NAMES if '#' not in n and 'front' in n)
    with pytest.raises(CalibrationError, match='two pictures or more lie on one line'):
        move_to_keyboard(rig, {c.name: name_points(c, edge, 0.5) for c in truth})
    wrong = tuple(n.replace('F#5', 'F#4') for n in NAMES)
    with pytest.raises(CalibrationError, match=r"'top'.*look at F#4\.front_right first"):
        move_to_keyboard(rig, {n: dataclasses.replace(p, names=wrong) for n, p in good.items()})
    with pytest.raises(CalibrationError, match='3 points are named in two pictures or more'):
        move_to_keyboard(rig, {c.name: name_points(c, NAMES[:3]) for c in truth})
    with pytest.raises(CalibrationError, match='0 points are named in two pictures or more'):
        move_to_keyboard(rig, {})
    small = dataclasses.replace(good['top'], size=(640, 360))
    with pytest.raises(CalibrationError, match="'top'.*1280 x 720, the points are for 640 x 360"):
        move_to_keyboard(rig, {**good, 'top': small})


def test_a_file_of_points_is_written_to_a_hundredth_or_not_at_all(tmp_path):
    path, points = tmp_path / 'points.yaml', name_points(make_cameras()[0])
    save_points({'top': points}, path)
    read = load_points(path)['top']
    assert (read.size, read.names) == (points.size, points.names)
    np.testing.assert_allclose(read.pixels, points.pixels, atol=0.0051)
    before = path.read_bytes()
    (tmp_path / '.points.yaml.part').mkdir()  # stands in the way as a full disk would
    with pytest.raises(OSError):
        save_points({'left': points}, path)
    assert path.read_bytes() == before


def test_a_file_of_points_is_read_or_refused(tmp_path):
    path, points = tmp_path / 'points.yaml', name_points(make_cameras()[0])
    entry = {
        'size': list(points.size),
        'points': dict(zip(points.names, points.pixels.tolist(), strict=True)),
    }
    path.write_text(yaml.safe_dump({'cameras': {'top': entry}}))
    read = load_points(path)['top']
    assert (read.size, read.names) == (points.size, tuple(sorted(points.names)))
    path.write_text('cameras: {top: {size: [1, 2]}}')
    with pytest.raises(CalibrationError, match="expected `cameras:`.*'points'"):
        load_points(path)


@pytest.mark.parametrize(
    ('entry', 'words'),
    [
        ('size: [640], points: {}', r'size: \[width, height\]'),
        ('size: [640, 480], points: {C4.front_left: [1, 2, 3]}', r'C4.front_left is named at \[1'),
        (
            'size: [640, 480], points: {C4.front_left: [.nan, 2]}',
            r'C4.front_left is named at \[nan',
        ),
    ],
)
def test_what_is_no_place_in_a_picture_is_said_not_stumbled_over(tmp_path, entry, words):
    path = tmp_path / 'points.yaml'
    path.write_text(f'cameras: {{top: {{{entry}}}}}')
    with pytest.raises(CalibrationError, match=words):
        load_points(path)


def shrink(points, part):
    """Return the points of the same picture, of `part` of its size."""
    size = tuple(round(part * n) for n in points.size)
    return Points(size, points.names, part * (points.pixels + 0.5) - 0.5)


def camera_of(points, camera):
    part = points.size[0] / camera.size[0]
    matrix = np.diag([part, part, 1.0]) @ camera.matrix
    return dataclasses.replace(camera, size=points.size, matrix=matrix)


@pytest.mark.parametrize('part', [0.5, 1.5, 3.0])
def test_the_same_picture_of_any_size_is_judged_alike(part):
    """Keys differ from makers' drawings, and lenses from the model, by parts of the picture."""
    camera = make_cameras()[1]
    usual = name_points(camera, noise=3.0, seed=2)
    known, other = fit_camera('left', usual), fit_camera('left', shrink(usual, part))
    np.testing.assert_allclose(other.camera.centre, known.camera.centre, atol=0.03)
    check_points(other, usual.names)
    if part > 1:  # in a small picture nobody clicks more finely
        assert other.focal_doubt == pytest.approx(known.focal_doubt, rel=1e-3)
        np.testing.assert_allclose(other.off, part * known.off, rtol=0.01, atol=1e-3)
    else:
        assert other.focal_doubt == pytest.approx(known.focal_doubt / part, rel=0.3)
    bad = shrink(name_points(camera, noise=14.0, seed=2), part)
    with pytest.raises(CalibrationError, match=f'at most {6 * part:.2g} can be accepted'):
        check_points(fit_camera('left', bad, camera_of(bad, camera)), bad.names)


@pytest.mark.parametrize('size', [(640, 360), (1280, 720), (3840, 2160)])
def test_a_key_taken_for_the_next_but_one_is_noticed_in_any_size(size):
    camera = make_cameras()[1]
    points = shrink(name_points(camera, noise=0.5), size[0] / camera.size[0])
    names = tuple('E4.front_left' if n == 'C4.front_left' else n for n in points.names)
    moved = dataclasses.replace(points, names=names)
    with pytest.raises(CalibrationError, match='look at E4.front_left first'):
        check_points(fit_camera('left', moved), names)
