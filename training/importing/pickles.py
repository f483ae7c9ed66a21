"""Read one numpy array from a pickle and nothing else: a pickle can run any code when it is loaded."""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import DataError

LARGEST = 4 << 30
"""No array of a take is larger [bytes]."""


def _reconstruct(kind: type, shape: tuple[int, ...], dtype: bytes) -> NDArray:
    """Make the empty array that the pickle's next step fills."""
    if kind is not np.ndarray or tuple(shape) != (0,):
        raise pickle.UnpicklingError('an array that begins in an unusual way')
    return np.ndarray(0, np.int8)


def _encode(text: str, encoding: str = 'latin1') -> bytes:
    """Turn text to bytes, as pickles of protocol 2 hold them."""
    if encoding.lower() not in ('latin1', 'latin-1'):
        raise pickle.UnpicklingError(f'text in the encoding {encoding!r}')
    return text.encode('latin1')


def _from_buffer(
    buffer: bytes, dtype: np.dtype, shape: tuple[int, ...], order: str, axes: Any = None
) -> NDArray:
    """Make an array of protocol 5; numpy 2 says with order K how the axes were turned."""
    if order == 'K' and axes is not None:
        return np.frombuffer(buffer, dtype).reshape(shape).transpose(axes)
    return np.frombuffer(buffer, dtype).reshape(shape, order=order)


ALLOWED: dict[tuple[str, str], Callable] = {
    ('numpy', 'ndarray'): np.ndarray,
    ('numpy', 'dtype'): np.dtype,
    ('_codecs', 'encode'): _encode,
    **{(f'numpy.{core}.multiarray', '_reconstruct'): _reconstruct for core in ('core', '_core')},
    **{(f'numpy.{core}.numeric', '_frombuffer'): _from_buffer for core in ('core', '_core')},
}
"""All that a pickle may name, with what is used instead; the names are numpy's, of versions 1 and 2."""


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable:
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
    if not isinstance(array, np.ndarray) or array.dtype.kind not in 'fiub':
        kind = f'an array of {array.dtype}' if isinstance(array, np.ndarray) else type(array)
        raise _refuse(path, f'it holds {kind}')
    return array


def _refuse(path: Path, reason: Any) -> DataError:
    return DataError(
        f'asked to read one numpy array of numbers from {path}, but {reason}; pickles can run code, so '
        'nothing but arrays is read: get the file from its makers again, or ask them for .npy files'
    )
