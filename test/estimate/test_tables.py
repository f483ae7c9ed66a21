import json
from dataclasses import replace

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from pianokpm_ros.anatomy import LANDMARKS, MUSCLES
from pianokpm_ros.offline import tables
from pianokpm_ros.offline.inputs import ORIGIN
from pianokpm_ros.offline.tables import (
    Table,
    envelope_columns,
    envelope_fields,
    pose_columns,
    pose_fields,
)
from pianokpm_ros.tracks import sample_stamps

from ..messages.examples import make_activity, make_pose


def read_both(folder, name):
    """Return the table as CSV and Parquet have it."""
    return (
        pyarrow.csv.read_csv(folder / f'{name}.csv'),
        pyarrow.parquet.read_table(folder / f'{name}.parquet'),
    )


def test_poses_come_back_as_they_were(tmp_path, rng):
    poses = [make_pose(rng, i) for i in range(30)]
    with Table(tmp_path, 'poses', pose_fields(), pose_columns) as table:
        for pose in poses:
            table.append(pose, 1)
    for read in read_both(tmp_path, 'poses'):
        assert read['stamp_ns'].to_pylist() == [p.stamp for p in poses]
        assert read['side'].to_pylist() == [p.side.label for p in poses]
        assert read['status'].to_pylist() == [p.status.name for p in poses]
        for i, name in enumerate(LANDMARKS):
            column = np.stack([read[f'{name}_{a}_m'].to_numpy() for a in 'xyz'], 1)
            # CSV holds the shortest decimals that give the same float32.
            np.testing.assert_array_equal(
                column.astype(np.float32), np.stack([p.landmarks[i] for p in poses])
            )
            errors = read[f'{name}_reprojection_error_px'].to_numpy().astype(np.float32)
            np.testing.assert_array_equal(errors, [p.reprojection_error[i] for p in poses])
            assert read[f'{name}_views'].to_pylist() == [int(p.views[i]) for p in poses]


def test_envelopes_come_back_with_times_and_unknown_as_nan(tmp_path, rng):
    made = [replace(make_activity(rng, i), envelope_stamp=ORIGIN + i * 10**8) for i in range(1, 9)]
    with Table(
        tmp_path, 'e', envelope_fields(MUSCLES), envelope_columns, remarks={'what': 'x'}
    ) as t:
        for activity in made:
            t.append(activity, len(activity.envelope))
        assert t.rows == sum(len(a.envelope) for a in made)
    stamps = np.concatenate([sample_stamps(a) for a in made])
    values = np.concatenate([a.envelope for a in made])
    assert np.isnan(values).any()
    for read in read_both(tmp_path, 'e'):
        np.testing.assert_array_equal(read['stamp_ns'].to_numpy(), stamps)
        np.testing.assert_allclose(read['time_s'].to_numpy(), (stamps - ORIGIN) / 1e9, rtol=1e-15)
        for i, muscle in enumerate(MUSCLES):
            found = read[f'{muscle}_estimate'].to_numpy().astype(np.float32)
            np.testing.assert_array_equal(found, values[:, i])
    metadata = pyarrow.parquet.read_schema(tmp_path / 'e.parquet').metadata
    assert json.loads(metadata[b'pianokpm']) == {'what': 'x'}


def test_rows_are_written_in_groups_so_memory_stays_bounded(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(tables, 'GROUP_BYTES', 10 * 4 * len(pose_fields()))
    pose = make_pose(rng, 0)
    with Table(tmp_path, 'p', pose_fields(), pose_columns, ('parquet',)) as table:
        for _ in range(25):
            table.append(pose, 1)
            assert len(table._waiting) < 10
    assert pyarrow.parquet.ParquetFile(tmp_path / 'p.parquet').num_row_groups == 3
    assert not (tmp_path / 'p.csv').exists()


@pytest.mark.parametrize('count', [0, 3])
def test_estimates_without_samples_make_no_rows(tmp_path, rng, count):
    empty = replace(
        make_activity(rng, 1),
        envelope=np.zeros((0, 6), np.float32),
        envelope_deviation=np.zeros((0, 6), np.float32),
    )
    with Table(tmp_path, 'e', envelope_fields(MUSCLES), envelope_columns) as table:
        for _ in range(count):
            table.append(empty, 0)
    for read in read_both(tmp_path, 'e'):
        assert read.num_rows == 0 and 'ADM_estimate' in read.column_names
