"""Say how to install the simulation extra where a part of it is missing."""

import importlib
from types import ModuleType

from pianokpm_ros.errors import PianokpmError


class SimulationError(PianokpmError, RuntimeError):
    """A simulation can't be run as asked."""


def require(name: str) -> ModuleType:
    """Import a module of the simulation extra."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SimulationError(
            f'simulating needs {name}, which is not installed; '
            'run `pip install -r requirements/simulation.txt` or install pianokpm[simulation]'
        ) from error
