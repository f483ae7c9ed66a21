"""The keyboard node as a process, played over a real connection."""

import time

import mido
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from mido.sockets import connect
from pianokpm.msg import KeyMotion

from pianokpm_ros.graph import NodeSpec
from pianokpm_ros.processes import GraphProcesses
from pianokpm_ros.shares import find_share

from ..capture.streams import free_port
from .observer import Observer


def spec(**parameters):
    params = str(find_share('config/pianokpm.yaml'))
    return NodeSpec('keyboard_node', 'capture', parameters, params, respawn=False)


@pytest.fixture
def observer():
    with Observer('listener') as made:
        made.listen('/diagnostics', DiagnosticArray)
        made.listen('/keys', KeyMotion)
        yield made


def wait_for_silence(observer, seconds=0.5, timeout=20.0):
    """Wait until no keys are told of for so long."""
    keys, end = observer.messages['/keys'], time.monotonic() + timeout
    counts = [len(keys)]
    while observer.happens(lambda _: len(keys) > counts[-1], seconds):
        assert time.monotonic() < end, f'{len(keys)} messages, and no end'
        counts.append(len(keys))


def positions(messages):
    return {(k, p) for m in messages['/keys'] for k, p in zip(m.key, m.position, strict=True)}


def test_what_is_played_appears_with_its_time_and_a_lost_keyboard_lifts_its_keys(
    observer, lateness
):
    port = free_port()
    with GraphProcesses([spec(port=f'tcp:127.0.0.1:{port}')], lambda *_: None):
        observer.wait_for_health('keyboard_node', 'no keyboard is connected: keys are unknown')
        assert not observer.messages['/keys'], 'keys at rest, of which nobody knows'
        peer = connect('127.0.0.1', port)
        observer.wait_for_health('keyboard_node', 'listening')
        before = time.time_ns()
        peer.send(mido.Message('note_on', note=60, velocity=90))
        after = time.time_ns()
        observer.wait(lambda m: (60, 1.0) in positions(m))
        first = next(m for m in observer.messages['/keys'] if 60 in m.key)
        stamp = first.header.stamp.sec * 1_000_000_000 + first.header.stamp.nanosec
        # The kernel dates what arrives, so the node may be late but not its stamp, but for what its two looks at
        # the clock are apart.
        late = round(1e9 * lateness.stretch(0.02))
        assert before - late <= stamp <= after + late and list(first.midi_velocity) == [90]
        del peer  # its `close` leaves the connection open
        observer.wait(lambda m: (60, 0.0) in positions(m))
        wait_for_silence(observer)  # after about ten more of keys at rest
        connect('127.0.0.1', port).send(mido.Message('note_on', note=62, velocity=90))
        observer.wait(lambda m: (62, 1.0) in positions(m))
        numbers = [m.sequence for m in observer.messages['/keys']]
        assert numbers == list(range(len(numbers))), 'a pause is no loss'
