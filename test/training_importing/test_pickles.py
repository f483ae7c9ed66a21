"""Only arrays of numbers come out of a pickle; nothing in it is ever run."""

import pickle

import numpy as np
import pytest
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.importing.pickles import read_array

ARRAYS = {
    'plain': np.arange(6.0).reshape(2, 3),
    'float32, by columns': np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    'turned': np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1),
    'other byte order': np.arange(3, dtype='>f8'),
    'integers': np.arange(3),
}


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize('name', ARRAYS)
def test_arrays_of_all_protocols_are_read(tmp_path, name, protocol):
    path = tmp_path / 'a.pkl'
    path.write_bytes(pickle.dumps(ARRAYS[name], protocol=protocol))
    np.testing.assert_array_equal(read_array(path), ARRAYS[name])


@pytest.mark.parametrize('core', ['numpy.core', 'numpy._core'])
def test_arrays_of_either_numpy_are_read(tmp_path, core):
    content = pickle.dumps(ARRAYS['plain'], protocol=0)
    other = content.replace(b'numpy._core', b'numpy.core').replace(b'numpy.core', core.encode())
    (tmp_path / 'a.pkl').write_bytes(other)
    np.testing.assert_array_equal(read_array(tmp_path / 'a.pkl'), ARRAYS['plain'])


class _Evil:
    """Its pickle makes a file when a plain unpickler loads it."""

    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), 'w'))


@pytest.mark.parametrize('wrap', [lambda o: o, lambda o: np.array([o], object), lambda o: [o]])
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path, wrap):
    path, mark = tmp_path / 'evil.pkl', tmp_path / 'mark'
    content = pickle.dumps(wrap(_Evil(mark)))
    pickle.loads(content)  # the danger is real
    assert mark.exists()
    mark.unlink()
    path.write_bytes(content)
    with pytest.raises(DataError, match=r'evil\.pkl, but it names (_?io|builtins)\.open'):
        read_array(path)
    assert not mark.exists()


class _Raw:
    """Its pickle calls numpy's type of arrays, which makes an array of any kind, pointers too, of any bytes."""

    def __init__(self, kind) -> None:
        self.kind = kind

    def __reduce__(self):
        return (np.ndarray, ((1,), np.dtype(self.kind), bytes(8)))


@pytest.mark.parametrize('kind', ['f8', 'O'])
def test_the_type_of_arrays_cannot_be_called(tmp_path, kind):
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(_Raw(kind)))
    with pytest.raises(DataError, match='not callable'):
        read_array(tmp_path / 'a.pkl')


@pytest.mark.parametrize(
    ('value', 'words'),
    [
        ([1.0, 2.0], 'list'),
        ({'emg': np.zeros(3)}, 'dict'),
        (np.array(['a']), 'array of <U1'),
        (np.array([{}], object), 'array of object'),
        (np.zeros(3, [('a', 'f8')]), r'array of \|V8'),
        (np.zeros(3, complex), 'array of complex128'),
    ],
)
def test_anything_but_one_array_of_numbers_is_refused(tmp_path, value, words):
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(value))
    with pytest.raises(DataError, match=words):
        read_array(tmp_path / 'a.pkl')


def test_damaged_and_missing_files_are_told(tmp_path):
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(np.zeros(100))[:60])
    with pytest.raises(DataError, match='get the file from its makers again'):
        read_array(tmp_path / 'a.pkl')
    with pytest.raises(DataError, match='copy the data again'):
        read_array(tmp_path / 'b.pkl')
