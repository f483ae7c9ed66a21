"""From raw EMG to an envelope: what passes, what is lost, and that blocks don't matter."""

import numpy as np
import pytest

from pianokpm_ros.emg.processing import (
    EnvelopeSettings,
    ProcessingError,
    StreamingEnvelope,
    describe,
    envelope,
    filter_band,
    find_line_peaks,
    normalize_to_mvc,
    normalize_to_percentile,
)

RATE = 2000.0
TIME = np.arange(8000) / RATE


def sine(frequency, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * frequency * TIME)


def gain(frequency, settings=None):
    passed = filter_band(sine(frequency), RATE, settings)[2000:6000, 0]
    return np.std(passed) / np.std(sine(frequency)[2000:6000])


def test_the_band_passes_emg_and_stops_the_rest():
    assert gain(100.0) == pytest.approx(1.0, abs=0.02)
    # Half of the power at either corner each way, so half of the amplitude both ways.
    assert gain(20.0) == pytest.approx(0.5, abs=0.05)
    assert gain(450.0) == pytest.approx(0.5, abs=0.05)
    assert gain(2.0) < 1e-3
    assert gain(50.0, EnvelopeSettings(notch=(50.0,))) < 0.1 < 0.9 < gain(60.0)


def test_an_envelope_is_the_mean_rectified_amplitude_without_delay():
    rng = np.random.default_rng(0)
    active = (TIME > 1.5) & (TIME < 2.5)
    raw = 1e-4 * active * sine(120.0)
    found = envelope(np.column_stack([raw, 3 * raw]), RATE)
    assert found.shape == (8000, 2) and (found >= 0).all()
    assert found[4000, 0] == pytest.approx(1e-4 * 2 / np.pi, rel=0.03)
    np.testing.assert_allclose(found[:, 1], 3 * found[:, 0])
    # It rises through a half where the burst begins, and falls where it ends.
    half = np.flatnonzero(found[:, 0] > 1e-4 / np.pi) / RATE
    np.testing.assert_allclose([half[0], half[-1]], [1.5, 2.5], atol=0.012)
    noise = envelope(rng.normal(size=8000), RATE, EnvelopeSettings(cutoff=20.0))
    assert np.std(noise) > 1.5 * np.std(envelope(rng.normal(size=8000), RATE))


def test_lost_samples_stay_lost_and_spoil_no_others():
    raw = sine(120.0)
    raw[3000:3100] = np.nan
    found = envelope(raw, RATE)[:, 0]
    assert (
        np.isnan(found[3000:3100]).all() and np.isfinite(np.delete(found, range(3000, 3100))).all()
    )
    np.testing.assert_array_equal(found[:3000], envelope(raw[:3000], RATE)[:, 0])


def test_blocks_of_any_size_give_the_same_live_envelope():
    raw = np.column_stack([sine(120.0), 0.3 * sine(200.0)])
    raw[5000:5004, 0] = np.nan
    whole = StreamingEnvelope(RATE, 2).push(raw)
    stream, parts = StreamingEnvelope(RATE, 2), []
    for part in np.split(raw, [1, 7, 400, 5002, 5003, 5004, 7000]):
        parts.append(stream.push(part))
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-12)
    assert np.isnan(whole[5000:5004, 0]).all() and np.isfinite(whole[:, 1]).all()
    assert whole[4900, 0] == pytest.approx(2 / np.pi, rel=0.03)
    # It is late: causal, where the other has no delay; and begins anew after what was lost.
    assert whole[40, 0] < 0.2 * whole[4900, 0] and whole[5010, 0] < 0.2 * whole[4900, 0]
    stream.reset()
    np.testing.assert_allclose(stream.push(raw), whole, atol=1e-12)
    with pytest.raises(ProcessingError, match='asked for 2 channels, found 1'):
        stream.push(raw[:, 0])


def test_mains_are_found_only_where_they_are():
    rng = np.random.default_rng(1)
    clean = rng.normal(size=(8000, 2))
    assert find_line_peaks(clean, RATE) == ()
    dirty = clean.copy()
    dirty[:, 1] += sine(50.0, 1.0) + sine(150.0, 1.0)
    assert find_line_peaks(dirty, RATE) == (50.0, 150.0)
    assert find_line_peaks(clean + sine(60.0)[:, None], RATE) == (60.0,)
    assert find_line_peaks(dirty[:500], RATE) == ()


def test_scales_are_of_each_channel():
    values = np.column_stack([np.linspace(0, 2, 1001), np.linspace(0, 0.5, 1001), np.zeros(1001)])
    found, scale = normalize_to_percentile(values)
    assert scale[:2] == pytest.approx([1.99, 0.4975]) and np.isnan(scale[2])
    assert found[-1, :2] == pytest.approx([2 / 1.99, 0.5 / 0.4975]) and np.isnan(found[:, 2]).all()
    np.testing.assert_allclose(normalize_to_mvc(values[:, :2], [4.0, 0.5])[-1], [0.5, 1.0])
    for wrong in ([1.0], [1.0, 0.0], [1.0, np.nan], [1.0, -2.0]):
        with pytest.raises(ProcessingError, match='2 positive MVC'):
            normalize_to_mvc(values[:, :2], wrong)


def test_what_can_not_be_is_refused_and_what_was_done_is_said():
    with pytest.raises(ProcessingError, match='lower the upper corner'):
        filter_band(sine(100.0), 800.0)
    with pytest.raises(ProcessingError, match='low-pass of 500 Hz'):
        envelope(sine(100.0), 1000.0, EnvelopeSettings((20.0, 450.0), cutoff=500.0))
    with pytest.raises(ProcessingError, match='shape'):
        envelope(np.zeros((2, 2, 2)), RATE)
    said = describe(EnvelopeSettings(notch=(50.0,)), True, 'mvc')
    assert '20-450 Hz; notch 50 Hz' in said and 'low-pass 6 Hz; causal; normalisation mvc' in said
