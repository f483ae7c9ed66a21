"""Keys of a piano, from a MIDI file or the key sensors of a take."""

import sys

from builtin_interfaces.msg import Time
from pianokpm.msg import KeyMotion

from pianokpm_ros.keyboard.key_player import KeyPlayer, load_keys
from pianokpm_ros.messages import stamp_of
from pianokpm_ros.nodes.base import LATCHED, STREAM, Health, PianoNode, run_node
from pianokpm_ros.nodes.parameters import Parameter, ParameterError

PERIOD = 0.01


class KeyboardNode(PianoNode):
    """Publish `keys` at 100 Hz, in step with `playback/start` where capture plays files."""

    PARAMETERS = (
        Parameter('file', '', 'MIDI file, or folder of a take'),
        Parameter('rate', 1.0, 'playback speed', 0.01, 100.0),
        Parameter('follow_playback', True, 'begin when capture does; off = at once'),
    )

    def __init__(self) -> None:
        super().__init__('keyboard_node')
        s = self.settings
        if not s['file']:
            raise ParameterError('file: expected a MIDI file or the folder of a take, found none')
        self._player = KeyPlayer(load_keys(s['file']), s['rate'])
        self._keys = self.create_publisher(KeyMotion, 'keys', STREAM)
        if s['follow_playback']:
            self.create_subscription(Time, 'playback/start', self._begin, LATCHED)
        self._started, self._count = not s['follow_playback'], 0
        self.offer_pause()
        self.create_timer(PERIOD, self._play)

    def _begin(self, origin: Time) -> None:
        self._player.start(stamp_of(origin))

    def _play(self) -> None:
        now = self.now
        if now <= 0:
            return  # simulated time has not begun
        if not self.settings['follow_playback'] and not self._player.playing:
            self._player.start(now)
        record = self._player.advance(now)
        if record is not None and self.enabled:
            self.publish(self._keys, record)
            self._count += 1

    def diagnose(self) -> Health:
        """Tell whether it plays."""
        words = 'playing' if self._player.playing else 'waiting for playback/start'
        return Health.good(words, records=self._count, file=self.settings['file'])


def main() -> int:
    """Run the node."""
    return run_node(KeyboardNode)


if __name__ == '__main__':
    sys.exit(main())
