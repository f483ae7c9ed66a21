"""EMG that is measured while muscles are estimated: envelopes of both hands, their scale, how alike both run.

Letters: N samples, C channels, M muscles that a hand has electrodes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.electrodes import choose_channels
from pianokpm_ros.emg.metrics import LEAST_COMMON, pearson
from pianokpm_ros.emg.processing import ProcessingError, describe, normalize_to_percentile
from pianokpm_ros.emg.running_envelope import RATE, TICK, RunningEnvelope
from pianokpm_ros.records import NANOSECONDS, EmgBlock, EmgOrigin
from pianokpm_ros.view.palette import EMG_LABELS
from pianokpm_ros.viewer.traces import Trace

FloatArray = NDArray[np.floating]
Amplitudes = Mapping[tuple[Side, str], float]
"""Envelopes of maximum contractions, in the unit of the stream."""

WINDOW = 30 * NANOSECONDS
"""Correlation and the scale of what has no other are of this long a past [ns]."""

LOOK = NANOSECONDS
"""Between two looks at it [ns]."""


@dataclass(eq=False)
class MeasuredHand:
    """The electrodes of one hand.

    Attributes:
        muscle: M names.
        trace: of the envelopes.
        scale: (M,) amplitude in the unit of the stream that stands for the full scale, NaN =
            unknown.
        mvc: (M,) whether that is a maximum contraction; else its own recent 99.5th percentile.
        r: (M,) correlation with the estimate of late, NaN = unknown.
    """

    muscle: tuple[str, ...]
    trace: Trace = field(default_factory=Trace)
    scale: FloatArray = field(default_factory=lambda: np.zeros(0))
    mvc: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    r: FloatArray = field(default_factory=lambda: np.zeros(0))


class Measured:
    """One stream of EMG."""

    def __init__(self, first: EmgBlock, amplitudes: Amplitudes, serial: int) -> None:
        """Set up for the stream of a block, which has yet to be taken.

        Args:
            first: of its blocks.
            amplitudes: of maximum contractions, as far as known; read again at every look.
            serial: tells streams that follow each other apart.
        """
        self.serial, self.newest = serial, first.stamp
        self._first, self._amplitudes = first, amplitudes
        electrodes, self.note = choose_channels(first.channel, first.side)
        self.hands = {side: MeasuredHand(e.muscle) for side, e in electrodes.items()}
        self._columns = [c for e in electrodes.values() for c in e.column]
        self._looked = first.stamp - LOOK
        self._running: RunningEnvelope | None = None
        try:
            if self.hands:
                self._running = RunningEnvelope(self._pick(first))
        except ProcessingError as error:
            self.hands, self.note = {}, f'EMG is not shown: {error}'

    @property
    def label(self) -> str:
        """What the lines are."""
        return EMG_LABELS[EmgOrigin(self._first.origin)]

    @property
    def unit(self) -> str:
        """Of the values."""
        return self._first.unit

    @property
    def gap(self) -> float:
        """Samples further apart than this have some missing between them [s]."""
        return max(0.05, 2.5 / self._first.sample_rate)

    @property
    def words(self) -> str:
        """How the envelopes are made, and when they are drawn."""
        if self._running is None:
            return ''
        settings = self._running.settings
        if settings is None:
            return f'As the device makes it: {self._first.processing}.'
        late = round(self._running.delay * 1000)
        return (
            f'{describe(settings, True, "as told above the lines")}. It comes out {late} ms late and is '
            'drawn where it belongs; the model learned from filters without delay.'
        )

    def fits(self, block: EmgBlock) -> bool:
        """Tell whether a block goes on with what is here."""
        first = self._first
        names = ('channel', 'sample_rate', 'unit', 'processing', 'source', 'origin')
        return np.array_equal(block.side, first.side) and all(
            getattr(block, n) == getattr(first, n) for n in names
        )

    def take(
        self, block: EmgBlock, estimates: Mapping[Side, tuple[tuple[str, ...], Trace]]
    ) -> None:
        """Take the next block; `estimates` are the muscles and envelopes of each hand to compare with."""
        self.newest = block.stamp
        if self._running is None:
            return
        stamp, value = self._running.push(self._pick(block))
        first = 0
        for hand in self.hands.values():
            hand.trace.add(stamp, value[:, first : first + len(hand.muscle)])
            first += len(hand.muscle)
        if block.stamp >= self._looked + LOOK:
            self._looked = block.stamp
            for side, hand in self.hands.items():
                self._look(side, hand, estimates[side])

    def _pick(self, block: EmgBlock) -> EmgBlock:
        chosen = self._columns
        return replace(
            block,
            channel=tuple(block.channel[c] for c in chosen),
            side=block.side[chosen],
            samples=block.samples[:, chosen],
        )

    def _look(
        self, side: Side, hand: MeasuredHand, estimate: tuple[tuple[str, ...], Trace]
    ) -> None:
        stamp, value = hand.trace.since(self.newest - WINDOW)
        if not len(stamp):
            return
        muscles, trace = estimate
        own = normalize_to_percentile(value)[1]
        known = np.array([self._amplitudes.get((side, m), np.nan) for m in hand.muscle])
        known = np.ones(len(known)) if self.unit == 'mvc' else known
        hand.mvc = np.isfinite(known)
        hand.scale = np.where(hand.mvc, known, own)
        hand.r = correlate(muscles, trace.since(self.newest - WINDOW), hand.muscle, (stamp, value))


def correlate(
    muscles: tuple[str, ...],
    estimate: tuple[NDArray[np.int64], FloatArray],
    names: tuple[str, ...],
    measured: tuple[NDArray[np.int64], FloatArray],
) -> FloatArray:
    """Return how alike estimated and measured envelopes run where both are known.

    Args:
        muscles: of the estimate's columns.
        estimate: (N,) stamps [ns] and (N, len(muscles)) values.
        names: M, of the measured columns.
        measured: likewise.

    Returns:
        (M,) Pearson's r, NaN where both are not known for `LEAST_COMMON`.
    """
    ticks = [np.rint(stamp / TICK).astype(np.int64) for stamp, _ in (estimate, measured)]
    _, mine, other = np.intersect1d(*ticks, return_indices=True)
    result = np.full(len(names), np.nan)
    for m, name in enumerate(names):
        if name not in muscles or not len(mine):
            continue
        y = measured[1][other, m]
        p = estimate[1][mine, muscles.index(name)]
        if (np.isfinite(y) & np.isfinite(p)).sum() >= LEAST_COMMON * RATE:
            result[m] = pearson(y, p)[0]
    return result
