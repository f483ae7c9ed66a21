"""Write envelopes and poses as CSV and Parquet, row by row, in bounded memory.

Both files of a table have the same columns in the same order. `stamp_ns` is the stamp as in the bag,
`time_s` the time since the beginning of the videos. Missing numbers are NaN. Columns of estimates are called so.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from pianokpm_ros.anatomy import LANDMARKS
from pianokpm_ros.offline.inputs import ORIGIN
from pianokpm_ros.records import NANOSECONDS, HandPose, MuscleActivity
from pianokpm_ros.tracks import sample_stamps

Columns = dict[str, Any]

GROUP_BYTES = 2_000_000
"""Rows are collected up to about this size and then written, so that memory doesn't grow with a recording."""

FORMATS = ('csv', 'parquet')


class Table:
    """One table in one or two files, built from records."""

    def __init__(
        self,
        folder: Path,
        name: str,
        fields: Sequence[tuple[str, pa.DataType]],
        build: Callable[[list[Any]], Columns],
        formats: Sequence[str] = FORMATS,
        remarks: Mapping[str, Any] | None = None,
    ) -> None:
        """Open the files.

        Args:
            folder: exists.
            name: of the files without their ending.
            fields: column names and types.
            build: makes the columns of successive records.
            formats: `csv`, `parquet` or both.
            remarks: what the numbers are; goes into the metadata of the Parquet file.
        """
        metadata = {'pianokpm': json.dumps(remarks or {})}
        self._schema, self._build = pa.schema(list(fields), metadata=metadata), build
        self.files = [folder / f'{name}.{f}' for f in FORMATS if f in formats]
        self._writers = [self._open(path) for path in self.files]
        self._waiting: list[Any] = []
        self._waiting_rows, self.rows = 0, 0

    def _open(self, path: Path) -> Any:
        if path.suffix == '.csv':
            return pa.csv.CSVWriter(path, self._schema)
        return pa.parquet.ParquetWriter(path, self._schema, compression='zstd')

    def append(self, record: Any, rows: int) -> None:
        """Append a record that makes that many rows."""
        if not rows:
            return
        self._waiting.append(record)
        self._waiting_rows += rows
        self.rows += rows
        # Numbers take 4 bytes in the records that wait, and their arrays some more.
        if self._waiting_rows * 4 * len(self._schema) >= GROUP_BYTES:
            self._write()

    def _write(self) -> None:
        if self._waiting:
            table = pa.table(self._build(self._waiting), schema=self._schema)
            for writer in self._writers:
                writer.write_table(table)
        self._waiting, self._waiting_rows = [], 0

    def close(self) -> None:
        """Write what is left and finish the files."""
        self._write()
        for writer in self._writers:
            writer.close()
        self._writers = []

    def __enter__(self) -> 'Table':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def envelope_fields(muscles: Sequence[str]) -> list[tuple[str, pa.DataType]]:
    """Return the columns of the table of envelopes: one row for each sample of each hand."""
    return [
        ('stamp_ns', pa.int64()),
        ('time_s', pa.float64()),
        ('side', pa.string()),
        ('status', pa.string()),
        ('confidence', pa.float32()),
        *((f'{m}_estimate', pa.float32()) for m in muscles),
        *((f'{m}_deviation', pa.float32()) for m in muscles),
    ]


def envelope_columns(activities: list[MuscleActivity]) -> Columns:
    """Return the samples of estimates of one model as columns."""
    counts = [len(a.envelope) for a in activities]
    muscles = activities[0].muscle
    values = np.concatenate([np.asarray(a.envelope, np.float32) for a in activities])
    deviations = np.concatenate([np.asarray(a.envelope_deviation, np.float32) for a in activities])
    return {
        **_times(np.concatenate([sample_stamps(a) for a in activities])),
        'side': np.repeat([a.side.label for a in activities], counts),
        'status': np.repeat([a.status.name for a in activities], counts),
        'confidence': np.repeat(np.array([a.confidence for a in activities], np.float32), counts),
        **{f'{m}_estimate': values[:, i] for i, m in enumerate(muscles)},
        **{f'{m}_deviation': deviations[:, i] for i, m in enumerate(muscles)},
    }


def pose_fields() -> list[tuple[str, pa.DataType]]:
    """Return the columns of the table of poses: one row for each moment of each hand."""
    return [
        ('stamp_ns', pa.int64()),
        ('time_s', pa.float64()),
        ('side', pa.string()),
        ('status', pa.string()),
        ('frame_id', pa.string()),
        *((f'{n}_{axis}_m', pa.float32()) for n in LANDMARKS for axis in 'xyz'),
        *((f'{n}_deviation_m', pa.float32()) for n in LANDMARKS),
        *((f'{n}_reprojection_error_px', pa.float32()) for n in LANDMARKS),
        *((f'{n}_views', pa.uint8()) for n in LANDMARKS),
    ]


def _times(stamps: NDArray[np.int64]) -> Columns:
    return {'stamp_ns': stamps, 'time_s': (stamps - ORIGIN) / NANOSECONDS}


def pose_columns(poses: list[HandPose]) -> Columns:
    """Return poses as columns."""
    columns: Columns = {
        **_times(np.array([p.stamp for p in poses], np.int64)),
        'side': [p.side.label for p in poses],
        'status': [p.status.name for p in poses],
        'frame_id': [p.frame_id for p in poses],
    }
    landmarks = np.stack([p.landmarks for p in poses]).astype(np.float32)
    for kind, unit in (('deviation', 'm'), ('reprojection_error', 'px')):
        values = np.stack([getattr(p, kind) for p in poses]).astype(np.float32)
        for i, name in enumerate(LANDMARKS):
            columns[f'{name}_{kind}_{unit}'] = values[:, i]
    views = np.stack([p.views for p in poses]).astype(np.uint8)
    for i, name in enumerate(LANDMARKS):
        columns[f'{name}_views'] = views[:, i]
        for axis, letter in enumerate('xyz'):
            columns[f'{name}_{letter}_m'] = landmarks[:, i, axis]
    return columns
