"""Start triangulation, muscle estimation and the recorder alone: the cameras run on other machines."""

from launch import LaunchDescription

from pianokpm_ros.launching import describe_launch


def generate_launch_description() -> LaunchDescription:
    """Describe the part that computes."""
    return describe_launch(('estimation',))
