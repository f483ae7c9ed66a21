"""A picture of a session's signals: what a person looks at before trusting them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np
from pianokpm_training.sessions.quality import ChannelQuality
from scipy import signal

if TYPE_CHECKING:
    from pianokpm_training.sessions.building import Prepared

COLOURS = {'rest': '0.85', 'mvc': '#f6d9b8', 'taps': '#d5e8d4', 'task': '#d6e4f5'}
POINTS = 3000


def draw_session(prepared: 'Prepared', channels: Sequence[ChannelQuality], path: Path) -> None:
    """Draw the envelopes with the trials, the spectra, and what was found."""
    emg = prepared.data.emg
    if emg is None:
        return
    rows = len(emg.channel)
    figure, axes = plt.subplots(
        rows, 2, figsize=(12, 1.5 * rows + 1.2), width_ratios=(3, 1), squeeze=False
    )
    for c, quality in enumerate(channels):
        _draw_course(axes[c, 0], prepared, c, quality)
        _draw_spectrum(axes[c, 1], emg.samples[:, c], emg.rate, c == 0)
        for axis in axes[c]:
            axis.tick_params(labelsize=8, labelbottom=c == rows - 1)
    axes[-1, 0].set_xlabel('time [s]')
    axes[-1, 1].set_xlabel('frequency [Hz]')
    origin = 'simulated' if emg.origin.name != 'MEASURED' else 'measured'
    clocks = '\n'.join(f'{c.name}: {c.words}' for c in prepared.clocks)
    figure.suptitle(
        f'EMG ({origin}), envelope as a fraction of {prepared.normalization}\n{clocks}',
        fontsize=10,
    )
    _explain(figure)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _draw_course(axis, prepared: 'Prepared', c: int, quality: ChannelQuality) -> None:
    emg = prepared.data.emg
    step = max(1, len(emg.stamp) // POINTS)
    origin = int(emg.stamp[0])
    for trial in prepared.data.trials:
        span = ((t - origin) * 1e-9 for t in (trial.begin, trial.end))
        axis.axvspan(*span, color=COLOURS[trial.kind], linewidth=0)
    time = (emg.stamp[::step] - origin) * 1e-9
    axis.plot(time, prepared.envelope[::step, c], color='tab:blue', linewidth=0.8)
    axis.set_ylabel(emg.channel[c])
    axis.set_ylim(0, max(0.2, 1.1 * float(np.nanpercentile(prepared.envelope[:, c], 99.9))))
    axis.margins(x=0)
    if quality.warnings:
        words = '; '.join(quality.warnings)
        axis.set_title(
            words, loc='left', fontsize=8, color='firebrick', pad=2
        )  # above: hides nothing


def _draw_spectrum(axis, raw, rate: float, first: bool) -> None:
    known = np.where(np.isfinite(raw), raw, 0.0)
    frequency, power = signal.welch(known, rate, nperseg=min(len(known), int(rate)))
    axis.semilogy(frequency, power + 1e-30, color='0.3', linewidth=0.8)
    axis.set_xlim(0, min(500.0, rate / 2))
    if first:
        axis.set_title('power', fontsize=9)


def _explain(figure) -> None:
    for i, (kind, colour) in enumerate(COLOURS.items()):
        figure.text(
            0.02 + 0.08 * i, 0.008, f' {kind} ', fontsize=9, backgroundcolor=colour, va='bottom'
        )
