"""The tolerances follow from the jitter put in: a line through 300 points with sd s is known to s / sqrt(300) * 2."""

import numpy as np
import pytest

from pianokpm_ros.emg.timeline import SampleTimeline

SECOND = 1_000_000_000
RATE = 2000.0
PERIOD = SECOND / RATE
START = 1_700_000_000 * SECOND


def send(timeline, times, chunk=40):
    """Push stamps in chunks; returns the assigned time of each sample and the pieces."""
    pieces = []
    for first in range(0, len(times), chunk):
        pieces += timeline.push(times[first : first + chunk])
    pieces += timeline.flush()
    assigned = [p.stamp + np.arange(p.count) * SECOND / timeline.rate for p in pieces]
    return np.concatenate(assigned), pieces


def ideal(count, rate=RATE):
    return START + np.rint(np.arange(count) * SECOND / rate).astype(np.int64)


def chunk_jitter(rng, count, deviation, chunk=40):
    return np.repeat(np.abs(rng.normal(0, deviation, count // chunk + 1)), chunk)[:count]


def test_a_clean_stream_keeps_its_times():
    assigned, pieces = send(SampleTimeline(RATE), ideal(4000))
    assert np.abs(assigned - ideal(4000)).max() < 1000
    assert len(pieces) == 100 and not any(p.lost for p in pieces)


def test_jitter_is_smoothed_and_the_true_rate_found():
    rng = np.random.default_rng(0)
    truth = ideal(80_000, rate=2000.1)  # 50 ppm fast
    late = chunk_jitter(rng, len(truth), 3e6).astype(np.int64)
    timeline = SampleTimeline(RATE)
    assigned, pieces = send(timeline, truth + late)
    error = assigned[-20_000:] - truth[-20_000:] - 3e6 * np.sqrt(2 / np.pi)
    # The mean lateness can't be known; around it, 2 * 3 ms * 0.6 / sqrt(300) = 0.2 ms at one sigma.
    assert np.abs(error).max() < 0.8e6
    assert timeline.rate == pytest.approx(2000.1, abs=0.03)
    assert not any(p.lost for p in pieces) and timeline.restarts == 0


@pytest.mark.parametrize(('lost', 'deviation'), [(3, 0.0), (200, 0.0), (200, 3e6), (20_000, 3e6)])
def test_lost_samples_are_counted_where_they_are_missing(lost, deviation):
    rng = np.random.default_rng(1)
    truth = np.delete(ideal(40_000 + lost), slice(12_000, 12_000 + lost))
    late = chunk_jitter(rng, len(truth), deviation).astype(np.int64)
    timeline = SampleTimeline(RATE)
    assigned, pieces = send(timeline, truth + late)
    gaps = [(sum(q.count for q in pieces[:i]), p.lost) for i, p in enumerate(pieces) if p.lost]
    assert len(gaps) == 1 and gaps[0][0] == 12_000
    # The median of 15 chunks is known to 1.25 * 1.8 ms / sqrt(15) = 0.6 ms, 1.2 samples; three of these.
    assert abs(gaps[0][1] - lost) <= (4 if deviation else 0)
    assert np.abs(assigned - truth - deviation * 0.8)[-2000:].max() < (2e6 if deviation else 1e3)


def test_a_late_chunk_is_no_gap():
    truth = ideal(40_000)
    late = np.zeros(40_000, np.int64)
    late[20_000:20_040] = 30_000_000
    late[20_040:20_080] = 10_000_000
    timeline = SampleTimeline(RATE)
    assigned, pieces = send(timeline, truth + late)
    assert not any(p.lost for p in pieces) and timeline.restarts == 0
    assert np.abs(assigned - truth).max() < 0.5e6
    assert sum(p.count for p in pieces) == 40_000


def test_a_small_shift_is_noticed_late_but_noticed():
    truth = ideal(40_000)
    truth[20_000:] += round(2.2 * PERIOD)  # below the 2.5 samples that count at once
    timeline = SampleTimeline(RATE)
    _, pieces = send(timeline, truth)
    assert sum(p.lost for p in pieces) == 2 and timeline.late_gaps == 1


def test_a_clock_that_steps_back_starts_afresh():
    truth = ideal(40_000)
    truth[20_000:] -= 5 * SECOND
    timeline = SampleTimeline(RATE)
    assigned, pieces = send(timeline, truth)
    assert timeline.restarts == 1
    assert np.abs(assigned - truth).max() < 1000


def test_samples_stamped_one_by_one_are_one_piece_a_chunk():
    rng = np.random.default_rng(2)
    truth = ideal(20_000)
    stamps = np.sort(truth + rng.normal(0, 1e5, len(truth)).astype(np.int64))
    assigned, pieces = send(SampleTimeline(RATE), stamps)
    assert len(pieces) == 500
    assert np.abs(assigned - truth)[4000:].max() < 1e5
