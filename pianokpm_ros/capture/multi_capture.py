"""Read several sources at once and bring frames of the same moment together.

Frames are decoded ahead in one thread a source. Under overload all cameras give the same moments:
whole sets are dropped, never single views.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from pianokpm_ros.capture.source import CaptureError, FrameSource
from pianokpm_ros.records import NANOSECONDS, Frame

Frames = dict[str, Frame]

DECODE_AHEAD = 4
POLL = 0.1
"""How often a waiting thread looks whether it should stop [s]."""

PATIENCE, CATCH_UP = 0.1, 1.0
"""Sets that are overdue are left out for so long, and for up to so long where that makes up for the delay [s]."""


class _Reader(threading.Thread):
    """Decode one source into a small queue; puts None at the end, or the error."""

    def __init__(self, source: FrameSource) -> None:
        super().__init__(name=f'decode {source.name}', daemon=True)
        self._source = source
        self._queue: queue.Queue = queue.Queue(DECODE_AHEAD)
        self._stopping = threading.Event()
        self._head: Frame | None = None

    def run(self) -> None:
        item: Frame | CaptureError | None = None
        while not self._stopping.is_set():
            try:
                item = self._source.read()
            except CaptureError as error:
                item = error
            if not self._put(item) or not isinstance(item, Frame):
                return

    def _put(self, item: Frame | CaptureError | None) -> bool:
        while not self._stopping.is_set():
            try:
                self._queue.put(item, timeout=POLL)
                return True
            except queue.Full:
                continue
        return False

    def peek(self) -> Frame | None:
        """Return the oldest frame not yet taken; waits for the decoder; None at the end."""
        while self._head is None and not self._stopping.is_set():
            try:
                item = self._queue.get(timeout=POLL)
            except queue.Empty:
                if not self.is_alive() and self._queue.empty():
                    return None
                continue
            if isinstance(item, CaptureError):
                raise item
            if item is None:
                self._stopping.set()
            self._head = item
        return self._head

    def take(self) -> Frame:
        """Return the frame that `peek` showed and move on."""
        frame, self._head = self._head, None
        return frame

    def stop(self) -> None:
        self._stopping.set()


class MultiCapture:
    """Frames of several sources in sets, in order of time.

    Attributes:
        dropped: sets that were left out because newer ones were due.
        late: how long after its time the last set was decoded [s].
    """

    def __init__(self, sources: Sequence[FrameSource], tolerance: int | None = None) -> None:
        """Set up.

        Args:
            sources: with distinct names.
            tolerance: largest distance of two frames of one moment [ns]; None = half a period of
                the fastest source.
        """
        names = [s.name for s in sources]
        if not names or len(set(names)) < len(names):
            raise CaptureError(
                f'asked for sources with distinct names, found {names}; name each camera differently'
            )
        self.sources = tuple(sources)
        self._tolerance = tolerance
        self._readers: list[_Reader] = []
        self.dropped, self.late = 0, 0.0

    def open(self) -> None:
        """Open all sources and start decoding; if one can't be opened none stays open."""
        try:
            for source in self.sources:
                source.open()
        except CaptureError:
            self.close()
            raise
        self._readers = [_Reader(s) for s in self.sources]
        for reader in self._readers:
            reader.start()

    @property
    def tolerance(self) -> int:
        """Largest distance of two frames of one moment [ns]."""
        if self._tolerance is not None:
            return self._tolerance
        rates = [s.rate for s in self.sources if s.rate]
        return round(NANOSECONDS / (2 * max(rates))) if rates else 16_666_667

    def read_all(self) -> Iterator[Frames]:
        """Yield every set, as fast as they are asked for; a source that has no frame of a moment is absent."""
        tolerance = self.tolerance
        while True:
            heads = {r: frame for r in self._readers if (frame := r.peek()) is not None}
            if not heads:
                return
            oldest = min(frame.stamp for frame in heads.values())
            taken = [r.take() for r, frame in heads.items() if frame.stamp <= oldest + tolerance]
            yield {frame.camera: frame for frame in taken}

    def read_paced(
        self,
        clock: Callable[[], int],
        rate: float = 1.0,
        wait: Callable[[float], None] = time.sleep,
        seen: Callable[[Frames], None] = lambda _: None,
    ) -> Iterator[Frames]:
        """Yield sets when their time has come on a clock; of several that are due only the newest.

        Where decoding takes longer than playing, each set is overdue when it comes: some are yielded all the same.

        Args:
            clock: returns the time now [ns], on the clock of the stamps.
            rate: how many times faster than the stamps to run.
            wait: sleeps for a time [s].
            seen: is given every set, also those that are not yielded; must not take long.
        """
        due: Frames | None = None
        since: tuple[int, int] | None = None
        for target, frames in self._plan(rate):
            at = (now := clock()), now - target
            since = since or at
            self.late = at[1] / NANOSECONDS
            if due is not None:
                if target <= now and not _is_hopeless(since, at):
                    self.dropped += 1
                else:
                    yield due
                    since = (now := clock()), now - target
            while (ahead := target - clock()) > 0:
                wait(min(ahead / NANOSECONDS, POLL))
                since = None
            seen(frames)
            due = frames
        if due is not None:
            yield due

    def _plan(self, rate: float) -> Iterator[tuple[int, Frames]]:
        """Yield every set with the time at which it is due [ns]; the first is at its stamp."""
        origin: int | None = None
        for frames in self.read_all():
            stamp = max(f.stamp for f in frames.values())
            origin = stamp if origin is None else origin
            yield origin + round((stamp - origin) / rate), frames

    def close(self) -> None:
        """Stop decoding and close the sources; a read that never returns is left to its daemon thread."""
        for reader in self._readers:
            reader.stop()
        for reader in self._readers:
            reader.join(timeout=1.0)
        alive = {r.name for r in self._readers if r.is_alive()}
        self._readers = []
        for source in self.sources:
            if f'decode {source.name}' not in alive:
                source.close()


def _is_hopeless(before: tuple[int, int], now: tuple[int, int]) -> bool:
    """Tell whether leaving sets out does not make up for lateness; each is (time, lateness) [ns]."""
    passed, gained = (now[0] - before[0]) / NANOSECONDS, before[1] - now[1]
    gains = now[1] * passed <= gained * CATCH_UP
    return passed >= (CATCH_UP if gains else PATIENCE)
