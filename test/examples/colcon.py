"""Build a C++ package that uses the messages of this one."""

import os
import subprocess
from pathlib import Path

import pytest


def build(source: Path, folder: Path) -> Path:
    """Build a package into a new folder; returns where it is installed. Skips the test where rclcpp is missing."""
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    if not any((Path(p) / 'share' / 'rclcpp').is_dir() for p in prefixes if p):
        pytest.skip('rclcpp is not installed: the C++ example needs a ROS 2 installation')
    command = ['colcon', '--log-base', str(folder / 'log'), 'build', '--base-paths', str(source)]
    command += ['--build-base', str(folder / 'build'), '--install-base', str(folder / 'install')]
    built = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    return folder / 'install'
