"""Keys of a piano: live from a MIDI port or key sensors, or from a MIDI file or the key sensors of a take."""

import sys

from builtin_interfaces.msg import Time
from pianokpm.msg import KeyMotion

from pianokpm_ros.emg.stream import AmplifierError
from pianokpm_ros.keyboard.key_player import KeyPlayer, load_keys
from pianokpm_ros.keyboard.midi_port import MidiError, MidiInput, open_midi
from pianokpm_ros.messages import stamp_of
from pianokpm_ros.nodes.base import LATCHED, STREAM, Health, PianoNode, run_node
from pianokpm_ros.nodes.connections import WAIT_PARAMETERS, Connections
from pianokpm_ros.nodes.parameters import Parameter, ParameterError

PERIOD = 0.01
FAREWELL = 100_000_000
"""Records go out for so long after a keyboard was lost, which tell that its keys were lifted [ns]."""


class KeyboardNode(PianoNode):
    """Publish `keys` at 100 Hz, in step with `playback/start` where capture plays files."""

    PARAMETERS = (
        Parameter('file', '', 'MIDI file, or folder of a take'),
        Parameter(
            'port',
            '',
            "live: part of a MIDI port's name, * = the only one, tcp:HOST:PORT, lsl:NAME",
        ),
        Parameter('rate', 1.0, 'playback speed', 0.01, 100.0),
        Parameter('follow_playback', True, 'begin when capture does; off = at once'),
        *WAIT_PARAMETERS,
    )

    def __init__(self) -> None:
        super().__init__('keyboard_node')
        s = self.settings
        if bool(s['file']) == bool(s['port']):
            raise ParameterError(
                'file: expected a MIDI file or the folder of a take, or else a live MIDI port; found '
                + ('both' if s['file'] else 'none')
            )
        self._port: MidiInput | None = None
        self._player: KeyPlayer | None = None
        if s['port']:
            self._port = open_midi(s['port'], lambda: self.now)
        else:
            self._player = KeyPlayer(load_keys(s['file']), s['rate'])
        self._keys = self.create_publisher(KeyMotion, 'keys', STREAM)
        self._count = 0
        self._connected: int | None = None
        self._losses = 0
        self.offer_pause()
        Connections(self, s['wait_for']).call_when_complete(
            s['wait_timeout'], self._listen_to_capture
        )
        self.repeat(PERIOD, self._play)

    def _listen_to_capture(self) -> None:
        if self._player is not None and self.settings['follow_playback']:
            self.create_subscription(Time, 'playback/start', self._begin, LATCHED)

    def _begin(self, origin: Time) -> None:
        self._player.start(stamp_of(origin))

    def _play(self) -> None:
        now = self.now
        if now <= 0:
            return  # simulated time has not begun
        record = self._advance(now)
        if record is not None and self.enabled:
            self.publish(self._keys, record)
            self._count += 1

    def _advance(self, now: int) -> KeyMotion | None:
        if self._port is not None:
            return self._listen(self._port, now)
        if not self.settings['follow_playback'] and not self._player.playing:
            self._player.start(now)
        return self._player.advance(now)

    def _listen(self, port: MidiInput, now: int) -> KeyMotion | None:
        try:
            port.check()
        except (MidiError, AmplifierError) as error:
            self.fail(str(error))
            return None
        steady = self._steady.now().nanoseconds
        if port.connected or port.losses > self._losses:  # also for less than a period
            self._connected, self._losses = steady, port.losses
        # Of keys that nobody tells of nothing is known: silence says so, keys at rest would not.
        lost = self._connected is None or steady - self._connected > FAREWELL
        return None if lost else port.keys.record(now)

    def diagnose(self) -> Health:
        """Tell whether it plays."""
        if self._port is not None:
            return self._diagnose_port(self._port)
        words = 'playing' if self._player.playing else 'waiting for playback/start'
        return Health.good(words, records=self._count, file=self.settings['file'])

    def _diagnose_port(self, port: MidiInput) -> Health:
        values = {
            'records': self._count,
            'port': port.keys.source,
            'losses': port.losses,
            'ignored': port.keys.ignored,
        }
        if not port.connected:
            return Health.error('no keyboard is connected: keys are unknown', **values)
        return Health.good('listening', **values)

    def close(self) -> None:
        """Let go of the port."""
        if self._port is not None:
            self._port.close()


def main() -> int:
    """Run the node."""
    return run_node(KeyboardNode)


if __name__ == '__main__':
    sys.exit(main())
