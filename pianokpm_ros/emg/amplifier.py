"""EMG amplifiers that stream through the lab streaming layer (LSL).

`LslAmplifier.poll` never blocks for long: call it every 10 to 50 ms. When the stream vanishes it
says so and takes it up again when the same device is back; another rate or other channels are an
error, since nobody downstream would notice.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from types import ModuleType
from typing import Any

import numpy as np

from pianokpm_ros.emg.blocks import BlockMaker, StreamCounts
from pianokpm_ros.emg.stream import (
    EMG_TYPE,
    AmplifierError,
    StreamDescription,
    StreamWishes,
    describe_stream,
)
from pianokpm_ros.records import NANOSECONDS, EmgBlock

logger = logging.getLogger(__name__)

SCOPES = ('machine', 'link', 'site')
"""How far to look for streams: this machine, this network, or beyond its routers."""

SILENCE = NANOSECONDS // 2
"""A stream that sends nothing for so long is called silent [ns]."""

BUFFER = 30
"""Seconds that liblsl keeps for a reader that pauses."""

CHUNK = 4096
PATIENCE = 2.0
CLOCK_STEP = NANOSECONDS // 2


class StreamState(Enum):
    """What an amplifier's stream does."""

    SEARCHING = 'looking for the stream'
    STREAMING = 'streaming'
    SILENT = 'connected, but nothing comes'
    LOST = 'lost, looking for it again'


@dataclass(frozen=True)
class StreamQuery:
    """Which stream is meant.

    Attributes:
        kind: content type of the stream.
        name: of the stream; empty = any.
        source_id: of the device; empty = any.
        wishes: what its description doesn't say.
    """

    kind: str = EMG_TYPE
    name: str = ''
    source_id: str = ''
    wishes: StreamWishes = field(default_factory=StreamWishes)

    def fits(self, info: Any) -> bool:
        """Tell whether a stream is meant."""
        return self.name in ('', info.name()) and self.source_id in ('', info.source_id())

    def __str__(self) -> str:
        parts = [f'type {self.kind!r}']
        parts += [f'name {self.name!r}'] if self.name else []
        parts += [f'source id {self.source_id!r}'] if self.source_id else []
        return ', '.join(parts)


def load_lsl(scope: str = 'site') -> ModuleType:
    """Import pylsl and tell liblsl how far to look; the first call in a process decides."""
    if scope not in SCOPES:
        raise AmplifierError(f'scope: expected one of {", ".join(SCOPES)}, found {scope!r}')
    try:
        import pylsl
    except (ImportError, RuntimeError, OSError) as error:
        raise AmplifierError(
            f"streams of LSL need pylsl, which can't be loaded ({error}); install it with "
            '`pip install -r requirements/lsl.txt`'
        ) from error
    if not getattr(load_lsl, 'configured', False):
        local = '\n[ports]\nIPv6 = disable' if scope == 'machine' else ''
        pylsl.set_config_content(
            f'[multicast]\nResolveScope = {scope}{local}\n[log]\nlevel = -3\n'
        )
        load_lsl.configured = True
    return pylsl


