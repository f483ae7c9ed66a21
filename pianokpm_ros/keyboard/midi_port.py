"""Live MIDI: ports of this machine through RtMidi, or raw MIDI bytes over TCP.

A port is named `tcp:HOST:PORT` (listens there; `mido.sockets.connect` and any program that sends
plain MIDI bytes can play), or by a part of the name that the system gives it. Devices that are
unplugged and plugged in again come back under the same name with another number, so names without
their numbers count.
"""

import logging
import re
import selectors
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import mido

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.keyboard.live_keys import LiveKeys
from pianokpm_ros.keyboard.sensor_keys import SensorKeys

logger = logging.getLogger(__name__)

TCP, LSL = 'tcp:', 'lsl:'
CHECK = 1_000_000_000
"""Time between two looks at the list of ports [ns]."""

POLL = 0.2
LONGEST_WAIT = 1_000_000_000
"""An arrival that the kernel dates further back was dated by another clock [ns]."""

KERNEL_STAMP = getattr(socket, 'SO_TIMESTAMPNS', 35 if sys.platform == 'linux' else None)
"""Socket option: the kernel says when bytes arrived, however late the thread gets to read them."""

TIMESPEC = struct.Struct('@qq')
NUMBER = re.compile(r'\s*\d+:\d+$')
Clock = Callable[[], int]


class MidiError(PianokpmError, RuntimeError):
    """A MIDI port can't be opened."""


class MidiInput(Protocol):
    """A keyboard that may come and go.

    Attributes:
        keys: what is played on it.
        connected: whether it is there.
        losses: how often it went away.
    """

    keys: LiveKeys | SensorKeys
    connected: bool
    losses: int

    def check(self) -> None:
        """Look whether the keyboard is there; call it about ten times a second."""

    def close(self) -> None:
        """Let go of the port and lift all keys."""


def open_midi(name: str, clock: Clock) -> MidiInput:
    """Open a port; one that isn't there yet is waited for, one that can't be is an error.

    Args:
        name: `tcp:HOST:PORT`, or a part of a port's name; `*` = the only port there is; or `lsl:NAME`,
            key position sensors instead of MIDI.
        clock: returns the time now [ns]; called in the port's thread.
    """
    if name.startswith(TCP):
        return TcpMidi(name, clock)
    if name.startswith(LSL):
        from pianokpm_ros.keyboard.lsl_keys import (
            LslKeys,
        )  # whoever plays MIDI need not have pylsl

        return LslKeys(name, clock)
    return RtMidi(name, clock)


class TcpMidi(threading.Thread):
    """Listen for keyboards that send MIDI bytes over TCP."""

    def __init__(self, name: str, clock: Clock) -> None:
        super().__init__(name=f'midi {name}', daemon=True)
        self.keys, self.losses = LiveKeys(f'midi:{name}'), 0
        self._clock = clock
        self._stopping = threading.Event()
        self._server = self._listen(name)
        self.address: tuple[str, int] = self._server.getsockname()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ)
        self._parsers: dict[socket.socket, mido.Parser] = {}
        self.start()

    @staticmethod
    def _listen(name: str) -> socket.socket:
        host, _, port = name.removeprefix(TCP).rpartition(':')
        try:
            return socket.create_server((host or '127.0.0.1', int(port)))
        except (OSError, ValueError, OverflowError) as error:
            raise MidiError(
                f'asked to listen for MIDI at {name!r}: {error}; write tcp:HOST:PORT with an address of '
                'this machine and a free port'
            ) from error

    @property
    def connected(self) -> bool:
        """Whether anybody is connected."""
        return bool(self._parsers)

    def check(self) -> None:
        """Do nothing: the thread notices everything."""

    def run(self) -> None:
        """Receive until closed."""
        while not self._stopping.is_set():
            for key, _ in self._selector.select(POLL):
                if key.fileobj is self._server:
                    self._accept()
                else:
                    self._receive(key.fileobj)

    def _accept(self) -> None:
        peer, address = self._server.accept()
        if KERNEL_STAMP is not None:
            peer.setsockopt(socket.SOL_SOCKET, KERNEL_STAMP, 1)
        self._parsers[peer] = mido.Parser()
        self._selector.register(peer, selectors.EVENT_READ)
        logger.info('MIDI from %s', address)

    def _receive(self, peer: socket.socket) -> None:
        try:
            data, about, _, _ = peer.recvmsg(4096, socket.CMSG_SPACE(TIMESPEC.size))
        except OSError:
            data, about = b'', []
        stamp = self._clock() - _waited(about)
        if not data:
            self._drop(peer, stamp)
            return
        parser = self._parsers[peer]
        parser.feed(data)
        for message in parser:
            self.keys.push(stamp, message)

    def _drop(self, peer: socket.socket, stamp: int) -> None:
        self._selector.unregister(peer)
        del self._parsers[peer]
        peer.close()
        self.losses += 1
        self.keys.release_all(stamp)

    def close(self) -> None:
        """Stop listening and lift all keys."""
        self._stopping.set()
        self.join(2 * POLL + 1.0)
        for peer in [*self._parsers, self._server]:
            peer.close()
        self._parsers.clear()
        self._selector.close()
        self.keys.release_all(self._clock())


