"""Live MIDI against real peers: mido's TCP sockets, and a virtual port where the machine has one."""

import socket
import time

import mido
import numpy as np
import pytest
from mido.sockets import connect

from pianokpm_ros.keyboard.midi_port import (
    CHECK,
    KERNEL_STAMP,
    MidiError,
    RtMidi,
    choose_port,
    load_rtmidi,
    open_midi,
)

LISTEN = 'tcp:127.0.0.1:0'
DELAY = 0.5


@pytest.fixture
def keyboard():
    port = open_midi(LISTEN, time.time_ns)
    yield port
    port.close()


def wait(done, timeout=60.0):
    end = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < end
        time.sleep(0.002)


def play(peer, *keys, kind='note_on'):
    for key in keys:
        peer.send(mido.Message(kind, note=key, velocity=70))


def test_what_is_played_over_the_network_arrives_with_its_time(keyboard, lateness):
    peer, sent = connect(*keyboard.address), []
    wait(lambda: keyboard.connected)
    for key in range(40, 60):
        begun = time.time_ns()
        play(peer, key)
        sent.append((begun, time.time_ns()))
        time.sleep(0.01)
    wait(lambda: len(keyboard.keys.held) == 20)
    record = keyboard.keys.record(time.time_ns())
    stamps = record.stamp + np.rint(record.time.astype(float) * 1e9)
    begun, over = np.transpose(sent)
    assert record.key.tolist() == list(range(40, 60))
    # Loopback takes 0.1 ms; where the kernel does not date what arrives, a thread does that may come late.
    # Two looks at clocks, between which a busy machine may do something else, make it seem earlier.
    assert (stamps >= begun - 1000 - 1e9 * lateness.stretch(0)).all()  # `time` is float32
    assert np.median(stamps - over) * 1e-9 < lateness.stretch(0.01)
    assert set(record.midi_velocity.tolist()) == {70}


@pytest.mark.skipif(KERNEL_STAMP is None, reason='this kernel does not date what arrives')
def test_a_thread_that_comes_late_knows_when_it_was_played(lateness):
    def slow():
        time.sleep(DELAY)
        return time.time_ns()

    port = open_midi(LISTEN, slow)
    try:
        peer = connect(*port.address)
        wait(lambda: port.connected)
        sent = time.time_ns()
        play(peer, 60)
        over = time.time_ns()
        wait(lambda: port.keys.held == {60})
        stamp = port.keys.record(time.time_ns()).stamp
    finally:
        port.close()
    # The clock alone would say DELAY after.
    late = 1e9 * lateness.stretch(0)
    assert sent - late <= stamp < over + 0.5e9 * DELAY + late


def test_a_lost_connection_lifts_all_keys_and_another_may_come(keyboard):
    peer = connect(*keyboard.address)
    play(peer, 60, 64)
    wait(lambda: len(keyboard.keys.held) == 2)
    keyboard.keys.record(time.time_ns())
    del peer  # its `close` leaves the connection open
    wait(lambda: not keyboard.keys.held)
    assert keyboard.keys.record(time.time_ns()).position.tolist() == [0.0, 0.0]
    assert keyboard.losses == 1 and not keyboard.connected
    again = connect(*keyboard.address)
    play(again, 72)
    wait(lambda: keyboard.keys.held == {72})


def test_noise_on_the_line_is_no_crash(keyboard):
    noise = np.random.default_rng(0).integers(0, 256, 20_000).astype(np.uint8).tobytes()
    with socket.create_connection(keyboard.address) as peer:
        peer.sendall(noise + b'\xff')  # reset: lifts what the noise pressed
        peer.sendall(bytes([0x90, 61, 90]))
        wait(lambda: keyboard.keys.held == {61})


@pytest.mark.parametrize(
    'name', ['tcp:', 'tcp:127.0.0.1:no', 'tcp:127.0.0.1:99999', 'tcp:192.0.2.1:9000']
)
def test_an_address_that_can_not_be_used_is_refused(name):
    with pytest.raises(MidiError, match='tcp:HOST:PORT'):
        open_midi(name, time.time_ns)


def test_a_port_in_use_is_refused(keyboard):
    with pytest.raises(MidiError, match='free port'):
        open_midi(f'tcp:127.0.0.1:{keyboard.address[1]}', time.time_ns)


def test_a_part_of_a_name_is_enough_and_two_are_too_many():
    names = ['Midi Through:Midi Through Port-0 14:0', 'P-45:P-45 MIDI 1 20:0', 'K2:K2 MIDI 1 24:0']
    assert choose_port('p-45', names) == names[1]
    assert choose_port('Roland', names) is None
    assert choose_port('*', names[:2]) == names[1]
    with pytest.raises(MidiError, match='give more of its name'):
        choose_port('MIDI 1', names)


def has_ports():
    try:
        load_rtmidi()
    except MidiError:
        return False
    return True


@pytest.mark.skipif(
    not has_ports(), reason='this machine has no MIDI sequencer or no python-rtmidi'
)
def test_a_virtual_port_can_be_unplugged_and_plugged_in_again():
    backend = load_rtmidi()
    name, now = 'pianokpm test keyboard', [time.time_ns()]
    port = RtMidi(name, lambda: now[0])
    assert not port.connected
    for round_ in range(2):
        peer = backend.open_output(name, virtual=True)
        now[0] += CHECK + 1
        port.check()
        assert port.connected
        play(peer, 60)
        wait(lambda: port.keys.held == {60})
        peer.close()
        now[0] += CHECK + 1
        port.check()
        assert not port.connected and not port.keys.held and port.losses == round_ + 1
    port.close()


@pytest.mark.skipif(has_ports(), reason='this machine has MIDI ports')
def test_a_machine_without_midi_ports_says_so():
    with pytest.raises(MidiError, match='no MIDI ports|requirements/midi.txt'):
        open_midi('P-45', time.time_ns)
