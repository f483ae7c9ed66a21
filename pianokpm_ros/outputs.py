"""What is written: refused before any work, not after it, and complete or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pianokpm_ros.errors import PianokpmError


class OutputError(PianokpmError, ValueError):
    """A file can't be written as asked."""


def check_output(path: Path, replace: bool = False) -> None:
    """Refuse a file that can't be written, or that is there already and must not be replaced.

    Raises:
        OutputError: it says what is in the way.
    """
    if path.is_dir():
        raise OutputError(f'asked to write {path}, which is a folder; name a file')
    if path.exists() and not replace:
        raise OutputError(
            f'asked to write {path}, which exists; name another file, or allow it with --replace'
        )
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f'asked to write {path}, whose folder does not exist; make it first')
    if not os.access(folder, os.W_OK):
        raise OutputError(
            f'asked to write {path}, where nothing can be written; name a file in another folder'
        )


@contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """Give a hidden path beside `path`, for a file that takes its place at the end, complete or not at all.

    After an error nothing of it is left, and an older file is as it was.
    """
    path = Path(path)
    part = path.with_name(f'.{path.name}.part')
    try:
        yield part
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):  # the first error is the one to tell of
            part.unlink()
        raise


@contextmanager
def whole_folder(path: Path | str) -> Iterator[Path]:
    """Give a path of the same name in a hidden folder, for a folder to be made there: the same as `whole_file`.

    An older folder is replaced, whatever it holds: check before. What a killed run left is cleared away.
    """
    path = Path(path).absolute()
    hidden = path.with_name(f'.{path.name}.part')
    new, old = hidden / path.name, hidden / f'{path.name}.old'
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir(parents=True)
    try:
        yield new
        if path.exists():
            os.replace(path, old)
        try:
            os.replace(new, path)
        except BaseException:
            if old.exists():
                os.replace(old, path)
            raise
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
