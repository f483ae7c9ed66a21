"""From the muscles' potentials to a recording: crosstalk, noise, mains, movement; MVC trial; the standard envelope.

Letters: N samples, M muscles (6), in the order of `anatomy.MUSCLES`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.motor_units import EMG_RATE, MotorUnitPool
from pianokpm_training.simulation.people import Electrodes, Pianist
from scipy import signal

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.emg.processing import (
    EnvelopeSettings,
    describe,
    envelope,
    find_line_peaks,
    normalize_to_mvc,
)

FloatArray = NDArray[np.floating]

NEIGHBOURS = ('APB', '1DI', '2DI', '3DI', '4DI', 'ADM')
"""The muscles as they lie side by side, from the thumb."""

VOLT = 0.4e-3
"""Standard deviation of a channel of gain 1 at full excitation [V]."""

REFERENCE = 0.2
"""Noise is stated against the EMG at this part of the maximum."""

QUICK = 1.0
"""Speed of the knuckles that counts as quick for movement artefacts [m/s]."""

MVC_TIME, MVC_WINDOW = 3.0, 0.5
ENVELOPE_STEP = 2
"""Every second sample of the envelope is kept: 1 kHz."""


@dataclass(frozen=True, eq=False)
class EmgRecording:
    """What the electrodes of one hand give.

    Attributes:
        raw: (N, M) [V] at `EMG_RATE`.
        envelope: (N / 2, M) in parts of MVC, at 1 kHz.
        processing: of the envelope, in words.
    """

    raw: FloatArray
    envelope: FloatArray
    processing: str


class ElectrodeSession:
    """Electrodes on one hand for one session: same motor units, crosstalk and MVC for all takes."""

    def __init__(self, pianist: Pianist, side: int) -> None:
        self._electrodes = pianist.electrodes
        seeds = np.random.SeedSequence([pianist.seed, side]).spawn(len(MUSCLES) + 1)
        self._pools = [MotorUnitPool(int(s.generate_state(1)[0])) for s in seeds[:-1]]
        self._mixing = crosstalk(pianist.electrodes)
        self.mvc = self._measure_mvc(np.random.default_rng(seeds[-1]))

    def record(
        self,
        excitation: FloatArray,
        rate: float,
        movement: FloatArray,
        random: np.random.Generator,
    ) -> EmgRecording:
        """Record a take.

        Args:
            excitation: (T, M) at `rate` [Hz].
            rate: of `excitation` and `movement` [Hz].
            movement: (T,) how fast the hand moves, 1 = fast; makes artefacts.
            random: of spikes and noise.
        """
        raw = self._sense(excitation, rate, random)
        raw += self._disturb(len(raw), rate, movement, random)
        settings = EnvelopeSettings(notch=find_line_peaks(raw, EMG_RATE))
        smooth = envelope(raw, EMG_RATE, settings)[::ENVELOPE_STEP]
        return EmgRecording(
            raw, normalize_to_mvc(smooth, self.mvc), describe(settings, False, 'MVC')
        )

    def _sense(
        self, excitation: FloatArray, rate: float, random: np.random.Generator
    ) -> FloatArray:
        sources = [p.emg(e, rate, random) for p, e in zip(self._pools, excitation.T, strict=True)]
        return VOLT * np.stack(sources, axis=1) @ self._mixing.T

    def _disturb(
        self, count: int, rate: float, movement: FloatArray, random: np.random.Generator
    ) -> FloatArray:
        e, time = self._electrodes, np.arange(count) / EMG_RATE
        scale = VOLT * REFERENCE * np.array(e.gain)
        noise = random.normal(size=(count, len(MUSCLES))) * 10 ** (-e.noise / 20)
        phase = random.uniform(0, 2 * np.pi, (3, len(MUSCLES)))
        for harmonic, strength in ((1, 1.0), (2, 0.2), (3, 0.35)):
            turn = 2 * np.pi * harmonic * e.mains_frequency * time[:, None]
            noise += np.sqrt(2) * e.mains * strength * np.sin(turn + phase[harmonic - 1])
        slow = signal.butter(2, (1.0, 12.0), 'bandpass', fs=EMG_RATE, output='sos')
        shake = signal.sosfilt(slow, random.normal(size=noise.shape), axis=0)
        shake /= max(float(np.std(shake)), 1e-12)
        course = np.interp(time, np.arange(len(movement)) / rate, movement)
        return (noise + e.movement * (0.15 + course[:, None]) * shake) * scale

    def _measure_mvc(self, random: np.random.Generator) -> FloatArray:
        """Let each muscle in turn do its best for three seconds; people rarely reach their true maximum."""
        best = np.empty(len(MUSCLES))
        rate, effort = 100.0, self._electrodes.mvc_effort
        for i in range(len(MUSCLES)):
            excitation = np.full((int(MVC_TIME * rate), len(MUSCLES)), 0.05)
            excitation[:, i] = effort[i]
            smooth = envelope(self._sense(excitation, rate, random)[:, i], EMG_RATE)[:, 0]
            window = int(MVC_WINDOW * EMG_RATE)
            means = np.convolve(smooth, np.full(window, 1 / window), 'valid')
            best[i] = means[window // 2 : -window // 2].max()
        return best


def crosstalk(electrodes: Electrodes) -> FloatArray:
    """Mixing (M, M): row = channel, column = muscle; falls off with distance along `NEIGHBOURS`."""
    place = np.array([NEIGHBOURS.index(m) for m in MUSCLES])
    share = electrodes.crosstalk ** np.abs(place[:, None] - place)
    return np.array(electrodes.gain)[:, None] * share
