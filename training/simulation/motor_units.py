"""A pool of motor units turns excitation into raw surface EMG (after Fuglevand, Winter and Patla 1993).

Letters: N samples, P motor units, K spikes.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.requirements import SimulationError
from scipy import signal

FloatArray = NDArray[np.floating]

EMG_RATE = 2000.0
GRID_RATE = 500.0
"""Firing rates are followed at this rate [Hz]."""


@dataclass(frozen=True)
class PoolSettings:
    """The motor units of one muscle.

    Attributes:
        units: how many.
        thresholds: ratio of the last unit's recruitment threshold to the first's.
        twitches: ratio of the last unit's twitch force to the first's.
        slowest: firing rate at recruitment [Hz].
        fastest: largest firing rates of the first and the last unit [Hz].
        variation: coefficient of variation of the intervals between spikes.
        sizes: exponent from twitch force to the size of the action potential; 1.1 makes EMG grow about
            linearly with force, as in the first dorsal interosseous (Lawrence and De Luca 1983).
        widths: shortest and longest action potential [s], one sigma of the Gaussian whose second
            derivative it is.
    """

    units: int = 120
    thresholds: float = 30.0
    twitches: float = 100.0
    slowest: float = 8.0
    fastest: tuple[float, float] = (35.0, 25.0)
    variation: float = 0.2
    sizes: float = 1.1
    widths: tuple[float, float] = (0.0013, 0.0023)


class MotorUnitPool:
    """The units of one muscle of one person."""

    def __init__(self, seed: int, settings: PoolSettings | None = None) -> None:
        self.settings = s = settings or PoolSettings()
        random = np.random.default_rng(seed)
        place = np.arange(1, s.units + 1) / s.units
        self.threshold = s.thresholds**place
        self.twitch = s.twitches**place
        self.peak = s.fastest[0] + (s.fastest[1] - s.fastest[0]) * place
        self._most = float(self.threshold[-1] + self.peak[-1] - s.slowest)
        # Large units lie anywhere under the electrode: their sizes scatter.
        self.size = self.twitch**s.sizes * np.exp(0.3 * random.normal(size=s.units))
        self.width = random.uniform(*s.widths, size=s.units)
        self._drive, self._force = self._force_curve()

    def rates(self, drive: FloatArray) -> FloatArray:
        """Firing rates (P, N) [Hz] for a drive (N,), 1 = maximum."""
        above = drive[None] * self._most - self.threshold[:, None]
        rates = np.minimum(self.settings.slowest + above, self.peak[:, None])
        return np.where(above >= 0, rates, 0.0)

    def _force_curve(self) -> tuple[FloatArray, FloatArray]:
        drive = np.linspace(0, 1, 400)
        force = self.twitch @ self.rates(drive)
        return drive, force / force[-1]

    def drive(self, excitation: FloatArray) -> FloatArray:
        """Find the drive that gives a part of the maximal force, (N,) each."""
        return np.interp(excitation, self._force, self._drive)

    def fire(
        self, excitation: FloatArray, rate: float, random: np.random.Generator
    ) -> tuple[NDArray[np.int64], FloatArray]:
        """Draw the spikes for a (N,) excitation.

        Returns:
            (K,) unit of each spike and (K,) its time [s].
        """
        time = np.arange(int(len(excitation) / rate * GRID_RATE)) / GRID_RATE
        drive = self.drive(np.interp(time, np.arange(len(excitation)) / rate, excitation))
        counts = np.cumsum(self.rates(drive), axis=1) / GRID_RATE
        shape = 1 / self.settings.variation**2
        units, times = [], []
        for unit, count in enumerate(counts):
            if count[-1] < 0.5:
                continue
            gaps = random.gamma(shape, 1 / shape, int(count[-1] * 1.3) + 10)
            gaps[0] *= random.random()
            due = np.cumsum(gaps)
            due = due[due < count[-1]]
            times.append(np.interp(due, count, time))
            units.append(np.full(len(due), unit))
        if not units:
            return np.zeros(0, np.int64), np.zeros(0)
        return np.concatenate(units), np.concatenate(times)

    def emg(self, excitation: FloatArray, rate: float, random: np.random.Generator) -> FloatArray:
        """Make (N at `EMG_RATE`,) raw EMG, in parts of the standard deviation at full excitation."""
        if rate <= 0 or np.isnan(excitation).any():
            raise SimulationError('an excitation must be known at a positive rate; found NaN')
        count = int(round(len(excitation) / rate * EMG_RATE))
        units, times = self.fire(excitation, rate, random)
        return self._sum_potentials(units, times, count) / self._full_scale()

    def _sum_potentials(
        self, units: NDArray[np.int64], times: FloatArray, count: int
    ) -> FloatArray:
        half = int(np.ceil(4.5 * self.settings.widths[1] * EMG_RATE))
        centre = np.round(times * EMG_RATE).astype(np.int64)
        offset = np.arange(-half, half + 1)
        sample = centre[:, None] + offset
        x = (sample / EMG_RATE - times[:, None]) / self.width[units, None]
        potential = self.size[units, None] * (1 - x**2) * np.exp(-0.5 * x**2)
        inside = (sample >= 0) & (sample < count)
        return np.bincount(sample[inside], potential[inside], minlength=count)[:count]

    @functools.cache  # noqa: B019 - a pool lives as long as its session
    def _full_scale(self) -> float:
        """Standard deviation of the EMG at full drive, by Campbell's theorem."""
        energy = self.size**2 * self.width * 0.75 * np.sqrt(np.pi)
        return float(np.sqrt(energy @ self.peak))


def median_frequency(emg: FloatArray, rate: float = EMG_RATE) -> float:
    """Frequency that halves the power between 10 Hz and half the rate [Hz]."""
    frequency, power = signal.welch(emg, rate, nperseg=min(len(emg), 1024))
    kept = frequency >= 10
    share = np.cumsum(power[kept]) / power[kept].sum()
    return float(np.interp(0.5, share, frequency[kept]))
