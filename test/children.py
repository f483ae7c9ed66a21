"""What processes there are, by /proc: minimal systems have no `ps`."""

from pathlib import Path


def _fields(process: int) -> list[str]:
    """Return what follows the name in /proc/PID/stat: state, parent, ...; empty where it is gone."""
    try:
        return Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def runs(process: int) -> bool:
    """Tell whether a process is there and no zombie, which nobody buries in a small container."""
    fields = _fields(process)
    return bool(fields) and fields[0] != 'Z'


def children_of(parent: int) -> list[int]:
    """Return the processes that a process started."""
    found = (int(path.name) for path in Path('/proc').glob('[0-9]*'))
    return [process for process in found if _fields(process)[1:2] == [str(parent)]]
