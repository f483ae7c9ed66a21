"""Say plainly what this machine lacks for building pianokpm; exits 1 if anything is missing."""

import importlib.util
import shutil
import sys
import sysconfig
from pathlib import Path


def list_missing() -> list[str]:
    """Return one line for each thing that is missing."""
    missing = []
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        missing.append(
            f'Python 3.10, 3.11 or 3.12: this is {sys.version.split()[0]}; '
            'name another one with `make PYTHON=/path/to/python3.x ...`'
        )
    if importlib.util.find_spec('ensurepip') is None:
        missing.append('the venv module: apt install python3-venv')
    if not (Path(sysconfig.get_paths()['include']) / 'Python.h').exists():
        missing.append('the headers of this Python: apt install python3-dev')
    missing += [
        f'{tool}: apt install {tool}'
        for tool in ('gcc', 'g++', 'make')
        if shutil.which(tool) is None
    ]
    return missing


def main() -> int:
    """Print what is missing."""
    missing = list_missing()
    for line in missing:
        print(f'missing: {line}', file=sys.stderr)
    return 1 if missing else 0


if __name__ == '__main__':
    sys.exit(main())
