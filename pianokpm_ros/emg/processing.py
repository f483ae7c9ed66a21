"""Turn raw surface EMG into amplitude envelopes, offline without delay or online sample by sample.

Letters: N samples, C channels. Arrays are (N, C); NaN stands for lost samples. Values follow
SENIAM and ISEK practice:
2nd-order Butterworth 20-450 Hz, notch only on line peaks that are really there, full-wave
rectification, low-pass.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.stretches import finite_stretches

FloatArray = NDArray[np.floating]

LINE_FREQUENCIES = (50.0, 60.0)
NOTCH_QUALITY = 30.0
PERCENTILE = 99.5

RAW = 'raw'
"""What the `processing` of a signal says that nothing was done to."""


class ProcessingError(PianokpmError, ValueError):
    """A processing step can't be done as asked."""


@dataclass(frozen=True)
class EnvelopeSettings:
    """How an envelope is made.

    Attributes:
        band: (low, high) corners of the band-pass [Hz].
        order: order of both Butterworth filters.
        cutoff: corner of the low-pass after rectification [Hz].
        notch: frequencies to take out [Hz], such as `find_line_peaks` gives.
    """

    band: tuple[float, float] = (20.0, 450.0)
    order: int = 2
    cutoff: float = 6.0
    notch: tuple[float, ...] = ()


def fit_settings(
    rate: float, cutoff: float = EnvelopeSettings.cutoff, notch: tuple[float, ...] = ()
) -> EnvelopeSettings:
    """Return the usual settings, the band's upper corner lowered where `rate` [Hz] is too slow for it."""
    low, high = EnvelopeSettings.band
    return EnvelopeSettings((low, min(high, 0.45 * rate)), cutoff=cutoff, notch=notch)


def band_pass_sections(rate: float, settings: EnvelopeSettings) -> FloatArray:
    """Design the band-pass and the notches as one (sections, 6) cascade for a sampling `rate` [Hz]."""
    low, high = settings.band
    if not 0 < low < high < rate / 2:
        raise ProcessingError(
            f'asked for a band of {low:g} to {high:g} Hz at a sampling rate of {rate:g} Hz, where only '
            f'0 to {rate / 2:g} Hz exists; lower the upper corner or record faster'
        )
    sections = [signal.butter(settings.order, (low, high), 'bandpass', fs=rate, output='sos')]
    for frequency in settings.notch:
        sections.append(signal.tf2sos(*signal.iirnotch(frequency, NOTCH_QUALITY, fs=rate)))
    return np.concatenate(sections)


def low_pass_sections(rate: float, cutoff: float, order: int = 2) -> FloatArray:
    """Design the Butterworth low-pass of the envelope, (sections, 6)."""
    if not 0 < cutoff < rate / 2:
        raise ProcessingError(
            f'asked for a low-pass of {cutoff:g} Hz at a sampling rate of {rate:g} Hz; '
            f'it must lie between 0 and {rate / 2:g} Hz'
        )
    return signal.butter(order, cutoff, 'lowpass', fs=rate, output='sos')


def find_line_peaks(
    samples: ArrayLike, rate: float, harmonics: int = 4, ratio: float = 6.0
) -> tuple[float, ...]:
    """Find mains interference and its harmonics.

    Args:
        samples: (N, C) raw EMG.
        rate: [Hz].
        harmonics: how many multiples of the line frequency to look at.
        ratio: how many times the median power of its neighbourhood (+-8 Hz) a peak must reach.

    Returns:
        Frequencies with a peak in at least one channel [Hz], empty when the recording is clean.
    """
    samples = np.nan_to_num(as_columns(samples))
    length = min(len(samples), int(2 * rate))
    if length < rate / 2:
        return ()
    frequency, power = signal.welch(samples, rate, nperseg=length, axis=0)
    found = []
    for base in LINE_FREQUENCIES:
        if not _has_peak(frequency, power, base, ratio):
            continue
        multiples = base * np.arange(1, harmonics + 1)
        found += [
            float(f)
            for f in multiples
            if f < 0.45 * rate and _has_peak(frequency, power, f, ratio)
        ]
    return tuple(sorted(set(found)))


def _has_peak(frequency: FloatArray, power: FloatArray, centre: float, ratio: float) -> bool:
    near = np.abs(frequency - centre)
    peak, floor = near <= 1.0, (near > 2.0) & (near <= 8.0)
    if not peak.any() or not floor.any():
        return False
    return bool((power[peak].max(axis=0) > ratio * np.median(power[floor], axis=0)).any())


def filter_band(
    samples: ArrayLike, rate: float, settings: EnvelopeSettings | None = None
) -> FloatArray:
    """Band-pass (and notch) without phase shift; NaN stretches stay NaN, and each side of them is filtered alone."""
    return _apply_zero_phase(samples, band_pass_sections(rate, settings or EnvelopeSettings()))


def envelope(
    samples: ArrayLike, rate: float, settings: EnvelopeSettings | None = None
) -> FloatArray:
    """Make the envelope of raw EMG without phase shift.

    Args:
        samples: (N, C) raw EMG.
        rate: [Hz].
        settings: corners and orders.

    Returns:
        (N, C) in the unit of `samples`, never negative.
    """
    settings = settings or EnvelopeSettings()
    rectified = np.abs(filter_band(samples, rate, settings))
    smooth = _apply_zero_phase(rectified, low_pass_sections(rate, settings.cutoff, settings.order))
    return np.maximum(smooth, 0.0)


