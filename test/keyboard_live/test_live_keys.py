import math

import mido
import numpy as np

from pianokpm_ros.keyboard.live_keys import LiveKeys
from pianokpm_ros.messages import from_message, to_message
from pianokpm_ros.muscle.timebase import KeyGrid
from pianokpm_ros.recording.schemas import bag_types

MS = 1_000_000


def note(kind, key, velocity=64):
    return mido.Message(kind, note=key, velocity=velocity)


def test_a_note_appears_as_long_as_it_is_held():
    keys = LiveKeys('midi:test')
    keys.push(102 * MS, note('note_on', 60, 90))
    first, second = keys.record(110 * MS), keys.record(120 * MS)
    keys.push(125 * MS, note('note_off', 60, 30))
    third, fourth = keys.record(130 * MS), keys.record(140 * MS)
    assert (first.stamp, first.key.tolist(), first.midi_velocity.tolist()) == (
        102 * MS,
        [60],
        [90],
    )
    assert (second.stamp, second.position.tolist(), second.midi_velocity.tolist()) == (
        120 * MS,
        [1.0],
        [0],
    )
    assert (third.stamp, third.position.tolist(), third.midi_velocity.tolist()) == (
        125 * MS,
        [0.0],
        [30],
    )
    assert (fourth.stamp, len(fourth.key)) == (140 * MS, 0)
    assert [r.sequence for r in (first, second, third, fourth)] == [0, 1, 2, 3]
    assert np.isnan(first.velocity).all(), 'MIDI does not measure the speed of the key'


def test_a_note_on_without_velocity_is_a_note_off():
    keys = LiveKeys('midi:test')
    keys.push(1, note('note_on', 60))
    keys.push(2, note('note_on', 60, 0))
    record = keys.record(3)
    assert record.position.tolist() == [1.0, 0.0] and not keys.held
    np.testing.assert_allclose(record.time, [0, 1e-9])


def test_the_estimators_key_grid_sees_what_was_played():
    keys, grid = LiveKeys('midi:test'), KeyGrid()
    keys.push(105 * MS, note('note_on', 60))
    keys.push(112 * MS, note('note_on', 64))
    keys.push(138 * MS, note('note_off', 60))
    for end in range(110, 160, 10):
        record = from_message(to_message(keys.record(end * MS), bag_types()))
        grid.push(record)
    found, sensor = grid.at(np.arange(110, 160, 10) * MS)
    positions, known = found.position, found.known
    assert positions[:, 60 - 21].tolist() == [1, 1, 1, 0, 0]
    assert positions[:, 64 - 21].tolist() == [0, 1, 1, 1, 1]
    assert known.all() and not sensor


def test_pedals_are_unknown_until_moved():
    keys = LiveKeys('midi:test')
    assert all(math.isnan(p) for p in keys.record(1).pedal)
    keys.push(2, mido.Message('control_change', control=64, value=127))
    keys.push(3, mido.Message('control_change', control=67, value=0))
    pedal = keys.record(4).pedal
    assert pedal[0] == 1.0 and math.isnan(pedal[1]) and pedal[2] == 0.0
    keys.push(5, mido.Message('control_change', control=66, value=127))
    assert keys.record(6).pedal == (1.0, 1.0, 0.0)


def test_every_way_of_going_away_lifts_all_keys():
    ways = {
        'port lost': lambda k: k.release_all(5),
        'all notes off': lambda k: k.push(5, mido.Message('control_change', control=123)),
        'reset': lambda k: k.push(5, mido.Message('reset')),
    }
    for name, go in ways.items():
        keys = LiveKeys('midi:test')
        for key in (60, 64, 67):
            keys.push(1, note('note_on', key))
        keys.record(2)
        go(keys)
        record = keys.record(6)
        assert record.key.tolist() == [60, 64, 67] and not record.position.any(), name
        assert not keys.held and not len(keys.record(7).key), name


def test_active_sensing_that_stops_lifts_all_keys():
    keys = LiveKeys('midi:test')
    keys.push(0, mido.Message('active_sensing'))
    keys.push(10 * MS, note('note_on', 60))
    assert keys.record(300 * MS).position.tolist() == [1.0]
    assert keys.record(350 * MS).position.tolist() == [0.0]


def test_without_active_sensing_a_key_may_be_held_for_as_long_as_one_likes():
    keys = LiveKeys('midi:test')
    keys.push(10 * MS, note('note_on', 60))
    for seconds in (1, 10, 100):
        assert keys.record(seconds * 1000 * MS).position.tolist() == [1.0]


def test_any_message_counts_as_active_sensing():
    keys = LiveKeys('midi:test')
    keys.push(10_000 * MS, mido.Message('active_sensing'))
    keys.push(10_250 * MS, note('note_on', 60))
    assert keys.record(10_500 * MS).position.tolist() == [1.0]
    assert keys.record(10_600 * MS).position.tolist() == [0.0]


def test_events_after_the_end_wait_for_the_next_record():
    keys = LiveKeys('midi:test')
    keys.push(15, note('note_on', 60))
    assert not len(keys.record(10).key)
    assert keys.record(20).key.tolist() == [60]


def test_notes_that_are_no_piano_keys_are_counted():
    keys = LiveKeys('midi:test')
    for key in (5, 20, 21, 108, 109):
        keys.push(1, note('note_on', key, 1))
    assert keys.record(2).key.tolist() == [21, 108] and keys.ignored == 3


def test_what_comes_late_is_told_in_the_next_record_and_counted():
    keys = LiveKeys('midi:test')
    keys.record(10)
    keys.push(8, note('note_on', 60))
    keys.push(11, note('note_on', 64))
    assert keys.record(20).key.tolist() == [60, 64] and keys.late == 1


def test_what_waits_while_the_clock_is_set_back_is_told_in_the_order_of_playing():
    keys = LiveKeys('midi:test')
    keys.record(1000 * MS)
    keys.push(1005 * MS, note('note_on', 60))
    keys.push(1006 * MS, note('note_on', 64))
    keys.push(3 * MS, note('note_off', 60))  # a second earlier by the clock
    back, then = keys.record(8 * MS), keys.record(18 * MS)
    assert (back.key.tolist(), back.position.tolist()) == ([60, 64, 60], [1.0, 1.0, 0.0])
    assert back.stamp == 3 * MS and keys.late == 0
    assert (then.key.tolist(), then.position.tolist()) == ([64], [1.0])
