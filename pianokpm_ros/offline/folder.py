"""A folder of results that appears complete or not at all."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.outputs import whole_folder

MARKER = 'summary.json'
"""A folder with this file was made here and may be replaced; any other is left alone."""


class FolderError(PianokpmError, RuntimeError):
    """Results can't be put where asked."""


def result_folder(path: Path | str, replace: bool = False) -> AbstractContextManager[Path]:
    """Check a place for results now; as a context, give a folder to fill that takes its place at the end.

    An error or Ctrl-C leaves nothing of it, and an older result as it was.

    Args:
        path: the target.
        replace: an older result there may be replaced.
    """
    path = Path(path).absolute()
    if path.exists() and not replace:
        raise FolderError(
            f'asked to write to {path}, which exists; name another folder, or allow '
            'to replace it with --replace'
        )
    if path.exists() and not _is_ours(path):
        raise FolderError(
            f'asked to replace {path}, which is no result of an earlier run (it has no '
            f'{MARKER}); name another folder'
        )
    return _open(path)


def _is_ours(path: Path) -> bool:
    empty = path.is_dir() and not any(path.iterdir())
    return empty or (path / MARKER).is_file()


@contextmanager
def _open(path: Path) -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(whole_folder(path))
            folder.mkdir()
        except OSError as error:
            raise FolderError(
                f'asked to write to {path}: {error.strerror}; choose another place'
            ) from error
        yield folder
