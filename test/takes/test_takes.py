import dataclasses
import hashlib
import json

import numpy as np
import pytest

from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.takes import TRUTH, TakeError, load_take, save_take


def test_a_take_comes_back_as_it_was_saved(make_take, performance, rig):
    take = load_take(make_take().path)
    for name in TRUTH:
        np.testing.assert_array_equal(getattr(take.performance, name), getattr(performance, name))
    assert take.performance.seed == 7 and take.performance.name == 'test'
    assert take.made == {'command': 'a test'} and take.rate == 10.0
    assert take.rig.names == rig.names
    np.testing.assert_allclose(take.rig.cameras[0].distortion, rig.cameras[0].distortion)
    source = VideoFile('left', take.videos['left'])
    source.open()
    assert [source.read().stamp for _ in range(6)] == performance.stamp.tolist()


def test_its_description_says_that_it_is_simulated(make_take):
    manifest = json.loads((make_take().path / 'take.json').read_text())
    assert manifest['simulated'] is True and manifest['schema'] == 'pianokpm-take'
    assert manifest['sides'] == ['left', 'right'] and manifest['muscles'][0] == 'ADM'
    assert manifest['envelope_rate'] == 1000.0
    assert set(manifest['sha256']) == {
        'top.mp4',
        'left.mp4',
        'rig.yaml',
        'truth.npz',
        'keys.mid',
    }


def test_rates_and_duration(performance):
    assert performance.duration == 500_000_000
    assert performance.rate == pytest.approx(10.0) and performance.envelope_rate == 1000.0


@pytest.mark.parametrize('name', ['truth.npz', 'top.mp4', 'rig.yaml', 'keys.mid'])
def test_a_changed_or_missing_file_is_named(make_take, name):
    path = make_take().path / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(TakeError, match=f'{name}.*SHA-256'):
        load_take(path.parent)
    path.unlink()
    with pytest.raises(TakeError, match=f'{name} is missing'):
        load_take(path.parent)


@pytest.mark.parametrize(
    ('field', 'value', 'words'),
    [
        ('version', 2, 'version 1, found 2'),
        ('schema', 'other', 'is this a take'),
        ('muscles', ['ADM'], 'muscles'),
        ('rate', 'fast', 'garbles'),
        ('sha256', None, 'garbles'),
        ('muscles', None, 'garbles'),
        ('cameras', [['top']], 'is missing'),
    ],
)
def test_a_foreign_description_is_refused(make_take, field, value, words):
    path = make_take().path / 'take.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(TakeError, match=words):
        load_take(path.parent)


def test_no_take_says_what_to_do(tmp_path):
    with pytest.raises(TakeError, match='pianokpm studio'):
        load_take(tmp_path / 'none')
    (tmp_path / 'take.json').write_text('{')
    with pytest.raises(TakeError, match='no JSON'):
        load_take(tmp_path)


def test_a_truth_with_pickles_is_refused(make_take):
    path = make_take().path
    np.savez(path / 'truth.npz', stamp=np.array([{}], object))
    manifest = json.loads((path / 'take.json').read_text())
    digest = hashlib.sha256((path / 'truth.npz').read_bytes()).hexdigest()
    manifest['sha256']['truth.npz'] = digest
    (path / 'take.json').write_text(json.dumps(manifest))
    with pytest.raises(TakeError, match='truth file'):
        load_take(path)


def test_saving_again_replaces_but_never_a_folder_of_something_else(make_take, tmp_path):
    first = make_take()
    assert make_take(first.path).path == first.path
    other = tmp_path / 'other'
    other.mkdir()
    (other / 'thesis.txt').write_text('mine')
    with pytest.raises(TakeError, match='something else'):
        make_take(other)
    assert (other / 'thesis.txt').read_text() == 'mine'


def test_a_save_that_fails_leaves_nothing(tmp_path, performance, rig):
    videos = {n: tmp_path / f'not_there_{n}.mp4' for n in rig.names}
    with pytest.raises(TakeError, match='asked to save'):
        save_take(tmp_path / 'take', performance, rig, videos, 10.0, {})
    assert not list(tmp_path.iterdir())
    with pytest.raises(TakeError, match='left'):
        save_take(tmp_path / 'take', performance, rig, {'top': tmp_path}, 10.0, {})


@pytest.mark.parametrize(
    ('name', 'change', 'words'),
    [
        ('landmarks', lambda a: a[:-1], 'landmarks must be'),
        ('stamp', lambda a: a + 1, 'first stamp must be 0'),
        ('key_stamp', lambda a: a[::-1], 'key_stamp must ascend'),
        ('key', lambda a: a + 50, '21 to 108'),
        ('envelope', lambda a: a * np.nan, 'envelope must be finite'),
    ],
)
def test_a_performance_that_contradicts_itself_is_refused(performance, name, change, words):
    with pytest.raises(TakeError, match=words):
        dataclasses.replace(performance, **{name: change(getattr(performance, name))})
