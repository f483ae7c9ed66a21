"""The EMG of a recording as one signal, and the strongest contractions in it.

Letters: N samples, C channels.
"""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.blocks import APART
from pianokpm_ros.recording.events import Trial
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.records import NANOSECONDS, EmgBlock, EmgOrigin

FloatArray = NDArray[np.floating]

LONGEST = 12 * 3600
"""Stamps further apart than this are of different clocks [s]."""

ROUNDS = 4

MVC_WINDOW = 0.5
"""The strongest contraction is the best mean over this time [s]."""


@dataclass(frozen=True, eq=False)
class EmgSignal:
    """EMG on a steady grid.

    Attributes:
        stamp: (N,) int64 [ns].
        samples: (N, C), NaN = lost.
        rate: true rate, as the stamps tell [Hz].
        nominal: rate stated by the device [Hz].
        channel: C names.
        side: (C,) `Side` values.
        unit: `V` or `mvc`.
        processing: in words.
        origin: measured, simulated or synthetic.
        source: of the stream.
        gaps: stretches without samples.
    """

    stamp: NDArray[np.int64]
    samples: FloatArray
    rate: float
    nominal: float
    channel: tuple[str, ...]
    side: NDArray[np.uint8]
    unit: str
    processing: str
    origin: EmgOrigin
    source: str
    gaps: int

    @property
    def lost(self) -> float:
        """Part of the samples that is missing."""
        return float(np.isnan(self.samples).any(axis=1).mean()) if len(self.samples) else 0.0


def join_emg(blocks: list[EmgBlock]) -> EmgSignal | None:
    """Put blocks on one steady grid whose rate is the stamps' own; what is missing is NaN.

    Returns None without blocks; raises RecordingError where they are not of one signal on one clock.
    """
    if not blocks:
        return None
    blocks = sorted(blocks, key=lambda b: b.stamp)
    first = blocks[0]
    _check_one_signal(blocks)
    stamps = np.array([b.stamp - first.stamp for b in blocks], np.float64)
    period = NANOSECONDS / first.sample_rate
    for _ in range(ROUNDS):  # the lengths of gaps depend on the rate, and the rate on them
        starts = np.array(_place(blocks, period))
        period = _fit_period(starts, stamps, NANOSECONDS / first.sample_rate)
    starts = np.array(_place(blocks, period))
    offset = float(np.median(stamps - starts * period))
    count = int(starts[-1]) + len(blocks[-1].samples)
    samples = np.full((count, len(first.channel)), np.nan, np.float32)
    for start, block in zip(starts.tolist(), blocks, strict=True):
        samples[start : start + len(block.samples)] = block.samples[: count - start]
    lengths = np.array([len(b.samples) for b in blocks])
    return EmgSignal(
        first.stamp + np.rint(offset + np.arange(count) * period).astype(np.int64),
        samples,
        NANOSECONDS / period,
        first.sample_rate,
        first.channel,
        first.side,
        first.unit,
        first.processing,
        first.origin,
        first.source,
        int((np.diff(starts) > lengths[:-1]).sum()),
    )


def _check_one_signal(blocks: list[EmgBlock]) -> None:
    if len({_describe(block) for block in blocks}) > 1:
        raise RecordingError(
            'the EMG changes its channels, sides, rate, unit or origin within the recording; split the recording '
            'there, or record one stream alone'
        )
    span = blocks[-1].stamp - blocks[0].stamp
    if span > LONGEST * NANOSECONDS:
        raise RecordingError(
            f'the stamps of the EMG reach over {span / NANOSECONDS / 3600:.1f} h, as if its clock had been set '
            'meanwhile; cut the recording there, or record again'
        )


def _describe(block: EmgBlock) -> tuple[Hashable, ...]:
    return block.channel, block.side.tobytes(), block.sample_rate, block.unit, block.origin


def _place(blocks: list[EmgBlock], period: float) -> list[int]:
    """Return the sample number at which each block begins; small deviations are jitter, large ones gaps."""
    starts, position, last = [], 0, None
    for block in blocks:
        if last is not None:
            apart = block.stamp - last.stamp - len(last.samples) * period
            broken = block.sequence != last.sequence + 1
            if apart > APART or broken and apart > 1.5 * period:
                position += round(apart / period)
        starts.append(position)
        position += len(block.samples)
        last = block
    return starts


def _fit_period(starts: NDArray[np.int64], stamps: FloatArray, nominal: float) -> float:
    if starts[-1] * nominal < 10 * NANOSECONDS:
        return nominal
    slope = float(np.polyfit(starts.astype(np.float64), stamps, 1)[0])
    return slope if abs(slope / nominal - 1) < 2e-3 else nominal


def measure_mvc(emg: EmgSignal, values: FloatArray, trials: list[Trial]) -> FloatArray:
    """Return the (C,) envelope amplitudes of the strongest contractions, NaN for channels without a trial."""
    if emg.unit == 'mvc':
        return np.ones(len(emg.channel))
    found = np.full(len(emg.channel), np.nan)
    for trial in trials:
        side = trial.details.get('side')
        for c, channel in enumerate(emg.channel):
            other_side = side and Side(int(emg.side[c])).label not in (side, 'unknown')
            if trial.kind != 'mvc' or trial.details.get('muscle') != channel or other_side:
                continue
            inside = (emg.stamp >= trial.begin) & (emg.stamp <= trial.end)
            # Unlike maximum, this passes over what is unknown.
            found[c] = np.fmax(found[c], find_strongest(values[inside, c], emg.rate))
    return found


def find_strongest(course: FloatArray, rate: float) -> float:
    """Return the best mean over `MVC_WINDOW` of an envelope, (N,), NaN = lost, at a rate [Hz]; NaN = too short."""
    known, width = course[np.isfinite(course)], max(1, round(MVC_WINDOW * rate))
    if len(known) < width:
        return float('nan')
    return float(np.convolve(known, np.full(width, 1 / width), 'valid').max())
