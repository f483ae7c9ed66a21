"""An exoskeleton controller in closed loop: estimate in, guarded, assist torque out, motors simulated.

    source activate.bash
    python examples/exoskeleton/exoskeleton_node.py --ros-args -p side:=right -p camera_rate:=30

Publishes what ros2_control's `effort_controllers/JointGroupEffortController` (a forward command
controller) takes, `exoskeleton/commands`; whether it holds on to the hand at all, `exoskeleton/engaged`; and
what the simulated motors answer, `exoskeleton/joint_states`.
"""

import rclpy
from actuator import SimulatedActuators
from assistance import JOINTS, Assistance
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray

from pianokpm_ros.client import ClientOptions, State
from pianokpm_ros.client.subscriber import ActivitySubscriber

PERIOD = 0.005


class ExoskeletonNode(Node):
    """Follow the estimate of one hand at 200 Hz."""

    def __init__(self) -> None:
        super().__init__('exoskeleton')
        side = self.declare_parameter('side', 'right').value
        if side not in ('left', 'right'):
            raise ValueError(f'side must be left or right, found {side!r}')
        number = ParameterDescriptor(dynamic_typing=True)  # 30 as well as 30.0
        rate = float(self.declare_parameter('camera_rate', 60.0, number).value)
        options = ClientOptions(period=1 / rate)
        self.subscriber = ActivitySubscriber(self, f'muscle_activity/{side}', options)
        self._assistance, self._motors = Assistance(), SimulatedActuators(len(JOINTS))
        self._commands = self.create_publisher(Float64MultiArray, 'exoskeleton/commands', 10)
        self._engaged = self.create_publisher(Bool, 'exoskeleton/engaged', 10)
        self._states = self.create_publisher(JointState, 'exoskeleton/joint_states', 10)
        self._then, self._shown = self.subscriber.steady, State.PASSIVE
        self.create_timer(PERIOD, self._control, clock=self.subscriber.clock)

    def _control(self) -> None:
        now = self.subscriber.steady
        seconds, self._then = min((now - self._then) * 1e-9, 0.1), now
        command = self.subscriber.command()
        torque = self._assistance.step(command, seconds)
        self._motors.step(torque, seconds)
        wanted = [0.0] * len(JOINTS) if torque is None else torque.tolist()
        self._commands.publish(Float64MultiArray(data=wanted))
        self._engaged.publish(Bool(data=torque is not None))
        self._publish_state()
        if command.state != self._shown:
            self._shown = command.state
            self.get_logger().info(f'{command.state.name} {command.fault.name}')

    def _publish_state(self) -> None:
        state = JointState(name=list(JOINTS))
        state.header.stamp = self.get_clock().now().to_msg()
        state.position = self._motors.angle.tolist()
        state.velocity = self._motors.speed.tolist()
        state.effort = self._motors.torque.tolist()
        self._states.publish(state)


def main() -> None:
    """Run until Ctrl-C."""
    rclpy.init()
    # 200 commands a second are much for rclpy's other executors.
    executor = EventsExecutor()
    executor.add_node(ExoskeletonNode())
    try:
        while rclpy.ok():
            executor.spin_once(timeout_sec=0.1)
    except KeyboardInterrupt:
        pass


if __name__ == '__main__':
    main()