def _waited(about: list[tuple[int, int, bytes]]) -> int:
    """Tell how long ago bytes arrived [ns], by what the kernel says about them; 0 where it says nothing."""
    for level, kind, content in about:
        if level == socket.SOL_SOCKET and kind == KERNEL_STAMP and len(content) == TIMESPEC.size:
            seconds, nanoseconds = TIMESPEC.unpack(content)
            waited = time.time_ns() - (seconds * 1_000_000_000 + nanoseconds)
            return waited if 0 <= waited < LONGEST_WAIT else 0
    return 0


def load_rtmidi() -> Any:
    """Return mido's RtMidi backend, once it is sure that the machine has MIDI at all."""
    try:
        import rtmidi
    except ImportError as error:
        raise MidiError(
            f'live MIDI ports need python-rtmidi ({error}); install it with '
            '`pip install -r requirements/midi.txt`, or play through tcp:HOST:PORT'
        ) from error
    try:
        rtmidi.MidiIn().delete()
    except rtmidi.SystemError as error:
        raise MidiError(
            f'this machine offers no MIDI ports ({error}); on Linux the sequencer is missing '
            '(`modprobe snd-seq`, /dev/snd must be there), or play through tcp:HOST:PORT'
        ) from error
    return mido.Backend('mido.backends.rtmidi')


def choose_port(wanted: str, names: list[str]) -> str | None:
    """Return the one port whose name has `wanted` in it (`*`: the only one), None if it isn't there."""
    real = [n for n in names if not n.startswith(('RtMidi', 'Midi Through'))]
    fitting = real if wanted == '*' else [n for n in names if wanted.lower() in n.lower()]
    if wanted in names:
        return wanted
    if len(fitting) > 1:
        raise MidiError(
            f'asked for the MIDI port {wanted!r}, found {", ".join(map(repr, fitting))}; give more of '
            'its name'
        )
    return fitting[0] if fitting else None


class RtMidi:
    """A MIDI port of the system, opened when it is there."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._backend, self._wanted, self._clock = load_rtmidi(), name, clock
        self.keys, self.losses = LiveKeys(f'midi:{name}'), 0
        self._port: Any = None
        self._opened, self._due = '', 0
        self.check()

    @property
    def connected(self) -> bool:
        """Whether the port is open."""
        return self._port is not None

    def check(self) -> None:
        """Open the port when it appears, and lift all keys when it is gone; looks once a second."""
        now = self._clock()
        if 0 <= self._due - now <= CHECK:
            return
        self._due = now + CHECK
        names = self._backend.get_input_names()
        if self._port is not None and self._opened not in names:
            self._lose(now)
        if self._port is None:
            self._open(choose_port(self._wanted, names))

    def _open(self, name: str | None) -> None:
        if name is None:
            return
        try:
            self._port = self._backend.open_input(name, callback=self._receive)
        except OSError as error:
            raise MidiError(f'the MIDI port {name!r} does not open: {error}') from error
        self._opened, self.keys.source = name, f'midi:{NUMBER.sub("", name)}'

    def _receive(self, message: mido.Message) -> None:
        self.keys.push(self._clock(), message)

    def _lose(self, stamp: int) -> None:
        self._port.close()
        self._port = None
        self.losses += 1
        logger.warning('MIDI port %s is gone', self._opened)
        self.keys.release_all(stamp)

    def close(self) -> None:
        """Close the port and lift all keys."""
        if self._port is not None:
            self._port.close()
            self._port = None
        self.keys.release_all(self._clock())
