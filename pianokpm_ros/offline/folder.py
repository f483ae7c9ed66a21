"""A folder of results that appears complete or not at all."""

import os
import shutil
from pathlib import Path
from types import TracebackType

from pianokpm_ros.errors import PianokpmError

MARKER = 'summary.json'
"""A folder with this file was made here and may be replaced; any other is left alone."""


class FolderError(PianokpmError, RuntimeError):
    """Results can't be put where asked."""


class ResultFolder:
    """Files are made in a hidden folder beside the target, which takes its place at the end.

    As a context manager it gives the hidden folder; an error or Ctrl-C removes it and leaves an
    older result as it was.
    """

    def __init__(self, path: Path | str, replace: bool = False) -> None:
        """Check the place.

        Args:
            path: the target.
            replace: an older result there may be replaced.
        """
        self.path = Path(path).absolute()
        self._part = self.path.with_name(f'.{self.path.name}.part')
        self._old = self.path.with_name(f'.{self.path.name}.old')
        if self.path.exists():
            if not replace:
                raise FolderError(
                    f'asked to write to {self.path}, which exists; name another folder, or allow '
                    'to replace it with --replace'
                )
            if not self._is_ours():
                raise FolderError(
                    f'asked to replace {self.path}, which is no result of an earlier run (it has no '
                    f'{MARKER}); name another folder'
                )

    def _is_ours(self) -> bool:
        empty = self.path.is_dir() and not any(self.path.iterdir())
        return empty or (self.path / MARKER).is_file()

    def __enter__(self) -> Path:
        try:
            shutil.rmtree(self._part, ignore_errors=True)  # of a run that was killed
            self._part.mkdir(parents=True)
        except OSError as error:
            raise FolderError(
                f'asked to write to {self.path}: {error.strerror}; choose another place'
            ) from error
        return self._part

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            shutil.rmtree(self._part, ignore_errors=True)
            return
        shutil.rmtree(self._old, ignore_errors=True)
        if self.path.exists():
            os.replace(self.path, self._old)
        os.replace(self._part, self.path)
        shutil.rmtree(self._old, ignore_errors=True)
