"""The PianoKPM release, made in its form: views, keys, envelopes, splits, and which rate it really has."""

import pickle

import numpy as np
import pytest
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.importing.pianokpm import (
    PianoKpmSettings,
    compress_keys,
    find_key_range,
    import_pianokpm,
)

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.cli import main
from pianokpm_ros.keyboard.key_samples import KeySamples, positions_at

from .makers import make_release


def _rewrite(folder, name, change):
    path = folder / name
    path.write_bytes(pickle.dumps(change(pickle.loads(path.read_bytes()))))


def test_a_release_becomes_a_data_set(tmp_path):
    made = make_release(tmp_path / 'release')
    imported = import_pianokpm(tmp_path / 'release', tmp_path / 'data')
    entry = imported.data.entries['t1_p2_1']
    assert (entry.subject, entry.task, entry.side, entry.simulated) == ('p02', 't1', 'left', False)
    recording = imported.data.load(entry)
    arrays = made['t1_p2_1']
    assert recording.pose is None and set(recording.views) == {'top', 'right'}
    np.testing.assert_allclose(
        recording.views['right'].pixels, arrays['hand_data/keyp_right'][..., :2], rtol=1e-6
    )
    assert recording.views['top'].size == (1920, 1080)
    assert any('assumed' in note and '1920 x 1080' in note for note in imported.notes)
    assert np.isnan(recording.views['top'].pixels[5, 3]).all()
    assert np.isnan(recording.views['top'].pixels).sum() == 2
    np.testing.assert_allclose(recording.envelope.samples, arrays['emg_data'], rtol=1e-6)
    assert recording.envelope.samples.min() < -0.9 and recording.envelope.unit == '1'
    assert recording.envelope.channel == MUSCLES and 'PB' in recording.envelope.processing


def test_points_in_units_of_the_image_stay_so(tmp_path):
    make_release(tmp_path / 'release', takes=('t1_p1_1', 't1_p2_1', 't2_p1_1'))
    for path in (tmp_path / 'release' / 'hand_data').rglob('*.pkl'):
        path.write_bytes(pickle.dumps(pickle.loads(path.read_bytes()) / 1000))
    data = import_pianokpm(tmp_path / 'release', tmp_path / 'data').data
    view = data.load(data.entries['t1_p1_1']).views['top']
    assert view.size == (1, 1) and np.nanmax(view.pixels) < 1


def test_a_wild_point_decides_nothing(tmp_path):
    make_release(tmp_path / 'release', takes=('t1_p1_1', 't1_p2_1', 't2_p1_1'))
    for path in (tmp_path / 'release' / 'hand_data').rglob('*.pkl'):
        points = pickle.loads(path.read_bytes()) / (1000 if path.stem == 't1_p1_1' else 1)
        points[7, 8] = 1e4
        path.write_bytes(pickle.dumps(points))
    data = import_pianokpm(tmp_path / 'release', tmp_path / 'data').data
    sizes = [data.load(data.entries[n]).views['top'].size for n in ('t1_p1_1', 't1_p2_1')]
    assert sizes == [(1, 1), (1920, 1080)]


def test_splits_are_taken_over(tmp_path):
    make_release(tmp_path / 'release')
    imported = import_pianokpm(tmp_path / 'release', tmp_path / 'data')
    assert imported.data.splits == {
        'within': {'train': ['t1_p1_1'], 'validation': ['t1_p2_1'], 'test': ['t2_p1_1']},
        'held_out': {
            'train': ['t1_p1_1'],
            'validation': [],
            'test_users': ['t1_p2_1'],
            'test_tasks': ['t2_p1_1'],
        },
    }
    assert any(
        '1 takes of the split files are not there, such as t9_p9_9' in n for n in imported.notes
    )


@pytest.mark.parametrize('rate', [1000.0, 1024.0])
def test_the_rate_is_found_reported_and_used(tmp_path, rate):
    make_release(tmp_path / 'release', rate)
    imported = import_pianokpm(tmp_path / 'release', tmp_path / 'data')
    recording = imported.data.load(imported.data.entries['t1_p1_1'])
    views = recording.views['top'].stamp
    # Views and signals end together: the last sample stands for the time until the next.
    assert abs(recording.envelope.stamp[-1] + 1e9 / rate - views[-1] - 1e9 / 60) < 2
    assert recording.info.provenance['samples_a_frame'] == round(rate / 60, 4)
    assert any(f'3 takes are taken as {rate:g} Hz' in note for note in imported.notes)
    assert any('drift by 24 ms' in note for note in imported.notes) == (rate == 1000.0)


def test_other_rates_are_refused_unless_told(tmp_path):
    make_release(tmp_path / 'release', 2000.0)
    with pytest.raises(DataError, match=r'33\.33 samples of EMG to a frame; expected 16\.67'):
        import_pianokpm(tmp_path / 'release', tmp_path / 'data')
    assert not (tmp_path / 'data').exists() and not (tmp_path / '.data.part').exists()
    settings = PianoKpmSettings(Side.RIGHT, signal_rate=2000.0)
    data = import_pianokpm(tmp_path / 'release', tmp_path / 'data', settings).data
    assert data.load(data.entries['t1_p1_1']).envelope.rate == 2000.0
    assert data.entries['t1_p1_1'].side == 'right'


