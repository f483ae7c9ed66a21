"""Find the files that are installed beside the code: messages, parameters, launch files, models, takes."""

import os
import sys
from importlib import resources
from pathlib import Path

from pianokpm_ros.errors import PianokpmError

PACKAGE = 'pianokpm'


class ShareError(PianokpmError, FileNotFoundError):
    """An installed file is missing."""


def list_shares() -> list[Path]:
    """List the places where `share/pianokpm` may be, nearest first: source tree, colcon install, pip install."""
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    shares = [Path(p) / 'share' / PACKAGE for p in (*prefixes, sys.prefix) if p]
    return [Path(__file__).resolve().parent.parent, *shares]


def find_share(name: str) -> Path:
    """Return the path of a shared file or folder, such as `config/pianokpm.yaml`."""
    places = list_shares()
    for place in places:
        if (place / name).exists():
            return place / name
    raise ShareError(
        f'asked for {name}, which is in none of {", ".join(map(str, places))}; install pianokpm again'
    )


def find_asset(name: str) -> Path:
    """Return the path of a file or folder that ships inside the Python package, such as `models/small`."""
    path = Path(str(resources.files('pianokpm_ros'))) / 'assets' / name
    if not path.exists():
        raise ShareError(
            f'asked for {name}, which is not in {path.parent}; install pianokpm again'
        )
    return path
