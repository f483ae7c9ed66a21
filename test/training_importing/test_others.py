"""emg2pose files and CSV pairs, made in their forms, and the real pairs where they are."""

from pathlib import Path

import numpy as np
import pytest
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.importing.emg2pose import import_emg2pose
from pianokpm_training.importing.pairs import import_pairs

from pianokpm_ros.cli import main

from .makers import make_emg2pose, make_pairs

REAL = Path(__file__).resolve().parents[3] / 'shared/data/pose_emg'


def test_emg2pose_becomes_a_data_set(tmp_path):
    pytest.importorskip('h5py', reason='needs requirements/import.txt')
    make_emg2pose(tmp_path / 'source')
    imported = import_emg2pose(tmp_path / 'source', tmp_path / 'data')
    names = sorted(imported.data.entries)
    assert imported.data.splits == {
        'held_out': {'train': [names[0]], 'test_users_tasks': [names[1]]}
    }
    recording = imported.data.load(imported.data.entries[names[1]])
    assert (recording.info.subject, recording.info.task) == ('u1ab', 'piano')
    assert recording.pose is None and not recording.views
    assert recording.emg.samples.shape == (4000, 16) and recording.emg.rate == pytest.approx(
        2000, rel=1e-3
    )
    assert recording.angles.samples.shape == (400, 20) and recording.angles.unit == 'rad'
    assert np.isnan(recording.angles.samples[100:140]).all()
    assert np.isfinite(recording.angles.samples[:100]).all()
    assert recording.envelope.rate == 1000.0 and np.isfinite(recording.envelope.samples).all()
    assert 'NC' in recording.info.provenance['licence']
    assert any('10.0 % of the angles' in note for note in imported.notes)


def test_files_that_are_no_emg2pose_are_refused(tmp_path):
    h5py = pytest.importorskip('h5py', reason='needs requirements/import.txt')
    (tmp_path / 'a.hdf5').write_bytes(b'nothing')
    with pytest.raises(DataError, match='no emg2pose file'):
        import_emg2pose(tmp_path, tmp_path / 'data')
    with h5py.File(tmp_path / 'a.hdf5', 'w') as file:
        table = np.zeros(5, [('time', 'f8')])
        file.create_group('emg2pose').create_dataset('timeseries', data=table)
    with pytest.raises(DataError, match='lacks emg, joint_angles'):
        import_emg2pose(tmp_path, tmp_path / 'data')


def test_pairs_become_a_data_set(tmp_path, capsys):
    make_pairs(tmp_path / 'source')
    arguments = ['dataset', 'import', 'csv', str(tmp_path / 'source'), '--side', 'left']
    assert main([*arguments, '-o', str(tmp_path / 'data')]) == 0
    assert '250.0 Hz' in capsys.readouterr().out
    from pianokpm_training.datasets.collection import open_data

    data = open_data(tmp_path / 'data')
    recording = data.load(data.entries['s01_17'])
    assert recording.angles.rate == pytest.approx(25.0) and len(recording.angles.stamp) == 500
    assert len(recording.emg.stamp) == 4999  # one repeated row is left out
    assert recording.emg.unit == 'V' and np.abs(recording.emg.samples.mean()) == pytest.approx(
        5e-3, rel=0.01
    )
    loud = recording.envelope.samples[::40][:450].mean(axis=1)
    curl = recording.angles.samples[:450, 1]
    assert np.corrcoef(loud, curl)[0, 1] > 0.8  # on one clock: a second off, it is below 0


