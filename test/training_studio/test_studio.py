"""The studio's pictures show what they were asked to show, and are the same each time."""

import multiprocessing

import numpy as np
import pytest

pytest.importorskip('numba', reason='needs requirements/training.txt')

from pianokpm_training.kinematic.performance import perform
from pianokpm_training.kinematic.pieces import fuer_elise
from pianokpm_training.studio.check import (
    TakeScore,
    check_take,
    describe_far,
    describe_landmarks,
    describe_score,
    describe_status,
    join_scores,
)
from pianokpm_training.studio.film import film
from pianokpm_training.studio.flesh import Part, clothe
from pianokpm_training.studio.piano import build_piano
from pianokpm_training.studio.rigs import VIEWS, StudioError, build_rig, cut, place_camera
from pianokpm_training.studio.view import View, find_tiles

from pianokpm_ros.anatomy import FINGERTIPS, Status
from pianokpm_ros.cli import main
from pianokpm_ros.takes import load_take

SMALL = (320, 240)


@pytest.fixture(scope='module')
def performance():
    return perform(fuer_elise(), seed=1)


@pytest.fixture(scope='module')
def hands(performance):
    return performance.landmarks[120]


def skin(image: np.ndarray) -> np.ndarray:
    """Tell skin from grey, black and the felt, which is red without any yellow."""
    return (image[..., 2].astype(int) - image[..., 0] > 40) & (image[..., 1] > 1.1 * image[..., 0])


def test_flesh_covers_every_landmark_and_scales_with_the_hand(hands):
    body = clothe(hands[1])
    starts, ends = body.ends
    for mark in hands[1]:
        along = np.clip(((mark - starts) * (ends - starts)).sum(1) * body.capsules[:, 6], 0, 1)
        gap = np.linalg.norm(mark - starts - along[:, None] * (ends - starts), axis=1)
        assert (gap < body.capsules[:, 7] + along * body.capsules[:, 8]).any()
    assert sorted(set(body.group.tolist())) == list(range(6))
    assert (np.diff(body.group) >= 0).all() and set(body.part) == {int(p) for p in Part}
    np.testing.assert_allclose(clothe(1.1 * hands[1]).capsules[:, 7], 1.1 * body.capsules[:, 7])


@pytest.mark.parametrize('name', VIEWS)
def test_hands_are_drawn_where_they_are(hands, name):
    camera = place_camera(name, SMALL)
    view, keys = View(camera, 0), np.zeros(88)
    with_hands, without = view.render(hands, keys), view.render(hands[:0], keys)
    pixels = camera.project(hands).reshape(-1, 2)
    x, y = np.rint(pixels).astype(int).T
    assert skin(with_hands)[y, x].mean() > 0.9  # a few are behind the other hand's arm or a key
    assert not skin(without)[y, x].any()


def test_an_absent_hand_is_not_drawn(hands):
    view, keys = View(place_camera('top', SMALL), 0), np.zeros(88)
    one = hands.copy()
    one[0, 3] = np.nan
    picture = view.render(one, keys)
    assert skin(picture)[:, 160:].any() and not skin(picture)[:, :150].any()


def test_pictures_depend_on_the_seed_and_nothing_else(hands):
    def take(seed):
        view = View(place_camera('top', SMALL), seed)
        return np.stack([view.render(hands, np.zeros(88)) for _ in range(2)])

    first = take(3)
    np.testing.assert_array_equal(first, take(3))
    assert (first != take(4)).mean() > 0.3 and (first[0] != first[1]).mean() > 0.3


def test_repainting_a_key_equals_painting_everything(hands):
    keys = np.zeros(88)
    keys[39] = 1.0
    camera = place_camera('left', SMALL)
    patched, fresh = View(camera, 0), View(camera, 0)
    patched.render(hands[:0], np.zeros(88))
    patched.render(hands[:0], keys)
    fresh.render(hands[:0], keys)
    np.testing.assert_array_equal(patched._depth, fresh._depth)
    np.testing.assert_array_equal(patched._lit, fresh._lit)
    assert (View(camera, 0).render(hands[:0], keys * 0) != fresh.render(hands[:0], keys)).any()


def test_keys_go_down_by_their_travel():
    piano, keys = build_piano(), np.zeros(88)
    keys[[39, 40]] = 1.0  # middle C and the black key above it
    low, high = piano.press(keys)
    np.testing.assert_allclose(piano.high[:, 2] - high[:, 2], np.eye(len(low))[39] * 0.010
                               + np.eye(len(low))[40] * 0.008, atol=1e-12)  # fmt: skip


