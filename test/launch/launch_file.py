"""Run a launch file as `ros2 launch` does: `python launch_file.py FILE name:=value ...`."""

import sys

from launch import LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource


def main() -> int:
    """Return what launch returns."""
    file, *words = sys.argv[1:]
    chosen = [tuple(word.split(':=', 1)) for word in words]
    service = LaunchService()
    source = AnyLaunchDescriptionSource(file)
    service.include_launch_description(IncludeLaunchDescription(source, launch_arguments=chosen))
    return service.run()


if __name__ == '__main__':
    sys.exit(main())
