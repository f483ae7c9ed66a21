"""What lies in a bag's folder, and how."""

from pathlib import Path

BAG = 'bag'
"""Folder of the bag in a result of `pianokpm estimate` or `demo`."""

RIG = 'rig.yaml'
"""Calibration of the cameras that were recorded."""

VIDEOS = 'videos'
"""Folder of what the cameras filmed: `<camera>.mp4` and `<camera>.csv` each."""

LATCHED_TYPES = ('sensor_msgs/msg/CameraInfo', 'builtin_interfaces/msg/Time')
"""Types whose topics keep their last message for late subscribers."""


def find_bag(path: Path | str) -> Path:
    """Return the bag of a result folder, or else what was asked for."""
    path = Path(path)
    return path / BAG if (path / BAG).is_dir() else path
