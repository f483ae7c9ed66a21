"""Replay a bag, and the estimation on it if asked: `ros2 launch pianokpm replay.launch.py bag:=FOLDER`."""

from dataclasses import fields

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import OpaqueFunction, RegisterEventHandler, Shutdown
from launch.event_handlers import OnProcessExit
from launch.substitutions import LaunchConfiguration

from pianokpm_ros.graph import read_options
from pianokpm_ros.launching import declare_argument, make_actions
from pianokpm_ros.replay.graph import ReplayOptions, describe_replay


def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Make the actions that the arguments ask for."""
    values = {f.name: LaunchConfiguration(f.name).perform(context) for f in fields(ReplayOptions)}
    # launch shows the message of an error raised here, without a traceback, and ends with exit code 1.
    specs = describe_replay(read_options(ReplayOptions, values))
    actions = [make_actions(spec) for spec in specs]
    player = actions[0][0]  # describe_replay names it first
    end = OnProcessExit(target_action=player, on_exit=[Shutdown(reason='the replay is over')])
    return [*(action for node in actions for action in node), RegisterEventHandler(end)]


def generate_launch_description() -> LaunchDescription:
    """Declare the choices and start."""
    return LaunchDescription(
        [*(declare_argument(f) for f in fields(ReplayOptions)), OpaqueFunction(function=start)]
    )
