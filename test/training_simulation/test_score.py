"""Notes are dealt to hands and fingers that can play them."""

import numpy as np
import pytest
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.simulation.exercises import KINDS, play_exercise
from pianokpm_training.simulation.fingering import SPANS, finger_hand
from pianokpm_training.simulation.phrases import play_phrases
from pianokpm_training.simulation.pieces import excerpt, finger_piece, load_pieces
from pianokpm_training.simulation.requirements import SimulationError
from pianokpm_training.simulation.score import (
    OTHER_KEY,
    RawNote,
    group_chords,
    key_x,
    make_playable,
    mirror_note,
    read_notes,
    split_hands,
)

from pianokpm_ros.anatomy import Side


def line(keys, step=0.2):
    """Make a melody."""
    return [RawNote(i * step, 0.9 * step, k, 64) for i, k in enumerate(keys)]


def test_five_neighbours_get_five_fingers():
    notes = finger_hand(line([60, 62, 64, 65, 67]), Side.RIGHT)
    assert [n.finger for n in notes] == [1, 2, 3, 4, 5]


def test_left_hands_are_fingered_from_the_little_finger():
    notes = finger_hand(line([48, 50, 52, 53, 55]), Side.LEFT)
    assert [n.finger for n in notes] == [5, 4, 3, 2, 1]
    assert [n.key for n in notes] == [48, 50, 52, 53, 55]


def test_an_octave_is_spanned_by_thumb_and_little_finger():
    notes = finger_hand([RawNote(0, 0.5, 60, 64), RawNote(0, 0.5, 72, 64)], Side.RIGHT)
    assert [n.finger for n in notes] == [1, 5]


def test_only_the_thumb_passes_under():
    up = finger_hand(line([60, 62, 64, 65, 67, 69, 71, 72]), Side.RIGHT)
    for a, b in zip(up, up[1:], strict=False):
        assert b.finger > a.finger or b.finger == 1, [n.finger for n in up]


@pytest.mark.parametrize('method', ['quick', 'pianoplayer'])
def test_chords_have_fingers_in_order_and_within_reach(method):
    if method == 'pianoplayer':
        pytest.importorskip('pianoplayer', reason='needs requirements/simulation.txt')
    chord = [RawNote(0.5 * t, 0.4, k, 64) for t in range(2) for k in (60, 64, 67, 72)]
    notes = finger_hand(sorted(chord, key=lambda n: (n.onset, n.key)), Side.RIGHT, method)
    for first in (0, 4):
        fingers = [n.finger - 1 for n in notes[first : first + 4]]
        assert fingers == sorted(set(fingers))
        reach = key_x(72) - key_x(60)
        assert reach <= SPANS[fingers[0], fingers[-1]]


def test_unreachable_notes_are_left_out():
    wide = [RawNote(0, 0.5, k, v) for k, v in ((48, 40), (60, 64), (72, 64))]
    assert [n.key for n in finger_hand(wide, Side.RIGHT)] == [60, 72]


def test_a_finger_has_time_between_its_notes():
    notes = [
        Note(0.0, 1.0, 60, Side.RIGHT, 1),
        Note(0.5, 0.5, 62, Side.RIGHT, 1),
        Note(0.53, 0.5, 64, Side.RIGHT, 1),
    ]
    kept, dropped = make_playable(notes)
    assert dropped == 1 and len(kept) == 2
    assert kept[0].end <= 0.5 - OTHER_KEY + 1e-9


def test_a_key_is_let_go_before_it_is_struck_again():
    kept, _ = make_playable([Note(0.0, 1.0, 60, Side.RIGHT, 1), Note(0.3, 0.5, 60, Side.RIGHT, 2)])
    assert kept[0].end < 0.3


def test_mirror_keeps_black_black():
    for key in range(30, 95):
        mirrored = mirror_note(Note(0, 1, key, Side.RIGHT, 1))
        assert mirrored.side == Side.LEFT
        assert (mirrored.key % 12 in (1, 3, 6, 8, 10)) == (key % 12 in (1, 3, 6, 8, 10))
        assert key_x(mirrored.key) + key_x(key) == pytest.approx(2 * key_x(62))


