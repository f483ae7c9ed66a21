import numpy as np
import pytest
from scipy import signal

from pianokpm_ros.emg.metrics import pearson
from pianokpm_ros.emg.processing import envelope
from pianokpm_ros.emg.synthesis import EmgSynthesizer

RATE = 2000.0


def bursts(seconds=60):
    t = np.arange(int(seconds * RATE)) / RATE
    return np.stack([0.05 + 0.3 * np.sin(np.pi * t) ** 6, 0.2 + 0.0 * t], axis=1)


def test_the_envelope_that_is_found_is_the_one_put_in():
    wanted = bursts()
    found = envelope(EmgSynthesizer(RATE, 2, 1).push(wanted), RATE)
    # A 6 Hz envelope of noise with 150 Hz bandwidth averages about 25 independent values: 20 % noise,
    # over 60 s (6 per second independent) 20 % / sqrt(360) = 1 %; five of these.
    assert np.mean(found[:, 1]) == pytest.approx(0.2, rel=0.05)
    assert np.mean(found[:, 0]) == pytest.approx(np.mean(wanted[:, 0]), rel=0.05)
    assert pearson(wanted[:, 0], found[:, 0])[0] > 0.85


def test_the_spectrum_is_that_of_surface_emg():
    made = EmgSynthesizer(RATE, 1, 2).push(np.ones(int(60 * RATE)))[:, 0]
    frequency, power = signal.welch(made, RATE, nperseg=2048)
    median = frequency[np.searchsorted(np.cumsum(power), power.sum() / 2)]
    assert 95 < median < 130


def test_blocks_can_be_cut_anywhere():
    wanted = bursts(2)
    whole = EmgSynthesizer(RATE, 2, 3).push(wanted)
    pieces = EmgSynthesizer(RATE, 2, 3)
    parts = [pieces.push(p) for p in np.split(wanted, [1, 100, 101, 3000])]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-12)


def test_a_resting_muscle_is_silent_and_channels_differ():
    made = EmgSynthesizer(RATE, 2, 4).push(np.stack([np.zeros(2000), np.ones(2000)], 1))
    assert not made[:, 0].any()
    both = EmgSynthesizer(RATE, 2, 4).push(np.ones((20_000, 2)))
    assert abs(np.corrcoef(both.T)[0, 1]) < 0.05
