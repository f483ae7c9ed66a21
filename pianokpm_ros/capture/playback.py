"""Play video files as cameras: wait until everybody listens, fix the origin of time, play, perhaps again."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from pianokpm_ros.capture.multi_capture import Frames, MultiCapture
from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.capture.video_file import VideoFile

LEAD = 200_000_000
"""Time between the announcement and the first frame [ns]: others get ready and decoding gets ahead."""

TOO_LATE = 0.5
"""A machine that decodes so far behind the files' own time is too slow for them [s]."""

POLL = 0.05


class PlaybackState(Enum):
    """Where a playback is."""

    WAITING = 'waiting for the graph'
    PLAYING = 'playing'
    ENDED = 'played to the end'
    FAILED = 'failed'


@dataclass(frozen=True)
class PlaybackSettings:
    """How to play.

    Attributes:
        rate: times faster than the files' own time; 0 = as fast as possible, no frame dropped.
        loop: start over at the end.
        wait_timeout: longest time to wait for `ready` [s].
    """

    rate: float = 1.0
    loop: bool = False
    wait_timeout: float = 30.0


class _Stopped(Exception):
    """The playback was told to stop."""


class Playback(threading.Thread):
    """Play files in a thread; stamps are the origin, on the clock, plus each source's `start` and the file's own time.

    `on_frames` is given every set, also those that are dropped because newer ones are due.
    """

    def __init__(
        self,
        sources: Sequence[VideoFile],
        settings: PlaybackSettings,
        clock: Callable[[], int],
        ready: Callable[[], bool],
        handle: Callable[[Frames], None],
    ) -> None:
        """Set up.

        Args:
            sources: with distinct names; their `start` is against the origin [ns].
            settings: how to play.
            clock: returns the time now [ns].
            ready: tells whether everybody listens.
            handle: takes each set of frames; while it works, newer sets replace older ones.
        """
        super().__init__(name='playback', daemon=True)
        self._sources, self._settings, self._clock = tuple(sources), settings, clock
        self._starts = [source.start for source in self._sources]
        self._ready, self._handle = ready, handle
        self._stopping = threading.Event()
        self.on_frames: Callable[[Frames], None] = lambda frames: None
        self.on_start: Callable[[int], None] = lambda stamp: None
        self.on_end: Callable[[int], None] = lambda stamp: None
        self.on_finish: Callable[[], None] = lambda: None
        self.state, self.error = PlaybackState.WAITING, ''
        self.sets, self.dropped, self.rounds, self.late = 0, 0, 0, 0.0
        self.waited_in_vain = False
        self._last = 0

    @property
    def truncated(self) -> tuple[str, ...]:
        """Names of the cameras whose files broke off."""
        return tuple(s.name for s in self._sources if s.truncated)

    def summarise(self) -> tuple[str, str, dict[str, object]]:
        """Return `error`, `warning` or `good`, where it is in words, and the numbers."""
        values = {'sets': self.sets, 'dropped': self.dropped, 'rounds': self.rounds}
        if self.state is PlaybackState.FAILED:
            return 'error', self.error, values
        if self.truncated:
            broken = ', '.join(self.truncated)
            return 'warning', f'{self.state.value}; files broke off: {broken}', values
        if self.late > TOO_LATE and self.state is PlaybackState.PLAYING:
            return 'warning', f'{self.state.value}; decoding is {self.late:.1f} s late', values
        if self.waited_in_vain:
            return 'warning', f'{self.state.value}; not all that were waited for listen', values
        return 'good', self.state.value, values

    def run(self) -> None:
        """Play until the end or until stopped."""
        try:
            self._wait_until_ready()
            while True:
                self._play_once()
                if not self._settings.loop:
                    break
            self.state = PlaybackState.ENDED
        except _Stopped:
            return
        except CaptureError as error:
            self.state, self.error = PlaybackState.FAILED, str(error)
        self.on_finish()

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + self._settings.wait_timeout
        # A simulated clock shows 0 until its first tick.
        while self._clock() <= 0 or not self._ready():
            if self._clock() > 0 and time.monotonic() > end:
                self.waited_in_vain = True
                return
            self._wait(POLL)

    def _wait(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _Stopped

    def _play_once(self) -> None:
        first = min(0, *self._starts)
        origin = max(self._clock(), self._last) + LEAD - first
        self.state = PlaybackState.PLAYING
        self.on_start(origin)
        for source, start in zip(self._sources, self._starts, strict=True):
            source.start = origin + start
        capture = MultiCapture(self._sources)
        before = self.dropped
        capture.open()
        try:
            for frames in self._read(capture):
                self.dropped, self.late = before + capture.dropped, capture.late
                self._take(frames)
        finally:
            capture.close()
        self.rounds += 1
        self.on_end(self._last)

    def _read(self, capture: MultiCapture) -> Iterator[Frames]:
        if self._settings.rate == 0:
            return self._read_all(capture)
        return capture.read_paced(self._clock, self._settings.rate, self._wait, self.on_frames)

    def _read_all(self, capture: MultiCapture) -> Iterator[Frames]:
        for frames in capture.read_all():
            self.on_frames(frames)
            yield frames

    def _take(self, frames: Frames) -> None:
        if self._stopping.is_set():
            raise _Stopped
        self._handle(frames)
        self.sets += 1
        self._last = max(f.stamp for f in frames.values())

    def stop(self, timeout: float = 2.0) -> None:
        """Stop and wait for the thread."""
        self._stopping.set()
        if self.is_alive():
            self.join(timeout)