def _apply_zero_phase(samples: ArrayLike, sections: FloatArray) -> FloatArray:
    samples = as_columns(samples)
    result = np.full(samples.shape, np.nan)
    shortest = 6 * len(sections) + 4
    for channel in range(samples.shape[1]):
        column = samples[:, channel]
        for start, stop in finite_stretches(column):
            if stop - start > shortest:
                result[start:stop, channel] = signal.sosfiltfilt(sections, column[start:stop])
    return result


def as_columns(samples: ArrayLike) -> FloatArray:
    """View samples as (N, C) float64; a (N,) signal becomes one channel."""
    samples = np.asarray(samples, np.float64)
    if samples.ndim == 1:
        samples = samples[:, None]
    if samples.ndim != 2:
        raise ProcessingError(f'asked for samples of shape (N, C), found {samples.shape}')
    return samples


class StreamingEnvelope:
    """Make causal envelopes block by block; any partition into blocks gives the same result.

    A lost (NaN) sample gives NaN and restarts that channel's filters, so that it can't poison what
    follows.
    """

    def __init__(
        self, rate: float, channels: int, settings: EnvelopeSettings | None = None
    ) -> None:
        """Set up; raises ProcessingError where the rate is too slow for the settings.

        Args:
            rate: of the samples [Hz].
            channels: C.
            settings: corners, orders, notches.
        """
        settings = settings or EnvelopeSettings()
        self._band = band_pass_sections(rate, settings)
        self._low = low_pass_sections(rate, settings.cutoff, settings.order)
        self._channels = channels
        middle = float(np.sqrt(settings.band[0] * settings.band[1]))
        self.delay = _delay_at(self._band[: settings.order], middle, rate) + _delay_at(
            self._low, 0.01 * settings.cutoff, rate
        )
        """How late the envelope is: of slow changes, at the middle of the band [s]."""
        self.reset()

    def reset(self) -> None:
        """Forget everything heard so far."""
        self._band_state = np.zeros((len(self._band), 2, self._channels))
        self._low_state = np.zeros((len(self._low), 2, self._channels))

    def push(self, samples: ArrayLike) -> FloatArray:
        """Process the next (N, C) samples and return their (N, C) envelope."""
        samples = as_columns(samples)
        if samples.shape[1] != self._channels:
            raise ProcessingError(f'asked for {self._channels} channels, found {samples.shape[1]}')
        if np.isfinite(samples).all():
            return self._filter(samples, slice(None))
        result = np.full(samples.shape, np.nan)
        for channel in range(self._channels):
            self._push_channel(slice(channel, channel + 1), samples, result)
        return result

    def _push_channel(self, channel: slice, samples: FloatArray, result: FloatArray) -> None:
        column = samples[:, channel]
        for start, stop in finite_stretches(column[:, 0]):
            if start > 0:
                self._forget(channel)
            result[start:stop, channel] = self._filter(column[start:stop], channel)
        if not np.isfinite(column[-1, 0]):
            self._forget(channel)

    def _filter(self, samples: FloatArray, channels: slice) -> FloatArray:
        """Process samples of some channels, none of them lost."""
        if not len(samples):
            return samples
        band, self._band_state[..., channels] = signal.sosfilt(
            self._band, samples, axis=0, zi=self._band_state[..., channels]
        )
        low, self._low_state[..., channels] = signal.sosfilt(
            self._low, np.abs(band), axis=0, zi=self._low_state[..., channels]
        )
        return np.maximum(low, 0.0)

    def _forget(self, channel: slice) -> None:
        self._band_state[..., channel] = 0.0
        self._low_state[..., channel] = 0.0


def _delay_at(sections: FloatArray, frequency: float, rate: float) -> float:
    """Return the group delay of a cascade [s], by how its phase turns around a frequency [Hz]."""
    near = frequency * np.array([0.99, 1.01])
    phase = np.unwrap(np.angle(signal.sosfreqz(sections, near, fs=rate)[1]))
    return float(-np.diff(phase)[0] / (2 * np.pi * np.diff(near)[0]))


def normalize_to_mvc(envelopes: ArrayLike, mvc: ArrayLike) -> FloatArray:
    """Divide (N, C) envelopes by the (C,) envelope amplitudes of a maximum voluntary contraction."""
    envelopes, mvc = as_columns(envelopes), np.asarray(mvc, np.float64)
    if mvc.shape != (envelopes.shape[1],) or not (np.isfinite(mvc) & (mvc > 0)).all():
        raise ProcessingError(
            f'asked for {envelopes.shape[1]} positive MVC amplitudes, found {mvc.tolist()}; '
            'repeat the maximum contraction of the muscles that lack one'
        )
    return envelopes / mvc


def normalize_to_percentile(
    envelopes: ArrayLike, percentile: float = PERCENTILE
) -> tuple[FloatArray, FloatArray]:
    """Divide (N, C) envelopes by their own percentile; returns the result and the (C,) scale used (NaN = no signal)."""
    envelopes = as_columns(envelopes)
    scale = np.array(
        [
            np.percentile(c[np.isfinite(c)], percentile) if np.isfinite(c).any() else np.nan
            for c in envelopes.T
        ]
    )
    scale = np.where(scale > 0, scale, np.nan)
    return envelopes / scale, scale


def describe(settings: EnvelopeSettings, causal: bool, normalization: str = 'none') -> str:
    """Say in words what was done to a signal; travels with the data."""
    low, high = settings.band
    phase = 'causal' if causal else 'zero phase'
    notch = ', '.join(f'{f:g}' for f in settings.notch)
    notch = f'; notch {notch} Hz Q {NOTCH_QUALITY:g}' if notch else ''
    return (
        f'Butterworth order {settings.order} band-pass {low:g}-{high:g} Hz{notch}; full-wave rectified; '
        f'Butterworth order {settings.order} low-pass {settings.cutoff:g} Hz; {phase}; normalisation {normalization}'
    )
