"""An EMG amplifier that streams through LSL: publishes `emg`, gaps marked, never filled."""

import sys

from pianokpm.msg import EmgBlock
from rclpy.clock import Clock, ClockType

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.amplifier import SCOPES, LslAmplifier, StreamQuery, StreamState
from pianokpm_ros.emg.stream import EMG_TYPE, AmplifierError, StreamWishes
from pianokpm_ros.nodes.base import STREAM, Health, PianoNode, run_node
from pianokpm_ros.nodes.parameters import Parameter

SIDES = tuple(s.label for s in Side)


class EmgSensorNode(PianoNode):
    """Publish `emg`."""

    PARAMETERS = (
        Parameter('stream', '', 'name of the LSL stream; empty = the only one of its type'),
        Parameter('source_id', '', 'source id of the device; empty = any'),
        Parameter('type', EMG_TYPE, 'content type of the stream'),
        Parameter('channels', [''], 'labels to take, in this order; empty = all of type EMG'),
        Parameter('unit', '', 'unit of the samples (V, mV, uV, nV, mvc); empty = as described'),
        Parameter('side', 'unknown', 'hand of channels that do not say', choices=SIDES),
        Parameter('scope', 'site', 'how far to look for the stream', choices=SCOPES),
        Parameter('period', 0.02, 'time between two messages [s]', 0.005, 0.05),
    )

    def __init__(self) -> None:
        super().__init__('emg_sensor_node')
        s = self.settings
        wishes = StreamWishes(tuple(s['channels']), s['unit'], Side[s['side'].upper()])
        query = StreamQuery(s['type'], s['stream'], s['source_id'], wishes)
        self._amplifier = LslAmplifier(query, lambda: self.now, s['scope'])
        self._emg = self.create_publisher(EmgBlock, 'emg', STREAM)
        self.offer_pause()
        # Steady: the device goes on also while simulated time stands still.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(s['period'], self._poll, clock=steady)

    def _poll(self) -> None:
        if self.now <= 0:
            return
        try:
            blocks = self._amplifier.poll()
        except AmplifierError as error:
            self.fail(str(error))
            return
        for block in blocks if self.enabled else ():
            self.publish(self._emg, block)

    def diagnose(self) -> Health:
        """Say what the stream does."""
        amplifier, counts = self._amplifier, self._amplifier.counts
        values = {
            'stream': amplifier.query,
            'samples': counts.samples,
            'lost': counts.lost,
            'gaps': counts.gaps,
            'losses': amplifier.losses,
            'rate': f'{amplifier.rate:.3f}',
        }
        state = amplifier.state
        if state is not StreamState.STREAMING:
            return Health.error(state.value, **values)
        if counts.lost:
            return Health.warning(f'{state.value}; samples were lost', **values)
        return Health.good(state.value, **values)

    def close(self) -> None:
        """Let go of the stream."""
        self._amplifier.close()


def main() -> int:
    """Run the node."""
    return run_node(EmgSensorNode)


if __name__ == '__main__':
    sys.exit(main())
