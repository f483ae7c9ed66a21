"""Start the cameras and the keyboard alone, for a machine that the cameras are plugged into."""

from launch import LaunchDescription

from pianokpm_ros.launching import describe_launch


def generate_launch_description() -> LaunchDescription:
    """Describe the part that has devices or files."""
    return describe_launch(('capture',))
