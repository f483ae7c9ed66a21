"""EMG of a recording beside the estimates: envelopes on the common time base, their scale, how alike both run.

Letters: T ticks of the time base, N samples of the EMG, M muscles that a hand has electrodes on.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.electrodes import choose_channels
from pianokpm_ros.emg.metrics import LEAST_COMMON, lagged_pearson, pearson
from pianokpm_ros.emg.processing import (
    RAW,
    ProcessingError,
    describe,
    envelope,
    find_line_peaks,
    fit_settings,
    normalize_to_percentile,
)
from pianokpm_ros.recording.emg import EmgSignal, join_emg, measure_mvc
from pianokpm_ros.recording.events import Trial
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.records import NANOSECONDS, EmgBlock
from pianokpm_ros.view.palette import EMG_LABELS

logger = logging.getLogger(__name__)
FloatArray = NDArray[np.floating]

LIMIT = 0.1
"""Lags are looked for within this [s]."""

MARGIN = NANOSECONDS // 2
"""Contractions begin a little before, and end a little after, what is marked [ns]."""


@dataclass(frozen=True, eq=False)
class MeasuredHand:
    """What the electrodes of one hand gave.

    Attributes:
        muscle: M names.
        value: (T, M) in parts of `scale`, NaN = unknown.
        scale: (M,) in the unit of the EMG.
        mvc: (M,) whether that is a maximum contraction; else the muscle's own 99.5th percentile.
    """

    muscle: tuple[str, ...]
    value: FloatArray
    scale: FloatArray
    mvc: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class MeasuredEmg:
    """EMG of a recording.

    Attributes:
        hands: that have electrodes.
        counted: (T,) ticks to compare at: of the tasks, or of all but contractions and rest.
        label: what it is.
        words: how the envelopes are made, which channels are left out.
    """

    hands: dict[Side, MeasuredHand] = field(default_factory=dict)
    counted: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    label: str = ''
    words: str = ''


@dataclass(frozen=True)
class Likeness:
    """How alike the measured and the estimated envelope of a muscle run.

    Attributes:
        muscle: name.
        seconds: that both are known and counted [s].
        r: Pearson's, NaN = unknown.
        r_max: the best within `LIMIT`.
        lag: of that, positive where the estimate is late [s], NaN where it is `LIMIT`, beyond which
            r may still rise.
    """

    muscle: str
    seconds: float
    r: float
    r_max: float
    lag: float


def place_emg(
    blocks: list[EmgBlock], trials: Sequence[Trial], origin: int, ticks: int, step: int
) -> MeasuredEmg | None:
    """Make envelopes of a recording's EMG on the time base; None = there is none.

    Args:
        blocks: of the bag.
        trials: contractions to scale by, tasks to compare in.
        origin: of the time base [ns].
        ticks: T.
        step: between two of them [ns].
    """
    try:
        emg = join_emg(blocks)
        return _place(emg, trials, origin + step * np.arange(ticks)) if emg is not None else None
    except (RecordingError, ProcessingError) as error:
        logger.warning('EMG is not shown: %s', error)
        return MeasuredEmg(words=f'EMG is not shown: {error}')


def _place(emg: EmgSignal, trials: Sequence[Trial], at: NDArray[np.int64]) -> MeasuredEmg:
    electrodes, left_out = choose_channels(emg.channel, emg.side)
    columns = [c for e in electrodes.values() for c in e.column]
    values, made = _make_envelopes(emg, columns)
    index = np.clip(np.searchsorted(emg.stamp, at), 0, len(emg.stamp) - 1)
    placed = values[index]
    placed[np.abs(emg.stamp[index] - at) > 1.5e9 / emg.rate] = np.nan
    counted = _find_counted(trials, at)
    own = normalize_to_percentile(np.where(counted[:, None], placed, np.nan))[1]
    mvc = _measure_mvc(emg, columns, values, trials)
    scale = np.where(np.isfinite(mvc), mvc, own)
    placed /= scale
    hands, first = {}, 0
    for side, e in electrodes.items():
        own_columns = slice(first, first + len(e.column))
        first += len(e.column)
        hands[side] = MeasuredHand(
            e.muscle, placed[:, own_columns], scale[own_columns], np.isfinite(mvc[own_columns])
        )
    words = ' '.join(w for w in (made, left_out) if w)
    return MeasuredEmg(hands, counted, EMG_LABELS[emg.origin], words)


def _make_envelopes(emg: EmgSignal, columns: Sequence[int]) -> tuple[FloatArray, str]:
    """Return the (N, len(columns)) envelopes, and how they are made."""
    if emg.processing != RAW:
        return emg.samples[:, columns].astype(np.float64), f'As recorded: {emg.processing}.'
    settings = fit_settings(emg.rate, notch=find_line_peaks(emg.samples[:, columns], emg.rate))
    made = np.empty((len(emg.samples), len(columns)), np.float32)
    for i, c in enumerate(columns):  # one after the other: an hour of all of them is large
        made[:, i] = envelope(emg.samples[:, c], emg.rate, settings)[:, 0]
    return made, f'{describe(settings, False, "as told")}.'


def _find_counted(trials: Sequence[Trial], at: NDArray[np.int64]) -> NDArray[np.bool_]:
    def within(kinds: Sequence[str], margin: int = 0) -> NDArray[np.bool_]:
        inside = np.zeros(len(at), bool)
        for t in trials:
            if t.kind in kinds:
                inside |= (at >= t.begin - margin) & (at <= t.end + margin)
        return inside

    tasks = within(['task'])
    return tasks if tasks.any() else ~within(['mvc', 'rest'], MARGIN)


def _measure_mvc(
    emg: EmgSignal, columns: Sequence[int], values: FloatArray, trials: Sequence[Trial]
) -> FloatArray:
    """Return the amplitude of each column's strongest contraction, NaN = unknown."""
    whole = np.full((len(values), len(emg.channel)), np.nan, np.float32)
    whole[:, columns] = values
    return measure_mvc(emg, whole, list(trials))[list(columns)]


def measure_likeness(
    hand: MeasuredHand,
    counted: NDArray[np.bool_],
    muscles: tuple[str, ...],
    value: FloatArray,
    rate: float,
) -> list[Likeness]:
    """Compare what was measured with what was estimated.

    Args:
        hand: measured.
        counted: (T,) ticks to compare at.
        muscles: of the estimate's columns.
        value: (T, len(muscles)) estimated.
        rate: of the ticks [Hz].
    """
    found = []
    for m, name in enumerate(hand.muscle):
        y = np.where(counted, hand.value[:, m], np.nan)
        p = value[:, muscles.index(name)] if name in muscles else np.full(len(y), np.nan)
        seconds = float((np.isfinite(y) & np.isfinite(p)).sum() / rate)
        if seconds < LEAST_COMMON:
            found.append(Likeness(name, seconds, *[float('nan')] * 3))
            continue
        found.append(Likeness(name, seconds, float(pearson(y, p)[0]), *_find_lag(y, p, rate)))
    return found


def _find_lag(y: FloatArray, p: FloatArray, rate: float) -> tuple[float, float]:
    best, lag = (float(a[0]) for a in lagged_pearson(y, p, rate, LIMIT))
    return best, lag if abs(lag) < LIMIT - 0.5 / rate else float('nan')