@pytest.mark.parametrize('kind', KINDS)
def test_exercises_are_playable_and_differ_by_seed(kind):
    notes = play_exercise(kind, np.random.default_rng(1), 20.0, 0.006, 1.0)
    kept, dropped = make_playable(notes)
    assert len(kept) > 15
    assert dropped <= 0.03 * len(notes)
    assert max(n.end for n in kept) <= 19.5 + 1e-9
    again = play_exercise(kind, np.random.default_rng(1), 20.0, 0.006, 1.0)
    other = play_exercise(kind, np.random.default_rng(2), 20.0, 0.006, 1.0)
    assert notes == again and notes != other


@pytest.mark.parametrize('kind', KINDS)
def test_exercises_keep_the_hands_apart(kind):
    """The left hand plays the same keys mirrored about D4: six semitones lie between the thumbs at least."""
    for seed in range(20):
        notes = play_exercise(kind, np.random.default_rng(seed), 20.0, 0.006, 1.0)
        assert min(n.key for n in notes) - max(mirror_note(n).key for n in notes) >= 6
        assert max(n.key for n in notes) <= 104


def test_phrases_are_playable_differ_by_seed_and_keep_the_hands_apart():
    for seed in range(150):
        notes = play_phrases(np.random.default_rng(seed), 20.0, 0.006, 1.0)
        kept, dropped = make_playable(notes)
        assert len(kept) > 15 and dropped <= 0.2 * len(notes)
        assert min(n.onset for n in kept) >= 0.78 and max(n.end for n in kept) <= 19.52
        assert min(n.key for n in notes) - max(mirror_note(n).key for n in notes) >= 6
        assert notes == play_phrases(np.random.default_rng(seed), 20.0, 0.006, 1.0)
        assert notes != play_phrases(np.random.default_rng(seed + 1000), 20.0, 0.006, 1.0)


def test_phrases_hold_no_repeated_notes():
    """Repeated notes are a task of their own, kept to test on."""
    for seed in range(20):
        notes = play_phrases(np.random.default_rng(seed), 20.0, 0.0, 1.0)
        lowest = [min(n.key for n in g) for g in group_chords(notes)]
        assert not any(
            a == b == c for a, b, c in zip(lowest, lowest[1:], lowest[2:], strict=False)
        )


def test_shipped_pieces_are_playable_and_say_where_they_come_from():
    pieces = load_pieces()
    assert len(pieces) >= 5
    for piece in pieces:
        assert 'GiantMIDI' in piece.source and 'CC BY 4.0' in piece.source
        assert {n.side for n in piece.notes} == {Side.LEFT, Side.RIGHT}
        kept, dropped = make_playable(piece.notes)
        assert dropped == 0 and len(kept) == len(piece.notes)
        assert piece.dropped < 0.12 * len(piece.notes)
        cut = excerpt(piece, 5.0, 10.0)
        assert min(n.onset for n in cut) >= 0.8 and max(n.end for n in cut) <= 9.6 + 1e-9


def test_real_performances_are_split_between_hands(shared_data):
    path = next((shared_data / 'midi').glob('Scarlatti*K9*'))
    raw = read_notes(path, 0.0, 15.0)
    hands = split_hands(raw)
    assert sum(map(len, hands.values())) == len(raw) > 50
    mean = {s: np.mean([n.key for n in notes]) for s, notes in hands.items()}
    assert mean[Side.LEFT] < mean[Side.RIGHT] - 8
    piece = finger_piece(path, 'test', length=15.0)
    assert piece.dropped < 0.12 * len(raw)


def test_silence_before_the_first_note_is_left_out(tmp_path):
    """Files cut from long recordings keep their place in them: one of ours begins after 28 minutes."""
    import mido

    track = mido.MidiTrack()
    for i, key in enumerate((60, 62, 64)):
        track.append(
            mido.Message('note_on', note=key, velocity=64, time=960 * 100 if i == 0 else 0)
        )
        track.append(mido.Message('note_off', note=key, velocity=0, time=480))
    mido.MidiFile(tracks=[track], ticks_per_beat=480).save(tmp_path / 'late.mid')
    piece = finger_piece(tmp_path / 'late.mid', 'test', length=0.8)
    assert [n.key for n in piece.notes] == [60, 62]
    assert piece.notes[0].onset == 0.0 and piece.notes[1].onset == pytest.approx(0.5)


def test_an_empty_file_is_refused(tmp_path):
    import mido

    mido.MidiFile(tracks=[mido.MidiTrack()]).save(tmp_path / 'empty.mid')
    with pytest.raises(SimulationError, match='no notes'):
        finger_piece(tmp_path / 'empty.mid', 'test')
