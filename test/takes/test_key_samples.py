from dataclasses import replace

import mido
import numpy as np
import pytest

from pianokpm_ros.keyboard.key_samples import (
    KeySampleError,
    keys_at,
    list_strokes,
    positions_at,
    read_midi,
    write_midi,
)
from pianokpm_ros.muscle.timebase import KeyGrid

MS = 1_000_000


def replay(samples, period):
    """Feed the records to the estimator's key grid and return the keys at every tick."""
    grid, ticks = KeyGrid(), np.arange(0, 500 * MS, 10 * MS)
    for record in samples.records(500 * MS, period):
        grid.push(record)
    return ticks, grid.at(ticks)


@pytest.mark.parametrize('period', [1, 10, 33, 100])
@pytest.mark.parametrize('kind', ['sensor', 'midi'])
def test_records_of_any_rate_carry_the_same_motion(performance, tmp_path, period, kind):
    samples = performance.sensor_keys()
    if kind == 'midi':
        write_midi(samples, tmp_path / 'keys.mid')
        samples = read_midi(tmp_path / 'keys.mid')
    ticks, (keys, sensor) = replay(samples, period * MS)
    np.testing.assert_allclose(keys.position, positions_at(samples, ticks), atol=1e-6)
    np.testing.assert_allclose(keys.struck, keys_at(samples, ticks).struck, rtol=1e-6)
    assert keys.known.all() and sensor == (kind == 'sensor')
    assert keys.position[:, 60 - 21].max() == 1.0 and keys.position.any(axis=0).sum() == 2
    assert ((keys.struck > 0) == (keys.position > 0.02)).all()


def test_every_record_has_each_key_that_is_down(performance):
    records = list(performance.sensor_keys().records(500 * MS, 10 * MS, start=5_000))
    assert [r.sequence for r in records] == list(range(51))
    at = {r.sequence: r for r in records}
    assert at[5].key.tolist() == [] and at[5].stamp == 50 * MS + 5_000
    assert at[20].key.tolist() == [60] and at[20].velocity.tolist() == [0.0]
    assert at[20].stamp == 200 * MS + 5_000 and at[20].midi_velocity.tolist() == [0]
    assert set(at[26].key.tolist()) == {60, 64}
    assert all((np.diff(r.time) >= 0).all() for r in records)
    assert sum(len(r.key) for r in records) > len(performance.key)


def test_strokes_come_from_passing_the_escapement(performance):
    strokes = list_strokes(performance.sensor_keys())
    assert [(s[1], s[2]) for s in strokes] == [(60, True), (64, True), (60, False), (64, False)]
    # 0.7 of the dip is 7 of 10 ms down, 0.4 on the way up is 12 of 20 ms after the release;
    # a sample later where float32 rounds to the other side of the threshold.
    times = np.array([s[0] for s in strokes]) / MS - (107, 257, 322, 322)
    assert ((times >= 0) & (times <= 1)).all()
    # 100 dips a second are 1 m/s of the key and 5.5 m/s of the hammer: 52 + 25 log2(5.5) = 113.5.
    assert strokes[0][3] in (113, 114)


def test_midi_returns_the_strokes(performance, tmp_path):
    write_midi(performance.sensor_keys(), tmp_path / 'keys.mid')
    keys = read_midi(tmp_path / 'keys.mid')
    strokes = list_strokes(performance.sensor_keys())
    # Half a tick of 50 us.
    np.testing.assert_allclose(keys.stamp, [s[0] for s in strokes], atol=25_001)
    assert keys.key.tolist() == [s[1] for s in strokes]
    assert keys.midi_velocity[:2].tolist() == [s[3] for s in strokes[:2]]
    assert np.isnan(keys.velocity).all() and keys.source == 'file:keys.mid'
    assert all(np.isnan(keys.between(0, 10 * MS, 0).pedal))


def test_pedals_are_unknown_until_they_move(tmp_path):
    track = mido.MidiTrack(
        [
            mido.Message('note_on', note=60, velocity=80, time=480),
            mido.Message('control_change', control=64, value=127, time=480),
            mido.Message('note_on', note=60, velocity=0, time=480),
            mido.Message('note_on', note=5, velocity=80, time=0),
        ]
    )
    mido.MidiFile(tracks=[track], ticks_per_beat=480).save(tmp_path / 'p.mid')
    keys = read_midi(tmp_path / 'p.mid')
    assert keys.stamp.tolist() == [500 * MS, 1500 * MS] and keys.position.tolist() == [1.0, 0.0]
    assert np.isnan(keys.between(0, 900 * MS, 0).pedal).all()
    down = keys.between(900 * MS, 1100 * MS, 0)
    assert down.pedal[0] == 1.0 and np.isnan(down.pedal[1]) and down.key.tolist() == [60]


def test_what_is_no_midi_file_is_refused(tmp_path):
    (tmp_path / 'x.mid').write_bytes(b'RIFFxxxx')
    for name in ('x.mid', 'none.mid'):
        with pytest.raises(KeySampleError, match=name):
            read_midi(tmp_path / name)


def test_a_stroke_of_unknown_speed_is_as_hard_as_midi_or_the_keys_way_tell(performance):
    known = performance.sensor_keys()
    strokes = list_strokes(known)
    downs = [s for s in strokes if s[2]]
    told = np.zeros(len(known.key), np.uint8)
    for stamp, key, _, velocity in downs:
        told[(known.stamp == stamp) & (known.key == key)] = velocity
    unknown = replace(known, velocity=np.full(len(known.key), np.nan, np.float32))
    assert list_strokes(replace(unknown, midi_velocity=told)) == strokes
    by_way = [s for s in list_strokes(unknown) if s[2]]
    assert [s[:2] for s in by_way] == [s[:2] for s in downs]
    assert np.abs(np.subtract([s[3] for s in by_way], [s[3] for s in downs])).max() <= 6
