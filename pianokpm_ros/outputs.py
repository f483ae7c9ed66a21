"""Files that commands write: refused before any work, not after it."""

import os
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
            f'asked to write {path}, which exists; name another file with -o, or allow it with --replace'
        )
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f'asked to write {path}, whose folder does not exist; make it first')
    if not os.access(folder, os.W_OK):
        raise OutputError(
            f'asked to write {path}, where nothing can be written; name a file in another folder'
        )
