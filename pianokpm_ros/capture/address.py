"""Names and addresses of live cameras: devices, numbers, URLs."""

import re
import unicodedata
from pathlib import Path

from pianokpm_ros.capture.local_cameras import describe_cameras
from pianokpm_ros.capture.source import CaptureError

SCHEMES = ('rtsp://', 'rtsps://', 'http://', 'https://', 'udp://', 'tcp://', 'rtmp://', 'srt://')

CAMERA_NAME = re.compile(r'[A-Za-z][A-Za-z0-9_]*')
"""Camera names become topic names, for which ROS allows these letters."""


def is_camera_name(name: str) -> bool:
    """Tell whether topics can be named after a camera."""
    return CAMERA_NAME.fullmatch(name) is not None


def make_camera_name(text: str) -> str:
    """Make a camera name of any text, such as the name of a file: `2024-05-01` becomes `camera_2024_05_01`."""
    if is_camera_name(text):
        return text
    plain = unicodedata.normalize('NFKD', text).encode('ascii', 'ignore').decode()
    name = re.sub(r'[^A-Za-z0-9]+', '_', plain).strip('_')
    return name if is_camera_name(name) else f'camera_{name}'.rstrip('_')


def is_stream(address: str) -> bool:
    """Tell whether an address is that of a network stream."""
    return address.lower().startswith(SCHEMES)


def hide_password(address: str) -> str:
    """Return an address to be shown: messages go to logs, to `/diagnostics` and into recordings."""
    return re.sub(r'(://[^/@:]*):[^/]*@', r'\1:***@', address)


def refuse_absent(camera: str, address: str) -> None:
    """Refuse an address that leads nowhere, at once: an opening that is tried again would only take time.

    Args:
        camera: its name.
        address: a path, a number, or a URL, of which only the beginning is looked at.
    """
    words = explain_absence(address)
    if words:
        raise CaptureError(f'camera {camera!r}: {words}')


def explain_absence(address: str) -> str:
    """Say why an address leads nowhere; empty = it may lead somewhere."""
    if is_stream(address):
        return ''
    if '://' in address:
        return f'asked for {hide_password(address)}; addresses of network cameras begin with {", ".join(SCHEMES)}'
    path = Path(f'/dev/video{address}' if address.isdigit() else address)
    return '' if path.exists() else f'asked for {path}, which is not there; {describe_cameras()}'
