"""The envelopes of EMG while it comes: block by block, thinned, each value at the time that it is about.

Letters: N samples of a block, C channels, K samples kept.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.emg.blocks import APART
from pianokpm_ros.emg.processing import (
    RAW,
    EnvelopeSettings,
    FloatArray,
    StreamingEnvelope,
    find_line_peaks,
    fit_settings,
)
from pianokpm_ros.records import NANOSECONDS, EmgBlock

RATE = 100.0
"""Samples a second that are kept [Hz]: more than ten times the bandwidth of an envelope."""

TICK = round(NANOSECONDS / RATE)

SETTLING = 0.1
"""After a lost sample filters begin at zero; this long what they give is too small [s]."""

LOOK = 10.0
"""Mains interference is looked for in this much of the signal, so often [s]: in 2 s noise can look like it."""


class RunningEnvelope:
    """Follow one stream.

    Raw signals are filtered causally by the settings that envelopes to learn from are made with
    (there without delay, forwards and backwards), and the delay is taken off the stamps; others
    are taken to be envelopes already. Lost samples, and what follows them until the filters have
    settled, are NaN.
    """

    def __init__(self, first: EmgBlock) -> None:
        """Set up for the stream of a block, which has yet to be pushed; all blocks are to be like it."""
        self._like, self._rate = first, first.sample_rate
        self._raw = first.processing == RAW
        self._notch: tuple[float, ...] = ()
        self._filter = self._make_filter() if self._raw else None
        self._heard: deque[FloatArray] = deque()
        self._count = 0
        self._end: int | None = None
        self._tick = 0
        self._run = np.zeros(len(first.channel), np.int64)

    @property
    def settings(self) -> EnvelopeSettings | None:
        """How envelopes are made; None = they come as they are."""
        return fit_settings(self._rate, notch=self._notch) if self._raw else None

    @property
    def delay(self) -> float:
        """By how much the newest value is older than the newest sample [s]; stamps allow for it."""
        return self._filter.delay if self._filter else 0.0

    def push(self, block: EmgBlock) -> tuple[NDArray[np.int64], FloatArray]:
        """Take the next block; returns (K,) stamps [ns] and (K, C) values in the unit of the block."""
        samples = np.asarray(block.samples, np.float64)
        if self._end is not None and abs(block.stamp - self._end) > APART:
            self._restart()
        values = self._filter.push(samples) if self._filter else samples
        values = np.where(self._is_settled(samples), values, np.nan)
        steps = np.rint(np.arange(len(samples)) * (NANOSECONDS / self._rate)).astype(np.int64)
        at = block.stamp - round(self.delay * NANOSECONDS) + steps
        self._end = block.stamp + round(len(samples) * NANOSECONDS / self._rate)
        self._look_for_mains(samples)
        kept = self._thin(at)
        return at[kept], values[kept]

    def _make_filter(self) -> StreamingEnvelope:
        channels = len(self._like.channel)
        return StreamingEnvelope(self._rate, channels, fit_settings(self._rate, notch=self._notch))

    def _restart(self) -> None:
        if self._filter:
            self._filter.reset()
        self._heard.clear()
        self._count, self._tick = 0, 0
        self._run[:] = 0

    def _is_settled(self, samples: FloatArray) -> NDArray[np.bool_]:
        """Tell at which (N, C) samples enough of them have come one after the other."""
        index = np.arange(1, len(samples) + 1)[:, None]
        lost = np.where(np.isfinite(samples), -self._run, index)
        run = index - np.maximum.accumulate(lost, axis=0)
        if len(run):
            self._run = run[-1]
        return run > (SETTLING * self._rate if self._raw else 0)

    def _thin(self, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Choose the first sample of each hundredth of a second."""
        ticks = at // TICK
        before = np.concatenate([[self._tick], ticks[:-1]])[: len(ticks)]
        self._tick = int(ticks[-1]) if len(ticks) else self._tick
        return ticks > before

    def _look_for_mains(self, samples: FloatArray) -> None:
        """Every now and then take out what mains there are, without a step in the envelope."""
        if not self._raw:
            return
        self._heard.append(samples)
        self._count += len(samples)
        if self._count < LOOK * self._rate:
            return
        heard = np.concatenate(self._heard)
        self._heard.clear()
        self._count = 0
        found = tuple(f for f in find_line_peaks(heard, self._rate) if f < 0.45 * self._rate)
        if found != self._notch:
            self._notch = found
            self._filter = self._make_filter()
            self._filter.push(heard)
