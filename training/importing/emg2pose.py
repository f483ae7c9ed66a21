"""Import emg2pose: EMG of a wristband and joint angles, one HDF5 file a stage.

Only the format is read here; the data (CC BY-NC-SA 4.0) are the user's own copy. A file holds the
group `emg2pose` with its facts as attributes and one table `timeseries` with the fields `time` [s],
`emg` (N, 16) and `joint_angles` (N, 20) [rad], all at 2 kHz. No landmarks can be made of the angles
here: the hand model that belongs to them is not free (CC BY-NC).
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.collection import Splits
from pianokpm_training.datasets.recording import DataError, Recording, RecordingInfo, SignalTrack
from pianokpm_training.importing.results import (
    Imported,
    Progress,
    make_envelope,
    safe_name,
    write_data,
)

from pianokpm_ros.anatomy import Side
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.records import NANOSECONDS, Normalization

GROUP, TABLE = 'emg2pose', 'timeseries'
FIELDS = ('time', 'emg', 'joint_angles')
METADATA = 'metadata.csv'
ANGLE_STEP = 10
"""Every tenth angle is kept: they were tracked by cameras far slower than the EMG and interpolated."""

LICENCE = 'CC BY-NC-SA 4.0 (emg2pose, Salter et al. 2024): not for commercial use, share alike'
ANGLES = (
    'as released: 20 joint angles in the order of emg2pose; rows of zeros (no solution) are NaN'
)
ROLES = {'train': 'train', 'val': 'validation'}
TESTS = {'user': 'test_users', 'stage': 'test_tasks', 'user_stage': 'test_users_tasks'}


class ImportMissing(PianokpmError, ImportError):
    """What an importer needs is not installed."""


@dataclass(frozen=True)
class _File:
    """A stage's file, with its name in the data set."""

    path: Path
    name: str


def import_emg2pose(
    source: Path, out: Path, cutoff: float = 6.0, progress: Progress = lambda *_: None
) -> Imported:
    """Make a data set of a folder of emg2pose files, or of one file."""
    files = [_File(p, safe_name(p.stem)) for p in _find(Path(source))]
    rows = read_metadata(Path(source))
    lost: list[float] = []
    recordings = (_read_stage(file, cutoff, lost) for file in files)
    data = write_data(
        out,
        recordings,
        len(files),
        lambda: _make_splits(files, rows),
        'emg2pose: wristband EMG and joint angles, no landmarks',
        {'program': 'pianokpm dataset import emg2pose', 'licence': LICENCE},
        progress,
    )
    notes = [f'{100 * np.mean(lost):.1f} % of the angles have no solution and are unknown']
    if not rows:
        notes.append(f'no {METADATA} with splits: the data set has none')
    return Imported(data, (*notes, LICENCE))


def _find(source: Path) -> list[Path]:
    files = [source] if source.is_file() else sorted(source.rglob('*.hdf5'))
    if not files:
        raise DataError(
            f'asked to import emg2pose from {source}, which has no .hdf5 file; name the folder of the release'
        )
    return files


def _open(path: Path) -> tuple[Mapping[str, Any], NDArray]:
    """Return the attributes and the table of a file."""
    try:
        import h5py
    except ImportError as error:
        raise ImportMissing(
            'asked to read HDF5, but h5py is not installed: pip install -r requirements/import.txt'
        ) from error
    try:
        with h5py.File(path, 'r') as file:
            group = file[GROUP]
            facts, table = dict(group.attrs), group[TABLE][...]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f'{path} is no emg2pose file with {GROUP}/{TABLE}: {error}; download it again'
        ) from error
    missing = [f for f in FIELDS if f not in (table.dtype.names or ())]
    if missing or table.ndim != 1 or len(table) < 2:
        raise DataError(f'{path}: {GROUP}/{TABLE} lacks {", ".join(missing) or "samples"}')
    return facts, table


def _read_stage(file: _File, cutoff: float, lost: list[float]) -> Recording:
    facts, table = _open(file.path)
    stamp = np.round((table['time'] - table['time'][0]) * NANOSECONDS).astype(np.int64)
    samples = np.asarray(table['emg'], np.float32)
    channel = tuple(f'wrist_{i:02d}' for i in range(samples.shape[1]))
    emg = SignalTrack(
        stamp, samples, channel, '1', 'raw, as released; its unit is not stated there'
    )
    rate = (len(stamp) - 1) * NANOSECONDS / float(stamp[-1])
    angles = _read_angles(table['joint_angles'][::ANGLE_STEP], stamp[::ANGLE_STEP])
    lost.append(float(np.isnan(angles.samples).any(axis=1).mean()))
    info = RecordingInfo(
        name=file.name,
        subject=f'u{safe_name(_text(facts, "user"))}',
        task=safe_name(_text(facts, 'stage')),
        trial=0,
        side=_read_side(facts, file.path),
        session=safe_name(_text(facts, 'session')),
        simulated=False,
        normalization=Normalization.PERCENTILE.name,
        description=f'emg2pose stage {_text(facts, "stage")}',
        provenance={
            'program': 'pianokpm dataset import emg2pose',
            'licence': LICENCE,
            'file': file.path.name,
        },
    )
    return Recording(info, emg=emg, envelope=make_envelope(emg, rate, cutoff), angles=angles)


def _read_angles(angles: NDArray, stamp: NDArray[np.int64]) -> SignalTrack:
    angles = np.array(angles, np.float32)
    angles[(angles == 0.0).all(axis=1)] = np.nan
    channel = tuple(f'joint_{i:02d}' for i in range(angles.shape[1]))
    return SignalTrack(stamp, angles, channel, 'rad', ANGLES)


def _text(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name, b'')
    text = value.decode() if isinstance(value, bytes) else str(value)
    if not text:
        raise DataError(f'an emg2pose file must say its {name}; this one does not')
    return text


def _read_side(facts: Mapping[str, Any], path: Path) -> Side:
    try:
        return {'left': Side.LEFT, 'right': Side.RIGHT}[_text(facts, 'side').lower()]
    except KeyError as error:
        raise DataError(f'{path}: the side must be left or right, found {error}') from error


def read_metadata(source: Path) -> dict[str, dict[str, str]]:
    """Read the table that tells each file's place in the splits, by file name; empty without one."""
    folder = source if source.is_dir() else source.parent
    for path in sorted(folder.rglob(f'*{METADATA}')):
        with path.open(newline='') as file:
            rows = list(csv.DictReader(file))
        if rows and {'filename', 'split'} <= rows[0].keys():
            return {safe_name(Path(r['filename']).stem): r for r in rows}
    return {}


def _make_splits(files: list[_File], rows: Mapping[str, dict[str, str]]) -> Splits:
    roles: dict[str, list[str]] = {}
    for file in files:
        row = rows.get(file.name)
        if row is None:
            continue
        role = ROLES.get(row['split']) or TESTS.get(row.get('generalization', ''), 'test')
        roles.setdefault(role, []).append(file.name)
    return {'held_out': roles} if roles else {}
