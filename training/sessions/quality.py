"""Is the EMG of a session any good: dropouts, hum, saturation, crosstalk, signal against rest.

Letters: N samples, C channels.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.sessions.reading import SessionData
from scipy import signal

from pianokpm_ros.emg.processing import LINE_FREQUENCIES, filter_band, find_line_peaks
from pianokpm_ros.recording.emg import EmgSignal
from pianokpm_ros.recording.events import Trial

FloatArray = NDArray[np.floating]

MOST_LOST, MOST_HUM, MOST_SATURATED, MOST_CROSSTALK, LEAST_RATIO = 0.01, 0.2, 1e-3, 0.6, 10.0


@dataclass(frozen=True)
class ChannelQuality:
    """One channel.

    Attributes:
        channel: name.
        lost: part of the samples that is missing.
        hum: part of the power that lies within 1 Hz of a mains frequency or its harmonics.
        saturated: part of the samples that lies at the highest or lowest value.
        crosstalk: largest correlation with another channel.
        crosstalk_with: that channel.
        ratio: root mean square of the strongest contraction over that of rest [dB], NaN without trials.
        warnings: what is wrong and what to do.
    """

    channel: str
    lost: float
    hum: float
    saturated: float
    crosstalk: float
    crosstalk_with: str
    ratio: float
    warnings: tuple[str, ...]


def check_emg_quality(emg: EmgSignal, trials: list[Trial]) -> list[ChannelQuality]:
    """Look at every channel."""
    band = filter_band(emg.samples, emg.rate)
    matrix = _correlations(band)
    return [_check_channel(emg, band, matrix, c, trials) for c in range(len(emg.channel))]


def _check_channel(
    emg: EmgSignal, band: FloatArray, matrix: FloatArray, c: int, trials: list[Trial]
) -> ChannelQuality:
    raw = emg.samples[:, c].astype(np.float64)
    other = int(np.argmax(matrix[c])) if len(matrix) > 1 else c
    made = {
        'lost': float(np.isnan(raw).mean()),
        'hum': hum_share(np.where(_strained(emg, trials), np.nan, raw), emg.rate),
        'saturated': saturated_share(raw),
        'crosstalk': float(matrix[c, other]),
        'ratio': _ratio(emg, band[:, c], c, trials),
    }
    return ChannelQuality(
        emg.channel[c],
        crosstalk_with=emg.channel[other] if other != c else '',
        warnings=tuple(_warn(made, emg.channel[other])),
        **made,
    )


def _strained(emg: EmgSignal, trials: list[Trial]) -> NDArray[np.bool_]:
    """Tell which samples are of maximum contractions: their power would hide any hum."""
    inside = np.zeros(len(emg.stamp), bool)
    for trial in trials:
        if trial.kind == 'mvc':
            inside |= (emg.stamp >= trial.begin) & (emg.stamp <= trial.end)
    return inside


def _warn(made: dict[str, float], other: str) -> list[str]:
    words = []
    if made['lost'] > MOST_LOST:
        words.append(f'{made["lost"]:.1%} of the samples are lost: check cable and network')
    if made['hum'] > MOST_HUM:
        words.append(
            f'{made["hum"]:.0%} of the power is mains hum: check electrode contact and ground'
        )
    if made['saturated'] > MOST_SATURATED:
        words.append('saturates: lower the gain')
    if made['crosstalk'] > MOST_CROSSTALK:
        words.append(
            f'r = {made["crosstalk"]:.2f} with {other}: electrodes are too near or bridged'
        )
    if made['ratio'] < LEAST_RATIO:
        words.append(
            f'contraction is only {made["ratio"]:.0f} dB above rest: check placement or repeat the trial'
        )
    return words


def hum_share(raw: FloatArray, rate: float) -> float:
    """Return the part of the power above 10 Hz that is mains hum."""
    known = np.where(np.isfinite(raw), raw, 0.0)
    length = min(len(known), int(2 * rate))
    if length < rate / 2:
        return float('nan')
    frequency, power = signal.welch(known, rate, nperseg=length)
    total = power[frequency > 10].sum()
    shares = []
    for base in LINE_FREQUENCIES:
        near = np.abs(frequency - base * np.maximum(np.rint(frequency / base), 1)) <= 1.0
        floor = np.median(power[frequency > 10])
        shares.append(np.maximum(power[near] - 3 * floor, 0).sum() / total if total else np.nan)
    found = find_line_peaks(raw, rate)
    return float(max(shares)) if found else 0.0


def saturated_share(raw: FloatArray) -> float:
    """Return the part of the samples at the extremes; a signal that is not cut off touches them once."""
    known = raw[np.isfinite(raw)]
    if not len(known) or np.ptp(known) == 0:
        return 0.0
    at_ends = np.isclose(known, known.max(), rtol=1e-6) | np.isclose(known, known.min(), rtol=1e-6)
    return float(max(at_ends.sum() - 2, 0) / len(known))


def _correlations(band: FloatArray) -> FloatArray:
    whole = band[np.isfinite(band).all(axis=1)]
    if len(whole) < 10:
        return np.zeros((band.shape[1],) * 2)
    with np.errstate(invalid='ignore', divide='ignore'):
        matrix = np.atleast_2d(np.abs(np.nan_to_num(np.corrcoef(whole.T))))
    np.fill_diagonal(matrix, 0.0)
    return matrix


def _ratio(emg: EmgSignal, band: FloatArray, c: int, trials: list[Trial]) -> float:
    def strength(trial: Trial) -> float:
        inside = (emg.stamp >= trial.begin) & (emg.stamp <= trial.end) & np.isfinite(band)
        return float(np.sqrt(np.mean(band[inside] ** 2))) if inside.any() else float('nan')

    rest = [strength(t) for t in trials if t.kind == 'rest']
    best = [
        strength(t)
        for t in trials
        if t.kind == 'mvc' and t.details.get('muscle') == emg.channel[c]
    ]
    if not rest or not best or not min(rest) > 0:
        return float('nan')
    return float(20 * np.log10(max(best) / min(rest)))


def summarise(data: SessionData, channels: list[ChannelQuality]) -> dict[str, Any]:
    """Return all findings as JSON values."""
    return {
        'messages': data.counts,
        'missing_messages': data.missing,
        'emg_gaps': data.emg.gaps if data.emg else None,
        'emg_true_rate': round(data.emg.rate, 4) if data.emg else None,
        'channels': [asdict(c) for c in channels],
    }
