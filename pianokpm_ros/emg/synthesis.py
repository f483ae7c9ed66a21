"""Make a signal that looks like raw EMG from an envelope, for consumers that expect one.

Gaussian noise with the spectrum of surface EMG (median frequency about 110 Hz), modulated by the
envelope. It is no simulation of motor units and no measurement: records of it are labelled
`EmgOrigin.SYNTHETIC`, or `SIMULATED` where the envelope comes from simulated muscles. Letters: N samples, C channels.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from pianokpm_ros.emg.processing import EnvelopeSettings, as_columns, band_pass_sections

FloatArray = NDArray[np.floating]

SPECTRUM = (45.0, 200.0)
"""Corners of the carrier [Hz]: its median frequency is that of a first dorsal interosseous."""

MEAN_OF_NORMAL = float(np.sqrt(2.0 / np.pi))
"""Mean absolute value of a standard normal."""


class EmgSynthesizer:
    """Turn envelopes into carriers, block by block; any partition into blocks gives the same signal."""

    def __init__(self, rate: float, channels: int, seed: int = 0) -> None:
        """Set up.

        Args:
            rate: of envelope and signal [Hz].
            channels: number of them, each with noise of its own.
            seed: of the noise.
        """
        self._sections = signal.butter(2, SPECTRUM, 'bandpass', fs=rate, output='sos')
        self._state = np.zeros((len(self._sections), 2, channels))
        # A generator a channel: the draws must not depend on how the blocks are cut.
        self._noise = [np.random.default_rng([seed, c]) for c in range(channels)]
        self._gain = 1.0 / (_rectified_mean(self._sections, rate) * MEAN_OF_NORMAL)
        self._carry(round(rate))  # the filter's start is no EMG

    def _carry(self, count: int) -> FloatArray:
        noise = np.stack([g.standard_normal(count) for g in self._noise], axis=1)
        made, self._state = signal.sosfilt(self._sections, noise, axis=0, zi=self._state)
        return made

    def push(self, envelopes: ArrayLike) -> FloatArray:
        """Make the (N, C) signal whose envelope, as `processing.envelope` finds it, is about the (N, C) given."""
        envelopes = as_columns(envelopes)
        return self._gain * self._carry(len(envelopes)) * envelopes


def _rectified_mean(sections: FloatArray, rate: float) -> float:
    """Standard deviation of filtered unit noise after the band-pass that envelopes are made with."""
    frequency = np.linspace(0.0, rate / 2, 4097)
    both = np.abs(signal.sosfreqz(sections, frequency, fs=rate)[1])
    analysis = band_pass_sections(rate, EnvelopeSettings())
    # Zero phase: the analysis filter acts twice.
    both *= np.abs(signal.sosfreqz(analysis, frequency, fs=rate)[1]) ** 2
    return float(np.sqrt(np.mean(both**2)))
