"""Envelopes are counted in milliseconds: those of other rates, with gaps or in other units must not slip through."""

from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.datasets.recording import DataError, SignalTrack
from pianokpm_training.sessions.ticks import find_targets, read_envelope

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.muscle.timebase import TICK


def course(stamp):
    """Six muscles' slow courses at stamps [ns]."""
    return (0.3 + 0.2 * np.sin(stamp[:, None] * 2e-9 + np.arange(6))).astype(np.float32)


def sampled(recording, stamp, **changes):
    stamp = np.asarray(stamp, np.int64)
    track = SignalTrack(stamp, course(stamp), MUSCLES, 'mvc', 'a test')
    return replace(recording, envelope=replace(track, **changes))


def aimed(recording):
    ticks = np.arange(50, 650, dtype=np.int64) * TICK
    return ticks, find_targets(read_envelope(recording), ticks, (0.0, 0.067))


@pytest.mark.parametrize('rate', [100.0, 200.0, 1000.0, 1024.0, 2000.0])
@pytest.mark.parametrize('first', [0, 300_300_000])
def test_targets_are_in_time_at_any_rate(recording, rate, first):
    stamp = first + np.rint(np.arange(int(8 * rate)) * 1e9 / rate)
    ticks, found = aimed(sampled(recording, stamp))
    for i, lookahead in enumerate((0.0, 0.067)):
        wanted = course(ticks + TICK - round(lookahead * 1e9))
        np.testing.assert_allclose(found[:, i], wanted, atol=1e-3)


def test_a_gap_between_stamps_shifts_nothing_and_is_unknown(recording):
    stamp = np.arange(8000) * 1_000_000
    stamp = stamp[(stamp < 2e9) | (stamp > 3.5e9)]
    ticks, found = aimed(sampled(recording, stamp))
    at = (ticks + TICK) * 1e-9
    inside = (at > 2.01) & (at < 3.49)
    assert np.isnan(found[inside, 0]).all() and np.isfinite(found[~inside & (at < 1.98), 0]).all()
    later = at > 3.6
    np.testing.assert_allclose(found[later, 0], course(ticks + TICK)[later], atol=1e-3)


def test_whole_milliseconds_stay_as_they_are(recording):
    given = sampled(recording, np.arange(3000) * 1_000_000)
    assert read_envelope(given) is given.envelope
    assert np.isnan(find_targets(given.envelope, np.array([-TICK]), (0.033,))).all()


def test_muscles_are_known_by_name_in_any_order(recording):
    given = sampled(recording, np.arange(8000) * 1_000_000)
    track = given.envelope
    turned = replace(track, samples=track.samples[:, ::-1].copy(), channel=track.channel[::-1])
    np.testing.assert_array_equal(aimed(given)[1], aimed(replace(given, envelope=turned))[1])


def test_what_is_no_fraction_of_these_muscles_is_refused(recording):
    stamp = np.arange(3000) * 1_000_000
    for changes, words in (
        ({'unit': 'V'}, "in 'V'; it must be in parts of a maximum"),
        ({'channel': tuple('abcdef')}, 'channels a, b, c, d, e, f, none of which is called ADM'),
        ({'samples': 100 * course(stamp)}, 'is it in per cent'),
    ):
        with pytest.raises(DataError, match=words):
            read_envelope(sampled(recording, stamp, **changes))
    with pytest.raises(DataError, match='no envelope'):
        read_envelope(replace(recording, envelope=None))
