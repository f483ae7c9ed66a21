"""What all importers share: a new data set that appears complete or not at all, and envelopes on whole milliseconds."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.collection import DataSet, Splits, index_data, open_data
from pianokpm_training.datasets.folder import save_recording
from pianokpm_training.datasets.recording import DataError, Recording, SignalTrack
from pianokpm_training.sessions.ticks import inside_gaps

from pianokpm_ros.emg.processing import (
    describe,
    envelope,
    find_line_peaks,
    fit_settings,
    normalize_to_percentile,
)
from pianokpm_ros.outputs import whole_folder
from pianokpm_ros.records import MILLISECOND, NANOSECONDS

GAP = 100 * MILLISECOND
"""Samples further apart than this leave a gap [ns]."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Imported:
    """A data set made of others' data.

    Attributes:
        data: the data set.
        notes: what was found on the way, in sentences.
    """

    data: DataSet
    notes: tuple[str, ...]


def write_data(
    out: Path,
    recordings: Iterable[Recording],
    total: int,
    splits: Callable[[], Splits],
    description: str,
    provenance: dict[str, Any],
    progress: Progress = lambda *_: None,
) -> DataSet:
    """Write a new data set.

    Args:
        out: new folder.
        recordings: made one at a time.
        total: how many, for the progress.
        splits: asked for when all recordings are written.
        description: of the data set.
        provenance: of the data set.
        progress: is told the stage `import`, how many are done, of how many.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f'asked to import to {out}, which exists; name a new folder')
    names: set[str] = set()
    with whole_folder(out) as part:
        part.mkdir()
        for done, recording in enumerate(recordings):
            if recording.info.name in names:
                raise DataError(
                    f'two recordings of the source would be called {recording.info.name}; rename the file of one'
                )
            names.add(recording.info.name)
            save_recording(recording, part / recording.info.subject / recording.info.name)
            progress('import', done + 1, total)
        index_data(part, splits(), description, provenance)
    return open_data(out)


def uniform_stamps(count: int, rate: float) -> NDArray[np.int64]:
    """Return the stamps of (N,) samples from 0 at a rate [Hz]."""
    return np.round(np.arange(count) * (NANOSECONDS / rate)).astype(np.int64)


def make_envelope(emg: SignalTrack, rate: float, cutoff: float) -> SignalTrack:
    """Make the envelope of a raw signal on whole milliseconds, normalised to its own percentile.

    Samples that were lost, or came late, are interpolated to the uniform rate that filters need; where there is none
    for longer than `GAP`, nothing is known, and each side of that is filtered alone.
    """
    if len(emg.stamp) < 2:
        raise DataError(f'an envelope needs more than {len(emg.stamp)} samples of EMG')
    grid = uniform_stamps(int((emg.stamp[-1] - emg.stamp[0]) * 1e-9 * rate) + 1, rate)
    grid += emg.stamp[0]
    even = _resample(emg, grid)
    settings = fit_settings(rate, cutoff, find_line_peaks(even, rate))
    values, _ = normalize_to_percentile(envelope(even, rate, settings))
    first = -(-int(emg.stamp[0]) // MILLISECOND) * MILLISECOND
    at = np.arange(first, int(grid[-1]) + 1, MILLISECOND, dtype=np.int64)
    samples = np.stack([np.interp(at, grid, v) for v in values.T], axis=1)
    words = describe(settings, False, 'percentile 99.5 of the recording')
    return SignalTrack(at, samples.astype(np.float32), emg.channel, 'mvc', words)


def _resample(emg: SignalTrack, grid: NDArray[np.int64]) -> NDArray[np.floating]:
    samples = emg.samples.astype(np.float64)
    even = np.stack([np.interp(grid, emg.stamp, c) for c in samples.T], axis=1)
    even[inside_gaps(grid, emg.stamp, GAP)] = np.nan
    return even


def safe_name(text: str) -> str:
    """Return a text as a folder name."""
    name = re.sub(r'[^A-Za-z0-9_-]+', '-', text).strip('-_')
    if not name:
        raise DataError(f'asked to name a recording {text!r}; it needs letters or digits')
    return name
