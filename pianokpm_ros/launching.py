"""The described graph as a launch description, for `ros2 launch`."""

from collections.abc import Sequence
from dataclasses import Field, fields

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.event_handlers import OnProcessExit
from launch.events import matches_action
from launch.events.process import ProcessExited, ShutdownProcess
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from pianokpm_ros.graph import (
    REFUSED,
    RESPAWN_DELAY,
    GraphError,
    GraphOptions,
    NodeSpec,
    describe_graph,
)

PARTS = ('capture', 'estimation')


def describe_launch(parts: Sequence[str] = PARTS) -> LaunchDescription:
    """Declare every option of the graph as an argument and start the nodes of some parts."""
    return LaunchDescription(
        [
            *(declare_argument(option) for option in fields(GraphOptions)),
            OpaqueFunction(function=lambda context: start_nodes(context, parts)),
        ]
    )


def declare_argument(option: Field) -> DeclareLaunchArgument:
    """Declare the argument of a field of `GraphOptions`, defaults as launch writes them."""
    default = option.default
    if isinstance(default, bool):
        text = str(default).lower()
    else:
        text = ' '.join(default) if isinstance(default, tuple) else str(default)
    return DeclareLaunchArgument(
        option.name,
        default_value=text,
        description=option.metadata['description'],
        choices=option.metadata['choices'] or None,
    )


def start_nodes(context: LaunchContext, parts: Sequence[str]) -> list[LaunchDescriptionEntity]:
    """Make the actions of the graph that the arguments ask for."""
    values = {f.name: LaunchConfiguration(f.name).perform(context) for f in fields(GraphOptions)}
    # launch shows the message of an error raised here, without a traceback, and ends with exit code 1.
    specs = describe_graph(GraphOptions.from_strings(values))
    chosen = [spec for spec in specs if spec.part in parts]
    if not chosen:
        raise GraphError(f'nothing of {", ".join(parts)} is asked for')
    return [action for spec in chosen for action in make_actions(spec)]


def make_actions(spec: NodeSpec) -> list[LaunchDescriptionEntity]:
    """Start a node again when it dies, not when it is done; end everything when it refuses to start."""
    node = Node(
        package=spec.package,
        executable=spec.executable,
        name=spec.name,
        namespace=spec.namespace,
        parameters=[spec.params_file, dict(spec.parameters)],
        additional_env=dict(spec.environment),
        respawn=spec.respawn,
        respawn_delay=RESPAWN_DELAY,
        output='screen',
    )

    def end(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        if event.returncode == REFUSED:
            raise GraphError(f'{spec.name} refuses to start; its last lines say why')
        # launch would start a node that is done again, too, unless it was told to end.
        done = ShutdownProcess(process_matcher=matches_action(node))
        return [EmitEvent(event=done)] if event.returncode == 0 else []

    return [node, RegisterEventHandler(OnProcessExit(target_action=node, on_exit=end))]
