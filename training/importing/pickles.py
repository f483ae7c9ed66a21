"""Read one numpy array from a pickle and nothing else: a pickle can run any code when it is loaded."""

import io
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import DataError

LARGEST = 4 << 30
"""No array of a take is larger [bytes]."""


NUMBERS = re.compile(r'[biuf]\d{1,2}')
"""How numpy calls kinds of numbers; others can hold pointers."""


class _Kind:
    """Stands for a dtype: numpy's own would let a pickle make arrays of pointers out of bytes."""

    def __init__(self, name: str, align: bool = False, copy: bool = True) -> None:
        self._name, self._order = name, '='

    def __setstate__(self, state: tuple) -> None:
        self._order = state[1]

    @property
    def dtype(self) -> np.dtype:
        """The dtype, if it is one of numbers."""
        if not isinstance(self._name, str) or not NUMBERS.fullmatch(self._name):
            raise pickle.UnpicklingError(f'it holds an array of {_name_kind(self._name)}')
        return np.dtype(self._name).newbyteorder(self._order)


def _name_kind(name: Any) -> str:
    try:
        return str(np.dtype(name))
    except TypeError:
        return repr(name)


class _Array:
    """Stands for an array until its bytes are there."""

    values: NDArray | None = None

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, by_columns, content = state
        self.values = _from_buffer(content, kind, shape, 'F' if by_columns else 'C')


_ARRAY_TYPE = object()
"""Stands for numpy's type of arrays, which a pickle may name, but not call."""


def _reconstruct(kind: Any, shape: tuple[int, ...], dtype: bytes) -> _Array:
    """Make the empty array that the pickle's next step fills."""
    if kind is not _ARRAY_TYPE or tuple(shape) != (0,):
        raise pickle.UnpicklingError('an array that begins in an unusual way')
    return _Array()


def _encode(text: str, encoding: str = 'latin1') -> bytes:
    """Turn text to bytes, as pickles of protocol 2 hold them."""
    if encoding.lower() not in ('latin1', 'latin-1'):
        raise pickle.UnpicklingError(f'text in the encoding {encoding!r}')
    return text.encode('latin1')


def _from_buffer(
    buffer: bytes, kind: _Kind, shape: tuple[int, ...], order: str, axes: Any = None
) -> NDArray:
    """Make an array of protocol 5; numpy 2 says with order K how the axes were turned."""
    values = np.frombuffer(buffer, kind.dtype)
    if order == 'K' and axes is not None:
        return values.reshape(shape).transpose(axes)
    return values.reshape(shape, order=order)


ALLOWED: dict[tuple[str, str], Any] = {
    ('numpy', 'ndarray'): _ARRAY_TYPE,
    ('numpy', 'dtype'): _Kind,
    ('_codecs', 'encode'): _encode,
    **{(f'numpy.{core}.multiarray', '_reconstruct'): _reconstruct for core in ('core', '_core')},
    **{(f'numpy.{core}.numeric', '_frombuffer'): _from_buffer for core in ('core', '_core')},
}
"""All that a pickle may name, with what is used instead; the names are numpy's, of versions 1 and 2."""


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f'it names {module}.{name}') from None

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError('it refers to something outside')


def read_array(path: Path) -> NDArray:
    """Read a pickled array of numbers.

    Raises:
        DataError: for anything else, before any of it is run.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise pickle.UnpicklingError(f'it has more than {LARGEST >> 30} GiB')
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f'{path}: {error.strerror}; copy the data again') from error
    except pickle.UnpicklingError as error:
        raise _refuse(path, error) from error
    try:
        array = _ArrayUnpickler(io.BytesIO(content)).load()
    except Exception as error:  # a damaged pickle can raise anything
        raise _refuse(path, error) from error
    array = array.values if isinstance(array, _Array) else array
    if not isinstance(array, np.ndarray):
        raise _refuse(path, f'it holds {type(array)}')
    return array


def _refuse(path: Path, reason: Any) -> DataError:
    return DataError(
        f'asked to read one numpy array of numbers from {path}, but {reason}; pickles can run code, so '
        'nothing but arrays is read: get the file from its makers again, or ask them for .npy files'
    )
