"""The console that commands print to."""

from typing import Any

from rich.console import Console


def make_console(**options: Any) -> Console:
    """Return a console that prints words as they are: names of files may hold brackets, which are markup to rich."""
    return Console(highlight=False, markup=False, **options)
