from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.keyboard.key_player import KeyPlayer, load_keys
from pianokpm_ros.keyboard.key_samples import KeySampleError, KeySamples, write_midi

MILLISECOND = 1_000_000
ORIGIN = 1_764_000_000_000_000_000


@pytest.fixture
def samples():
    """C4 down from 5 to 40 ms, E4 from 12 ms for ever."""
    return KeySamples(
        np.array([5, 12, 40], np.int64) * MILLISECOND,
        np.array([60, 64, 60], np.uint8),
        np.array([1.0, 1.0, 0.0], np.float32),
        np.full(3, np.nan, np.float32),
        np.array([80, 70, 0], np.uint8),
        'file:x.mid',
    )


def play(player, times):
    return [r for t in times if (r := player.advance(t)) is not None]


def stamps(record):
    return [record.stamp + round(1e9 * float(t)) for t in record.time]


def test_before_the_start_all_keys_rest_at_the_time_of_asking(samples):
    (record,) = play(KeyPlayer(samples), [ORIGIN])
    assert (record.stamp, len(record.key), record.sequence) == (ORIGIN, 0, 0)


def test_each_stroke_comes_once_with_its_own_time(samples):
    player = KeyPlayer(samples)
    player.start(ORIGIN)
    records = play(player, range(ORIGIN, ORIGIN + 100 * MILLISECOND, 10 * MILLISECOND))
    struck = [
        (s, int(k)) for r in records
        for s, k, v in zip(stamps(r), r.key, r.midi_velocity, strict=True) if v
    ]  # fmt: skip
    # `time` is float32 [s] within 10 ms: nanoseconds.
    assert [k for _, k in struck] == [60, 64]
    assert np.allclose([s - ORIGIN for s, _ in struck], [5e6, 12e6], atol=2)
    assert [r.sequence for r in records] == list(range(len(records)))
    assert 64 in records[-1].key and 60 not in records[-1].key


def test_a_late_call_covers_the_time_since_the_last(samples):
    player = KeyPlayer(samples)
    player.start(ORIGIN)
    (record,) = play(player, [ORIGIN + 50 * MILLISECOND])
    assert record.key.tolist() == [60, 64, 60]
    assert np.allclose(np.array(stamps(record)) - ORIGIN, [5e6, 12e6, 40e6], atol=4)


def test_at_half_speed_stamps_keep_the_keys_own_time(samples):
    player = KeyPlayer(samples, 0.5)
    player.start(ORIGIN)
    records = play(player, range(ORIGIN, ORIGIN + 30 * MILLISECOND, 10 * MILLISECOND))
    assert [r.key.tolist() for r in records] == [[], [60], [60]]
    assert records[1].stamp == ORIGIN + 5 * MILLISECOND


def test_it_waits_for_an_origin_in_the_future_and_starts_over(samples):
    player = KeyPlayer(samples)
    player.start(ORIGIN + 20 * MILLISECOND)
    early, first = play(player, [ORIGIN, ORIGIN + 30 * MILLISECOND])
    assert len(early.key) == 0 and first.key.tolist() == [60]
    player.start(ORIGIN + 10**9)
    (again,) = play(player, [ORIGIN + 10**9 + 6 * MILLISECOND])
    assert again.stamp == ORIGIN + 10**9 + 5 * MILLISECOND and again.sequence == 2


def test_time_that_stands_still_or_goes_back_gives_nothing(samples):
    player = KeyPlayer(samples)
    player.start(ORIGIN)
    assert player.advance(ORIGIN + MILLISECOND) is not None
    assert player.advance(ORIGIN + MILLISECOND) is None
    assert player.advance(ORIGIN) is None
    assert player.advance(ORIGIN + 2 * MILLISECOND) is not None


def test_files_are_read_and_other_files_refused(samples, tmp_path):
    path = tmp_path / 'x.mid'
    write_midi(replace(samples, velocity=np.full(3, 5.0, np.float32)), path)
    found = load_keys(path)
    assert found.key.tolist() == [60, 64, 60] and found.source == 'file:x.mid'
    with pytest.raises(KeySampleError, match='Standard MIDI'):
        load_keys(tmp_path / 'nothing.mid')
