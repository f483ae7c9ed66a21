"""The estimate on LSL, for programs that know no ROS; seen on this machine only unless asked."""

import sys

from pianokpm.msg import MuscleActivity

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.amplifier import SCOPES, load_lsl
from pianokpm_ros.emg.estimate_outlet import EstimateOutlet
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.nodes.base import LISTEN, Health, PianoNode, run_node
from pianokpm_ros.nodes.parameters import Parameter


class LslOutletNode(PianoNode):
    """Subscribe to `muscle_activity/<side>`, offer the stream `<name>_<side>`."""

    PARAMETERS = (
        Parameter('name', 'pianokpm', 'of the streams, before `_left` and `_right`'),
        Parameter('scope', 'machine', 'how far the streams can be seen', choices=SCOPES),
    )

    def __init__(self) -> None:
        super().__init__('lsl_outlet_node')
        load_lsl(self.settings['scope'])  # says at start-up what is missing
        self._outlets: dict[Side, EstimateOutlet] = {}
        self._counts = dict.fromkeys(SIDES, 0)
        for side in SIDES:
            topic = f'muscle_activity/{side.label}'
            self.create_subscription(MuscleActivity, topic, self._take, LISTEN)
        self.offer_pause()

    def _take(self, message: MuscleActivity) -> None:
        activity = self.read(message)
        if activity is None or not self.enabled:
            return
        outlet = self._outlets.get(activity.side)
        if outlet is None or not outlet.fits(activity):
            s = self.settings
            outlet = EstimateOutlet(activity, f'{s["name"]}_{activity.side.label}', s['scope'])
            self._outlets[activity.side] = outlet
        self._counts[activity.side] += outlet.push(activity, self.now)

    def diagnose(self) -> Health:
        """Tell what was sent and who listens."""
        values = {f'{s.label} samples': n for s, n in self._counts.items()}
        values |= {f'{s.label} heard': o.heard for s, o in self._outlets.items()}
        return Health.good('running', **values, rejected=self.rejected)


def main() -> int:
    """Run the node."""
    return run_node(LslOutletNode)


if __name__ == '__main__':
    sys.exit(main())
