import numpy as np
import pytest
from pianokpm_training.kinematic.notes import (
    ACROSS,
    BETWEEN,
    Note,
    NotesError,
    finger_notes,
    make_playable,
)
from pianokpm_training.kinematic.pieces import fuer_elise, key_number, random_exercise

from pianokpm_ros.anatomy import Side


def note(onset, duration=0.2, key=60, finger=1, side=Side.RIGHT):
    return Note(onset, duration, key, side, finger)


@pytest.mark.parametrize(
    'wrong',
    [{'key': 20}, {'key': 109}, {'finger': 0}, {'finger': 6}, {'duration': 0.0}, {'onset': -1.0}],
)
def test_nonsense_is_no_note(wrong):
    with pytest.raises(NotesError, match='asked for'):
        note(**({'onset': 0.0} | wrong))


def test_a_finger_lets_go_before_it_is_needed_again():
    same = make_playable([note(0.0, 1.0), note(0.5, 1.0)])
    assert same[0].end == pytest.approx(0.5 - BETWEEN)
    other = make_playable([note(0.0, 1.0), note(0.5, 1.0, key=62)])
    assert other[0].end < 0.5 - ACROSS
    hands = make_playable([note(0.0, 1.0), note(0.5, 1.0, side=Side.LEFT, key=48)])
    assert hands[0].end == 1.0  # another hand is free


def test_what_comes_too_soon_is_dropped():
    assert len(make_playable([note(0.0), note(0.05)])) == 1
    assert len(make_playable([note(0.0), note(0.05, key=64, finger=3)])) == 2


def test_fingers_go_by_place_and_none_twice_in_a_chord():
    right = finger_notes([(0.0, 0.5, k, 64) for k in (60, 64, 67, 72)], Side.RIGHT)
    assert [n.finger for n in right] == sorted({n.finger for n in right}) and len(right) == 4
    left = finger_notes([(0.0, 0.5, k, 64) for k in (48, 52, 55)], Side.LEFT)
    fingers = [n.finger for n in sorted(left, key=lambda n: n.key)]
    assert fingers == sorted(fingers, reverse=True)


def test_chords_beyond_a_hand_are_thinned():
    wide = finger_notes([(0.0, 0.5, k, 64) for k in (36, 48, 60, 72)], Side.RIGHT)
    keys = [n.key for n in wide]
    assert keys and max(keys) - min(keys) <= 14


def test_fuer_elise_is_fuer_elise(piece):
    names = 'E5 D#5 E5 D#5 E5 B4 D5 C5 A4 C4 E4 A4 B4 E4 G#4 B4 C5 E4 E5 D#5'.split()
    right = [n for n in piece.notes if n.side == Side.RIGHT]
    assert [n.key for n in right[:20]] == [key_number(n) for n in names]
    left = [n.key for n in piece.notes if n.side == Side.LEFT]
    assert left[:6] == [key_number(n) for n in 'A2 E3 A3 E2 E3 G#3'.split()]
    steps = np.diff([n.onset for n in right]) / 0.175
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)  # on the sixteenths
    assert len(piece.notes) == 51 and 8 < piece.duration < 10
    assert fuer_elise() == piece


def test_exercises_are_varied_and_repeatable():
    def make(seed):
        return random_exercise(np.random.default_rng(seed), 30.0)

    assert make(1) == make(1) != make(2)
    notes = [n for seed in range(8) for n in make(seed).notes]
    assert {n.side for n in notes} == {Side.LEFT, Side.RIGHT}
    assert {n.finger for n in notes} == {1, 2, 3, 4, 5}
    assert min(n.velocity for n in notes) < 35 < 95 < max(n.velocity for n in notes)
    assert all(n.end < 30.0 for n in notes)