def test_tiles_hold_every_landmark(hands):
    camera = place_camera('front', SMALL)
    tiles, counts, chosen, near = find_tiles(camera, clothe(hands[0]))
    places = {tuple(t) for t in tiles.tolist()}
    for x, y in camera.project(hands[0]):
        assert (int(x) // 16 * 16, int(y) // 16 * 16) in places
    depth = np.linalg.norm(hands[0] - camera.centre, axis=1).min()
    assert (counts > 0).all() and near.min() < depth and chosen.shape[1] >= counts.max()


def test_a_filmed_take_is_found_by_mediapipe(performance, tmp_path):
    part = cut(performance, 0.25)
    told = []
    take = film(
        part, build_rig(('top', 'front')), tmp_path / 'take', {}, 2, lambda *n: told.append(n)
    )
    assert told[-1] == (2 * len(part.stamp), 2 * len(part.stamp))
    assert [p.name for p in tmp_path.iterdir()] == ['take']
    again = load_take(take.path)
    np.testing.assert_array_equal(again.performance.landmarks, part.landmarks)
    score = check_take(again)
    for view in score.views.values():
        assert view.shown == 2 * len(part.stamp)
        assert view.found >= 0.9 * view.shown and view.ghosts == 0
    # Two views; a finger is some 15 mm wide.
    assert np.nanmedian(score.distances) < 0.015
    assert np.isfinite(score.distances[:, list(FINGERTIPS)]).any()
    assert 'triangulated' in '\n'.join(describe_score(score))
    table = describe_landmarks(join_scores([score, score]))
    assert len(table) == 2 + 21 and table[2].startswith('wrist') and 'nan' not in table[2]
    for view in score.views.values():
        assert len(view.pixels) == len(view.metres) == view.found
    assert again.select(('front',)).rig.names == ('front',)
    assert (score.used == 2).mean() > 0.9 and (score.status == Status.OK).mean() > 0.9
    assert f'{len(part.stamp)}        0       0.0%' in '\n'.join(describe_far(score))


@pytest.mark.parametrize('error', [KeyboardInterrupt, OSError])
def test_a_film_that_is_broken_off_ends_at_once_and_leaves_nothing(performance, tmp_path, error):
    def stop(*_):
        raise error('as asked')

    with pytest.raises(error, match='as asked'):
        film(performance, build_rig(('top', 'front')), tmp_path / 'take', {}, 2, stop)
    assert not list(tmp_path.iterdir()) and not multiprocessing.active_children()


def test_hands_in_a_wrong_place_are_counted_by_what_they_were_called():
    truth, errors = np.zeros((4, 2, 21, 3)), np.zeros((4, 2, 21, 3))
    errors[0, 1, :, 0], errors[1, 1, :, 0] = 0.07, 0.05
    errors[2, 1, :, 0], errors[3, 1] = 0.08, np.nan
    status, used = np.full((4, 2), Status.OK), np.full((4, 2), 3)
    status[1:, 1] = Status.OK, Status.DEGRADED, Status.INVALID
    used[3, 1] = 0
    score = TakeScore({}, truth, errors, errors[..., 0], 60.0, 'four', status, used)
    rows = describe_far(score)[2:]
    assert [r.split() for r in rows] == [
        ['left', '3', '4', '0', '0.0%', '0', '0', '0'],
        ['right', '0', '1', '0', '0.0%', '0', '0', '1'],
        ['right', '3', '3', '2', '66.7%', '1', '1', '0'],
    ]


def test_what_cannot_be_filmed_is_said(performance):
    with pytest.raises(StudioError, match='no view|asked for the view'):
        build_rig(('below',))
    with pytest.raises(StudioError, match='positive'):
        cut(performance, 0.0)


def test_a_duration_of_nothing_is_not_the_whole(tmp_path, capsys):
    flags = ['--player', 'kinematic', '--rate', '5', '--duration', '0']
    assert main(['studio', 'render', str(tmp_path / 'take'), *flags]) == 1
    assert 'duration must be positive' in capsys.readouterr().err


def test_each_status_tells_how_exact_it_is_and_how_true_what_it_states():
    truth = np.zeros((4, 2, 21, 3))
    errors = np.full(truth.shape, np.nan)
    errors[:3] = 0.0
    errors[0, 0, :, 0] = 0.05
    status = np.full((4, 2), Status.OK, np.uint8)
    status[0, 0], status[3] = Status.DEGRADED, Status.INVALID
    stated = np.full(truth.shape[:-1], 0.01)
    rows = describe_status(TakeScore({}, truth, errors, stated, 30.0, 'one', status))[1:]
    sound, degraded, every = (r.split()[1:] for r in rows)
    assert sound == ['62.5%', '0.0', '0.0', '0', '0.0', '10.0']
    assert degraded == ['12.5%', '50.0', '50.0', '1', f'{50 / 3**0.5:.1f}', '10.0']
    assert every[0] == '75.0%' and every[3] == '1'
