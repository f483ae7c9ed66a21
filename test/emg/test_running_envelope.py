"""Envelopes of EMG while it comes: where they belong in time, thinned, with gaps where samples are missing."""

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.processing import ProcessingError, StreamingEnvelope, envelope
from pianokpm_ros.emg.running_envelope import SETTLING, RunningEnvelope
from pianokpm_ros.emg.synthesis import EmgSynthesizer
from pianokpm_ros.records import EmgBlock, EmgOrigin

RATE = 2000.0
ORIGIN = 1_700_000_000_003_000_000
SIDES = np.full(2, Side.RIGHT, np.uint8)


def make_raw(seconds):
    """Return (N, 2) raw signals [V] whose envelopes go up and down."""
    time = np.arange(round(seconds * RATE)) / RATE
    course = 0.3 + 0.25 * np.sin(2 * np.pi * 1.3 * time + np.sin(time))
    return EmgSynthesizer(RATE, 2, 1).push(np.stack([course, 0.5 * course], 1)) * 1e-4


def make_block(samples, first, processing='raw', rate=RATE):
    stamp = ORIGIN + round(first * 1e9 / rate)
    return EmgBlock(
        stamp, 0, EmgOrigin.SIMULATED, rate, ('ADM', 'APB'), SIDES, 'V', processing, 'test',
        np.asarray(samples, np.float32),
    )  # fmt: skip


def push(raw, cuts, running=None, processing='raw', rate=RATE, missing=()):
    """Push a signal in blocks; returns the times [s] after its first sample, values and what made them."""
    edges = [0, *cuts, len(raw)]
    running = running or RunningEnvelope(make_block(raw[:1], 0, processing, rate))
    parts = [
        running.push(make_block(raw[a:b], a, processing, rate))
        for i, (a, b) in enumerate(zip(edges[:-1], edges[1:], strict=True))
        if i not in missing
    ]
    stamps, values = (np.concatenate(p) for p in zip(*parts, strict=True))
    return (stamps - ORIGIN) * 1e-9, values, running


def even_cuts(raw, size=40):
    return list(range(size, len(raw), size))


def test_a_value_stands_where_it_would_without_delay_whatever_the_blocks():
    raw = make_raw(8.0)
    times, values, running = push(raw, even_cuts(raw))
    assert running.delay == pytest.approx(0.0385, abs=0.001)
    assert 'cutoff=6.0' in str(running.settings)
    odd = push(raw, [1, 3, 1000, 1003, 9999])
    np.testing.assert_array_equal(odd[0], times)
    np.testing.assert_allclose(odd[1], values, rtol=1e-6)
    # 100 a second, at the first sample of each hundredth
    np.testing.assert_allclose(np.diff(times)[1:], 0.01, atol=1.01 / RATE)
    whole = envelope(raw, RATE)

    def agree(late):
        there = [np.interp(times - late, np.arange(len(raw)) / RATE, c) for c in whole.T]
        inside = (times > 1) & (times < 7)
        return np.corrcoef(values[inside, 0], there[0][inside])[0, 1]

    shifts = np.arange(-0.03, 0.031, 0.002)
    best = shifts[np.argmax([agree(s) for s in shifts])]
    # a millisecond or two: the filters' delay depends a little on the frequency
    assert abs(best) <= 0.004 and agree(0.0) > 0.98


def test_what_is_lost_is_a_gap_until_the_filters_have_settled():
    raw = make_raw(4.0)
    raw[4000:4003, 0] = np.nan
    times, values, running = push(raw, even_cuts(raw), missing=(120, 121))
    shift = running.delay
    unknown = times[np.isnan(values[:, 0])] + shift
    settling = {
        round(start, 2): ((unknown >= start - 0.01) & (unknown <= start + SETTLING + 0.01)).sum()
        for start in (0.0, 2.0, 122 * 0.02)
    }
    assert all(9 <= n <= 12 for n in settling.values()), settling
    assert sum(settling.values()) == len(unknown)
    # the other channel lost nothing at 2 s; both lost two blocks
    assert np.isnan(values[:, 1]).sum() == pytest.approx(len(unknown) - settling[2.0], abs=1)
    # nothing is told of the time of the blocks that never came
    assert not ((times + shift > 2.405) & (times + shift < 2.435)).any()


def test_mains_go_once_they_are_known_and_leave_no_step():
    raw = make_raw(24.0)
    time = np.arange(len(raw)) / RATE
    hum = raw + 4e-5 * np.sin(2 * np.pi * 50 * time)[:, None]
    times, clean, _ = push(raw, even_cuts(raw))
    _, values, running = push(hum, even_cuts(raw))
    assert running.settings.notch == (50.0,)
    before, after = (times > 1) & (times < 9), times > 10.2
    assert values[before].mean() > 1.2 * clean[before].mean()
    assert values[after].mean() == pytest.approx(clean[after].mean(), rel=0.02)
    just = (times > 9.98) & (times < 10.2)
    # filters that began anew would begin at zero
    np.testing.assert_allclose(values[just], clean[just], atol=4e-6)
    assert push(raw, even_cuts(raw))[2].settings.notch == ()


def test_envelopes_of_a_device_are_left_as_they_are():
    values = np.stack([np.arange(200.0), np.arange(200.0)], 1)
    values[50, 1] = np.nan
    times, found, running = push(values, [7, 90], processing='RMS, 100 ms', rate=200.0)
    assert running.delay == 0.0 and running.settings is None
    np.testing.assert_allclose(found, values[np.rint(times * 200).astype(int)])
    assert len(found) == 100


def test_a_signal_too_slow_to_be_raw_is_refused():
    with pytest.raises(ProcessingError, match='record faster'):
        RunningEnvelope(make_block(np.zeros((1, 2)), 0, rate=40.0))
    assert StreamingEnvelope(RATE, 1).delay < 0.05