def test_tables_as_other_programs_write_them_are_read_alike(tmp_path):
    """A mark at the beginning, blank lines, blanks, Windows line ends; and 10 comes after 9."""
    for number in ('9', '10'):
        make_pairs(tmp_path / 'source', number)
    for name in ('angle_9.csv', 'exg_9.csv'):
        path = tmp_path / 'source' / name
        lines = path.read_text().splitlines()
        text = '\r\n'.join([*lines[:50], '', *lines[50:], '', ''])
        path.write_bytes(b'\xef\xbb\xbf' + text.replace(',', ', ').encode())
    data = import_pairs(tmp_path / 'source', tmp_path / 'data').data
    one, other = (data.load(data.entries[f's01_{n}']) for n in ('9', '10'))
    np.testing.assert_array_equal(one.emg.samples, other.emg.samples)
    np.testing.assert_array_equal(one.angles.samples, other.angles.samples)
    assert one.emg.channel == other.emg.channel
    assert (one.info.trial, other.info.trial) == (0, 1)


def test_tables_that_cannot_be_right_are_refused(tmp_path):
    make_pairs(tmp_path)
    text = (tmp_path / 'exg_17.csv').read_text()
    for wrong, words in (
        (text.replace('timestamp', 'time'), 'column timestamp'),
        (text.replace('4003,', '3,', 1), 'not decrease'),
        (text.replace('-5', 'x', 1), 'no table of numbers'),
        (text[:-30], 'line 5001 has 2 fields, the head 4'),
        ('\n'.join(_empty_column(text)), 'no number in ch_2; leave'),
    ):
        (tmp_path / 'exg_17.csv').write_text(wrong)
        with pytest.raises(DataError, match=words):
            import_pairs(tmp_path, tmp_path / 'data')
    (tmp_path / 'angle_17.csv').unlink()
    with pytest.raises(DataError, match='needs the angle_'):
        import_pairs(tmp_path, tmp_path / 'data')


def _empty_column(text):
    head, *rows = (line.split(',') for line in text.splitlines())
    return [','.join(r) for r in (head, *([r[0], r[1], '', r[3]] for r in rows))]


def test_a_subject_is_no_folder(tmp_path):
    make_pairs(tmp_path / 'source')
    with pytest.raises(DataError, match='letters, digits'):
        import_pairs(tmp_path / 'source', tmp_path / 'out' / 'data', subject='../../elsewhere')
    assert [p.name for p in tmp_path.iterdir()] == ['source']


def test_a_gap_is_no_silence_and_does_not_slow_the_clock(tmp_path):
    make_pairs(tmp_path / 'source')
    path = tmp_path / 'source' / 'exg_17.csv'
    lines = path.read_text().splitlines()
    path.write_text('\n'.join([*lines[:1501], *lines[3001:]]) + '\n')  # 6 to 12 s are missing
    imported = import_pairs(tmp_path / 'source', tmp_path / 'data')
    assert '250.0 Hz' in imported.notes[0]
    envelope = imported.data.load(imported.data.entries['s01_17']).envelope
    known = np.isfinite(envelope.samples).all(axis=1)
    time = envelope.stamp * 1e-9
    assert not known[(time > 6.01) & (time < 11.99)].any()
    assert known[(time < 5.99) | (time > 12.01)].all()


def test_two_files_of_one_name_are_refused(tmp_path):
    pytest.importorskip('h5py', reason='needs requirements/import.txt')
    for folder in 'ab':
        make_emg2pose(tmp_path / 'source' / folder)
        (tmp_path / 'source' / folder / 'emg2pose_metadata.csv').unlink()
    with pytest.raises(DataError, match='two recordings of the source would be called'):
        import_emg2pose(tmp_path / 'source', tmp_path / 'data')
    assert not (tmp_path / 'data').exists()


@pytest.mark.skipif(not REAL.is_dir(), reason='the real pairs are not beside the project')
def test_the_real_pairs_are_read(tmp_path):
    data = import_pairs(REAL, tmp_path / 'data').data
    for entry in data.entries.values():
        recording = data.load(entry)
        assert recording.emg.samples.shape[1] == 8 and 85 < recording.duration < 120
        assert recording.angles.rate == pytest.approx(25.0, abs=1.0)
        assert np.isfinite(recording.envelope.samples).all()
        assert 0 < np.median(recording.envelope.samples) < 0.5
