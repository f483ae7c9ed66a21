"""What a controller needs between the estimate and an actuator: it never gets a wild, late or stepping value.

`ActivityGuard` (no ROS) takes estimates and clock readings and gives commands. `subscriber` wires it
to a topic and its deadline and liveliness events; import that module by name, it needs rclpy.
"""

from pianokpm_ros.client.guard import ActivityGuard, Command, State
from pianokpm_ros.client.options import ClientOptions, ClientOptionsError
from pianokpm_ros.client.screening import Fault

__all__ = ['ActivityGuard', 'ClientOptions', 'ClientOptionsError', 'Command', 'Fault', 'State']