class LslAmplifier:
    """One EMG stream, as blocks on the caller's clock."""

    def __init__(
        self,
        query: StreamQuery,
        clock: Callable[[], int],
        scope: str = 'site',
        describe: Callable[[Any, StreamWishes], StreamDescription] = describe_stream,
    ) -> None:
        """Begin to look for the stream.

        Args:
            query: which stream.
            clock: returns the time now on the clock of the records [ns].
            scope: how far to look.
            describe: reads a stream's description; raises AmplifierError where it can't be used.
        """
        self._lsl, self._clock, self._describe = load_lsl(scope), clock, describe
        self.query, self.state = query, StreamState.SEARCHING
        self.losses = 0
        self._resolver = self._lsl.ContinuousResolver('type', query.kind)
        self._inlet: Any = None
        self._maker: BlockMaker | None = None
        self._heard = 0
        self._offset, self._offset_due = 0, 0

    @property
    def description(self) -> StreamDescription | None:
        """The stream's, once found."""
        return self._maker.description if self._maker else None

    @property
    def counts(self) -> StreamCounts:
        """What happened so far."""
        return self._maker.counts if self._maker else StreamCounts()

    @property
    def rate(self) -> float:
        """True sampling rate as seen from this clock [Hz], NaN before it is known."""
        return self._maker.timeline.rate if self._maker else float('nan')

    def poll(self) -> list[EmgBlock]:
        """Return what has come since the last call; raises AmplifierError where the stream can't be used."""
        if self._inlet is None and not self._connect():
            return []
        try:
            blocks = self._pull()
        except self._lsl.util.LostError:
            return self._lose()
        now = self._clock()
        if blocks:
            self._heard, self.state = now, StreamState.STREAMING
        elif now - self._heard > SILENCE:
            self.state = StreamState.SILENT
        return blocks

    def _connect(self) -> bool:
        found = [s for s in self._resolver.results() if self.query.fits(s)]
        # A stream without an id can't be told from others of its name, so all count.
        distinct = {(s.name(), s.source_id(), s.hostname()): s for s in found}
        if len(distinct) > 1:
            names = '; '.join(f'{n!r} source id {i!r} on {h}' for n, i, h in sorted(distinct))
            raise AmplifierError(
                f'asked for the stream of {self.query}, found {len(distinct)}: {names}; '
                'give a name or a source id'
            )
        for stream in distinct.values():
            return self._open(stream)
        return False

    def _open(self, stream: Any) -> bool:
        inlet = self._lsl.StreamInlet(stream, BUFFER, recover=False)
        try:
            info = inlet.info(PATIENCE)
            if info.channel_format() == self._lsl.cf_string:
                raise AmplifierError(
                    f'stream {info.name()!r} sends text; {self.query.kind} needs numbers'
                )
            description = self._describe(info, self.query.wishes)
            inlet.time_correction(PATIENCE)
            inlet.open_stream(PATIENCE)
        except (self._lsl.util.LostError, self._lsl.util.TimeoutError) as error:
            logger.debug('stream %s: %s', stream.name(), error)
            return False
        self._take_up(description)
        self._inlet, self._heard = inlet, self._clock()
        return True

    def _take_up(self, description: StreamDescription) -> None:
        old = self._maker
        if old is None:
            self._maker = BlockMaker(description)
            # From now on only this device is meant.
            self.query = replace(
                self.query, name=description.name, source_id=description.source_id
            )
        elif not old.description.same_signal(description):
            raise AmplifierError(
                f'stream {description.name!r} came back with {description.rate:g} Hz and the channels '
                f'{", ".join(description.channel)} in {description.unit}, before it had '
                f'{old.description.rate:g} Hz and {", ".join(old.description.channel)} in '
                f'{old.description.unit}; start a new recording'
            )

    def _pull(self) -> list[EmgBlock]:
        blocks: list[EmgBlock] = []
        while True:
            samples, times = self._inlet.pull_chunk(timeout=0.0, max_samples=CHUNK, as_numpy=True)
            if not len(times):
                return blocks
            blocks += self._maker.push(self._to_clock(times), samples)

    def _to_clock(self, times: np.ndarray) -> np.ndarray:
        """Turn (N,) times of the sender [s] into stamps [ns]."""
        now = self._clock()
        if now >= self._offset_due or now < self._offset_due - CLOCK_STEP:
            self._offset, self._offset_due = self._measure_offset(), now + CLOCK_STEP
        local = times + self._inlet.time_correction(PATIENCE)
        return self._offset + np.rint(local * NANOSECONDS).astype(np.int64)

    def _measure_offset(self) -> int:
        """Measure clock minus LSL's local clock [ns]; of a few tries the quickest counts."""
        tries = []
        for _ in range(5):
            before = self._lsl.local_clock()
            now = self._clock()
            after = self._lsl.local_clock()
            tries.append((after - before, now - round((before + after) / 2 * NANOSECONDS)))
        return min(tries)[1]

    def _lose(self) -> list[EmgBlock]:
        self._inlet, self.state = None, StreamState.LOST
        self.losses += 1
        logger.warning('the stream of %s is lost', self.query)
        return self._maker.flush()

    def close(self) -> list[EmgBlock]:
        """Let go of the stream and return the rest of it."""
        if self._inlet is None:
            return []
        self._inlet.close_stream()
        self._inlet = None
        return self._maker.flush()
