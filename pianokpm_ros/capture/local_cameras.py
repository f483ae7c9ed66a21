"""Which cameras this machine has, so that a message can say what to ask for."""

from pathlib import Path

DEVICES = Path('/sys/class/video4linux')
"""Linux tells here of each video device what it is."""


def list_cameras(devices: Path = DEVICES) -> dict[str, str]:
    """Return the name of each camera that is plugged in, by its address."""
    # A webcam has further devices, for metadata; the first one gives the pictures.
    found = [d for d in devices.glob('video[0-9]*') if _read(d / 'index') in ('0', '')]
    found.sort(key=lambda device: int(device.name.removeprefix('video')))
    return {f'/dev/{d.name}': _read(d / 'name') for d in found}


def _read(path: Path) -> str:
    try:
        return path.read_text(errors='replace').strip()
    except OSError:
        return ''


def describe_cameras(devices: Path = DEVICES) -> str:
    """Say which cameras are plugged in."""
    found = [f'{address} ({name})' for address, name in list_cameras(devices).items()]
    if not found:
        return 'no camera is plugged into this machine'
    return f'plugged in: {", ".join(found)}'
