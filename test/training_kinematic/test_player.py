import numpy as np
import pytest
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.kinematic.person import Person
from pianokpm_training.kinematic.player import HandPlayer
from pianokpm_training.kinematic.strokes import (
    PAD,
    key_height,
    key_travel,
    plan_strokes,
    stroke_time,
)

from pianokpm_ros.anatomy import FINGERTIPS, Side
from pianokpm_ros.keyboard.layout import BLACK_FRONT, FIRST_KEY, KEY_CENTRES, is_black
from pianokpm_ros.muscle.features import is_hand

REACHED = 0.003
"""How near a tip comes to its key: less than half a fingertip."""


def misses(player, mirror):
    """Distances of the tips from where their pads touch the pressed key [m], one a stroke."""
    found = []
    for stroke in player.strokes:
        note = stroke.note
        tip = player.landmarks([note.onset])[0, FINGERTIPS[note.finger - 1]] * [mirror, 1, 1]
        bottom = key_height(note.key) + PAD - key_travel(note.key)
        found.append(np.linalg.norm(tip - [*stroke.place, bottom]))
    return np.array(found)


def mirror_of(player):
    return -1.0 if player.side == Side.LEFT else 1.0


def test_every_key_of_the_demo_is_reached(players, side):
    assert misses(players[side], mirror_of(players[side])).max() < REACHED


def test_hardly_any_key_is_missed_by_anybody(others):
    distances = np.concatenate([misses(p, mirror_of(p)) for _, p in others if p.strokes])
    # Single wide leaps and spans are beyond some hands; the tip then stays short of its key.
    assert np.mean(distances > REACHED) < 0.03 and np.median(distances) < 0.001


def test_tips_meet_the_right_keys_where_they_are_wide_enough(players, side):
    for stroke in players[side].strokes:
        key, (x, y) = stroke.note.key, stroke.place
        assert abs(mirror_of(players[side]) * x - KEY_CENTRES[key - FIRST_KEY]) <= 0.003
        assert (y > BLACK_FRONT) if is_black(key) else (0 < y < BLACK_FRONT)


def test_a_tip_goes_down_with_its_key_and_stays(players, side):
    player = players[side]
    for stroke in player.strokes[::5]:
        held = np.linspace(stroke.note.onset, stroke.note.end, 7)
        tip = player.tips(held)[:, stroke.note.finger - 1, 2]
        np.testing.assert_allclose(
            tip, key_height(stroke.note.key) + PAD - key_travel(stroke.note.key), atol=1e-9
        )
        before = player.tips(np.array([stroke.strike]))[0, stroke.note.finger - 1, 2]
        assert before > key_height(stroke.note.key) + PAD  # it comes from above


def test_nothing_jumps(players, others):
    """A hand covers no more than a few m/s; a fast repeated stroke (14 mm in 24 ms) needs some 140 m/s^2, and the
    joints above a tip up to four times as much where a finger is nearly straight."""
    everybody = [*players.values(), *(p for _, p in others)]
    for player in everybody:
        landmarks = player.landmarks(np.arange(0.5, 9.0, 0.002))
        velocity = np.diff(landmarks, axis=0) / 0.002
        assert np.linalg.norm(velocity, axis=-1).max() < 5.0
        assert np.linalg.norm(np.diff(velocity, axis=0) / 0.002, axis=-1).max() < 900.0


def test_hands_look_like_a_pianists(players, side):
    landmarks = players[side].landmarks(np.arange(0.5, 9.0, 0.01))
    landmarks[..., 0] *= mirror_of(players[side])
    assert all(is_hand(frame) for frame in landmarks)
    wrist, knuckles, tips = landmarks[:, 0], landmarks[:, 5:18:4], landmarks[:, 8::4]
    assert (0.025 < wrist[:, 2]).all() and (wrist[:, 2] < 0.075).all()
    assert (knuckles[..., 2].mean(axis=1) > wrist[:, 2]).all()  # a raised arch
    assert (tips[..., 2] < knuckles[..., 2]).mean() > 0.99  # curved down to the keys
    assert (wrist[:, 1] < -0.04).all() and (tips[..., 1] > -0.02).all()
    assert (landmarks[:, 4, 0] < landmarks[:, 20, 0]).all()  # thumb inwards
    assert (tips[..., 2] > PAD - 0.0101).all()  # no finger goes through a key


def test_any_rate_shows_the_same_course(players):
    player = players[Side.RIGHT]
    slow, fast = np.arange(0, 4, 1 / 30), np.arange(0, 4, 1 / 120)
    np.testing.assert_allclose(
        player.landmarks(slow), player.landmarks(fast)[::4][: len(slow)], atol=1e-12
    )


def test_a_hand_without_notes_waits():
    player = HandPlayer((), Side.LEFT, Person(), 4.0, 0)
    landmarks = player.landmarks(np.arange(0, 4, 0.02))
    assert player.strokes == () and (landmarks[:, 0, 0] < 0).all()
    assert (landmarks[:, list(FINGERTIPS), 2] > PAD).all()
    assert 0 < np.linalg.norm(np.diff(landmarks, axis=0), axis=-1).max() < 0.002  # alive, but calm


def test_loud_strokes_are_quicker_and_come_from_higher(players):
    assert stroke_time(1) == pytest.approx(0.124, abs=0.001) and stroke_time(127) == pytest.approx(
        0.055
    )


def test_strokes_keep_their_order():
    rng = np.random.default_rng(0)
    onsets = np.cumsum(rng.uniform(0.11, 0.6, 40))
    notes = [
        Note(
            t, min(0.04 + 0.02 * rng.random(), 0.05), 60, Side.RIGHT, 2, int(rng.integers(1, 128))
        )
        for t in onsets
    ]
    strokes = plan_strokes(notes, [(0.0, 0.03)] * 40)
    times = [t for s in strokes for t in (s.prepare, s.strike, s.note.onset, s.note.end, s.away)]
    assert (np.diff(times) >= -1e-12).all()
