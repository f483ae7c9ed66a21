"""Start the whole graph on one machine; `ros2 launch pianokpm bringup.launch.py --show-args` lists the choices."""

from launch import LaunchDescription

from pianokpm_ros.launching import describe_launch


def generate_launch_description() -> LaunchDescription:
    """Describe capture and estimation."""
    return describe_launch()
