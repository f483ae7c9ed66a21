"""Import pairs of CSV files: finger curl from a camera and EMG of the forearm, with common stamps [ms].

`angle_<number>.csv` has the columns timestamp, thumb, index, middle, ring, pinky (joint angle / pi,
1 = straight), `exg_<number>.csv` timestamp, ch_1 ... [microvolt].
"""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import DataError, Recording, RecordingInfo, SignalTrack
from pianokpm_training.importing.results import (
    GAP,
    Imported,
    Progress,
    make_envelope,
    safe_name,
    write_data,
)

from pianokpm_ros.anatomy import Side
from pianokpm_ros.records import MILLISECOND, NANOSECONDS, Normalization

ANGLES, EMG = 'angle_', 'exg_'
MICROVOLT = 1e-6
CURL = 'as recorded: angle of a joint of each finger / pi, 1 = straight; which joint is not stated'


def import_pairs(
    source: Path,
    out: Path,
    side: Side = Side.RIGHT,
    subject: str = 's01',
    cutoff: float = 6.0,
    progress: Progress = lambda *_: None,
) -> Imported:
    """Make a data set of all pairs in a folder.

    Args:
        source: folder.
        out: new folder.
        side: of the recorded hand, which the files do not tell.
        subject: likewise the person.
        cutoff: of the envelope's low-pass [Hz].
        progress: is told the stage `import`, how many are done, of how many.
    """
    if safe_name(subject) != subject:
        raise DataError(
            f'asked for the subject {subject!r}, which names a folder: take letters, digits, - and _'
        )
    numbers = [p.stem.removeprefix(EMG) for p in Path(source).glob(f'{EMG}*.csv')]
    numbers.sort(key=lambda n: (len(n), n))  # 2 comes before 10
    if not numbers:
        raise DataError(
            f'asked to import pairs from {source}, which has no {EMG}*.csv; name the folder of the files'
        )
    notes: list[str] = []
    recordings = (
        _read_pair(Path(source), n, i, side, subject, cutoff, notes) for i, n in enumerate(numbers)
    )
    data = write_data(
        out,
        recordings,
        len(numbers),
        dict,
        'Pairs of finger curl and forearm EMG; no hand muscles, no landmarks',
        {'program': 'pianokpm dataset import csv', 'licence': 'of the files: see beside them'},
        progress,
    )
    return Imported(data, tuple(notes))


def _read_pair(
    source: Path,
    number: str,
    trial: int,
    side: Side,
    subject: str,
    cutoff: float,
    notes: list[str],
) -> Recording:
    stamps, curl, fingers = read_table(source / f'{ANGLES}{number}.csv')
    emg_stamps, samples, channel = read_table(source / f'{EMG}{number}.csv')
    empty = [n for n, c in zip(channel, samples.T, strict=True) if not np.isfinite(c).any()]
    if empty:
        raise DataError(
            f'{EMG}{number}.csv has no number in {", ".join(empty)}; leave these columns out'
        )
    begin = min(stamps[0], emg_stamps[0])
    angles = SignalTrack(
        *_keep_new(stamps - begin, curl, np.isfinite(curl).all(axis=1)), fingers, '1', CURL
    )
    fresh = np.isfinite(samples).all(axis=1)
    at, values = _keep_new(emg_stamps - begin, samples * MICROVOLT, fresh)
    emg = SignalTrack(at, values, channel, 'V', 'raw')
    rate = _measure_rate(emg_stamps)
    held = 100 * (1 - len(at) / len(emg_stamps))
    notes.append(
        f'{number}: EMG {rate:.1f} Hz, {held:.0f} % of its rows repeat the one before and are left out; '
        f'{angles.rate:.1f} new poses a second'
    )
    info = _describe(number, trial, side, subject)
    return Recording(info, emg=emg, envelope=make_envelope(emg, rate, cutoff), angles=angles)


def _describe(number: str, trial: int, side: Side, subject: str) -> RecordingInfo:
    name = safe_name(f'{subject}_{number}')
    return RecordingInfo(
        name=name,
        subject=subject,
        task='free',
        trial=trial,
        side=side,
        session=name,
        simulated=False,
        normalization=Normalization.PERCENTILE.name,
        description='finger movements',
        provenance={
            'program': 'pianokpm dataset import csv',
            'files': [f'{ANGLES}{number}.csv', f'{EMG}{number}.csv'],
        },
    )


def read_table(path: Path) -> tuple[NDArray[np.int64], NDArray[np.floating], tuple[str, ...]]:
    """Read (N,) stamps [ns], (N, C) values, empty fields NaN, and the C names of the columns."""
    try:
        with path.open(
            newline='', encoding='utf-8-sig'
        ) as file:  # some programs begin with a mark
            head, *rows = (row for row in csv.reader(file, skipinitialspace=True) if row)
        wrong = next((i for i, row in enumerate(rows) if len(row) != len(head)), None)
        if wrong is not None:
            raise ValueError(
                f'line {wrong + 2} has {len(rows[wrong])} fields, the head {len(head)}'
            )
        table = np.array([[float(x) if x else np.nan for x in row] for row in rows])
    except OSError as error:
        raise DataError(
            f'{path}: {error.strerror}; every {EMG}*.csv needs the {ANGLES}*.csv of its number'
        ) from error
    except ValueError as error:
        raise DataError(f'{path} is no table of numbers with a head: {error}') from error
    if head[:1] != ['timestamp'] or not len(table) or len(head) < 2:
        raise DataError(f'{path} must begin with a column timestamp [ms], found {head[:3]}')
    stamps = np.round(table[:, 0] * MILLISECOND).astype(np.int64)
    if not np.isfinite(table[:, 0]).all() or (np.diff(stamps) < 0).any():
        raise DataError(f'{path}: the timestamps must be known and not decrease; sort the rows')
    if (stamps[-1] - stamps[0]) < NANOSECONDS:
        raise DataError(f'{path} has less than a second; the timestamps are milliseconds')
    return stamps, table[:, 1:], tuple(head[1:])


def _measure_rate(stamps: NDArray[np.int64]) -> float:
    """Rows a second of (N,) stamps [Hz]; the time of gaps is left out."""
    steps = np.diff(stamps)
    steps = steps[steps <= GAP]
    if not steps.sum():
        raise DataError(f'the rows are further apart than {GAP / MILLISECOND:g} ms: no EMG')
    return float(len(steps) / (steps.sum() * 1e-9))


def _keep_new(
    stamps: NDArray[np.int64], values: NDArray, usable: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Leave out rows that say nothing, repeat the one before, or share its stamp."""
    stamps, values = stamps[usable], values[usable]
    new = np.ones(len(stamps), bool)
    new[1:] = (np.diff(values, axis=0) != 0).any(axis=1) & (np.diff(stamps) > 0)
    return stamps[new], values[new].astype(np.float32)
