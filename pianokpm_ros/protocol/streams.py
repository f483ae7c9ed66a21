"""Does what shall be recorded arrive? Looked at before a session and after each take."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from pianokpm_ros.records import EmgBlock

HANDS = ('left', 'right')
SILENCE = 0.5
"""EMG comes in blocks far shorter than this [s]."""

LEAST_RATE = 20.0
"""Poses a second, below which strokes are missed [Hz]."""

RECORDER = 'recorder'
SILENT_RECORDER = 5.0
"""A recorder tells how it is once a second [s]."""

NEEDED = {'rest': ('EMG',), 'mvc': ('EMG',), 'taps': ('hands', 'keys')}
"""Streams that a kind of trial needs; other kinds need all."""


class StreamLine(NamedTuple):
    """What is said about a stream, and whether it is as it should be."""

    stream: str
    fine: bool
    words: str

    def matters(self, kind: str) -> bool:
        """Tell whether a trial of some kind suffers from it."""
        needed = NEEDED.get(kind, (self.stream,))
        return not self.fine and (self.stream == RECORDER or self.stream in needed)


class StreamWatch:
    """Counts what arrives between two looks; from any thread."""

    def __init__(
        self, electrodes: Sequence[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Set up.

        Args:
            electrodes: channel names that are expected.
            clock: returns a time [s].
        """
        self._electrodes, self._clock = tuple(electrodes), clock
        self._lock = threading.Lock()
        self._recorder = clock(), ''
        self._forget()

    def _forget(self) -> None:
        self._counts: Counter[str] = Counter()
        self._channels: tuple[str, ...] = ()
        self._since = self._newest = self._clock()

    def heard(self, stream: str) -> None:
        """Count a message of `keys`, or of the hand `left` or `right`."""
        with self._lock:
            self._counts[stream] += 1

    def heard_emg(self, block: EmgBlock) -> None:
        """Count samples, those that are marked as lost too."""
        with self._lock:
            self._channels, self._newest = tuple(block.channel), self._clock()
            self._counts['samples'] += len(block.samples)
            self._counts['lost'] += int(np.isnan(block.samples).any(axis=1).sum())

    def heard_recorder(self, fault: str) -> None:
        """Note that the recorder runs, and why it does not record; empty = it does."""
        with self._lock:
            self._recorder = self._clock(), fault

    def look(self) -> list[StreamLine]:
        """Tell what has come since the last look, and begin to count anew."""
        with self._lock:
            seconds = max(self._clock() - self._since, 1e-3)
            lines = [
                self._tell_recorder(),
                self._tell_emg(seconds),
                self._tell_hands(seconds),
                self._tell_keys(seconds),
            ]
            self._forget()
        return lines

    def _tell_recorder(self) -> StreamLine:
        heard, fault = self._recorder
        silent = self._clock() - heard
        if silent > SILENT_RECORDER:
            fault = f'nothing is heard of it for {silent:.0f} s, so nothing is recorded; end the session with q'
        return StreamLine(RECORDER, not fault, fault or 'records')

    def _tell_emg(self, seconds: float) -> StreamLine:
        samples, lost = self._counts['samples'], self._counts['lost']
        if not samples:
            return _missing('EMG', 'the amplifier and `pianokpm up ... --emg NAME`')
        silent = self._clock() - self._newest
        if silent > SILENCE:
            words = f'nothing has arrived for {silent:.1f} s; look after the amplifier'
            return StreamLine('EMG', False, words)
        unknown = [e for e in self._electrodes if e not in self._channels]
        if unknown:
            words = (
                f'the amplifier sends {", ".join(self._channels)}, the protocol also lists '
                f'{", ".join(unknown)}; correct the labels or the protocol'
            )
            return StreamLine('EMG', False, words)
        rate = samples / seconds
        words = f'{len(self._channels)} channels, {rate:.0f} samples a second, {lost} lost'
        return StreamLine('EMG', not lost, words)

    def _tell_hands(self, seconds: float) -> StreamLine:
        rates = {h: self._counts[h] / seconds for h in HANDS}
        if not any(rates.values()):
            return _missing('hands', 'the cameras, and hands in their sight')
        words = ', '.join(f'{h} {rate:.0f}' for h, rate in rates.items()) + ' poses a second'
        fine = max(rates.values()) >= LEAST_RATE
        words += (
            ''
            if fine
            else '; too few to learn from, unless videos are kept (`pianokpm up ... --film`)'
        )
        return StreamLine('hands', fine, words)

    def _tell_keys(self, seconds: float) -> StreamLine:
        rate = self._counts['keys'] / seconds
        if not rate:
            return _missing('keys', '`pianokpm up ... --keys midi:PORT`')
        return StreamLine('keys', True, f'{rate:.0f} records a second')


def _missing(stream: str, cause: str) -> StreamLine:
    return StreamLine(stream, False, f'nothing arrives; look after {cause}')