def test_keys_keep_their_motion_and_nothing_else(tmp_path):
    make_release(tmp_path / 'release')
    data = import_pianokpm(tmp_path / 'release', tmp_path / 'data').data
    keys = data.load(data.entries['t1_p1_1']).keys
    assert set(keys.key) == {60} and 90 < len(keys.key) < 120 and keys.source.startswith('sensor')
    samples = KeySamples(
        keys.stamp, keys.key, keys.position, keys.velocity, np.zeros(len(keys.key), np.uint8), ''
    )
    times = np.array([0.5, 1.025, 1.5, 2.025, 2.5])
    positions = positions_at(samples, (times * 1e9).astype(np.int64))
    np.testing.assert_allclose(positions[:, 60 - 21], [0, 0.5, 1, 0.5, 0], atol=0.021)
    down = keys.velocity[(keys.stamp > 1.01e9) & (keys.stamp < 1.04e9)]
    np.testing.assert_allclose(down, 20.0, rtol=0.02)


def test_what_a_key_at_rest_reads_is_found():
    rest = np.full((10, 88), -1.0)
    scale, mark = rest.copy(), rest.copy()
    scale[3, 5], scale[4, 5] = -0.4, 1.0
    mark[3, 5], mark[4, 5] = 0.3, 1.0
    assert find_key_range('t', scale) == (-1.0, 1.0)
    assert find_key_range('t', mark) == (0.0, 1.0)
    with pytest.raises(DataError, match='--key-range'):
        find_key_range('t', 10 * mark)
    # A sensor's noise decides nothing.
    mark[6, 5], mark[7, 5] = -0.02, -0.99
    assert find_key_range('t', mark) == (0.0, 1.0)


def test_beside_lost_samples_of_keys_the_speed_is_unknown():
    lost = np.full((10, 88), 0.0)
    lost[2:, 5], lost[5, 5] = 1.0, np.nan
    keys = compress_keys(lost, 1000.0)
    assert np.isfinite(keys.position).all() and keys.position.max() == 1.0
    assert np.nanmin(keys.velocity) >= 0.0  # nothing went up


def test_what_keys_read_is_told(tmp_path):
    make_release(tmp_path / 'release')
    _rewrite(
        tmp_path / 'release', 'keystroke_data/t1_p2_1.pkl', lambda a: np.where(a > -1, 0.5, a)
    )
    notes = import_pianokpm(tmp_path / 'release', tmp_path / 'data').notes
    assert any('2 takes are read from -1 (rest) to 1 (bottom)' in n for n in notes)
    assert any('1 takes are read from 0 (rest)' in n for n in notes)
    assert any('hardly right' in n for n in notes)


def test_settings_that_say_nothing_are_refused():
    for wrong in (
        {'pose_rate': 0.0},
        {'signal_rate': 0.0},
        {'signal_rate': float('nan')},
        {'key_range': (1.0, 1.0)},
        {'image_size': (0, 10)},
    ):
        with pytest.raises(DataError, match='asked for'):
            PianoKpmSettings(**wrong)


def test_the_rate_of_the_frames_is_what_the_user_says(tmp_path):
    make_release(tmp_path / 'release', 1200.0)
    settings = PianoKpmSettings(pose_rate=50.0)
    imported = import_pianokpm(tmp_path / 'release', tmp_path / 'data', settings)
    assert any('1000 Hz, with frames at 50 Hz' in note for note in imported.notes)
    assert not any('drift' in note for note in imported.notes)


@pytest.mark.parametrize(
    ('name', 'change', 'words'),
    [
        ('emg_data/t1_p1_1.pkl', lambda a: a[:, :5], r'\(samples, 6\) numbers'),
        ('keystroke_data/t1_p1_1.pkl', lambda a: a[:-400], 'keys have 2600 samples where 3000'),
        ('hand_data/keyp_right/t1_p1_1.pkl', lambda a: a[:90], 'right view have 90'),
        ('hand_data/keyp_top/t1_p1_1.pkl', lambda a: a[:, :20], r'found \(180, 20, 3\)'),
        ('hand_data/keyp_top/t1_p1_1.pkl', lambda a: 4 * a, '--image-size WIDTH HEIGHT'),
        ('emg_data/t1_p1_1.pkl', lambda a: print, 'but it names builtins.print'),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path, name, change, words):
    make_release(tmp_path / 'release')
    _rewrite(tmp_path / 'release', name, change)
    with pytest.raises(DataError, match=words):
        import_pianokpm(tmp_path / 'release', tmp_path / 'data')


def test_the_command_says_what_it_found(tmp_path, capsys):
    make_release(tmp_path / 'release')
    arguments = ['dataset', 'import', 'pianokpm', str(tmp_path / 'release')]
    assert main([*arguments, '-o', str(tmp_path / 'data')]) == 0
    said = ' '.join(capsys.readouterr().out.split())
    assert '16.667 to 16.667 samples of EMG to a frame' in said and 'split held_out' in said
    assert main([*arguments, '-o', str(tmp_path / 'data')]) == 1
    assert 'name a new folder' in capsys.readouterr().err
    assert main(['dataset', 'info', str(tmp_path / 'data')]) == 0
    assert '60.0' in capsys.readouterr().out
    assert main(['dataset', 'import', 'pianokpm', str(tmp_path), '-o', str(tmp_path / 'x')]) == 1
    assert 'no folder keyp_top' in capsys.readouterr().err
