"""One live camera in a thread of its own: the newest frame wins, a camera that goes away is opened again."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from pianokpm_ros.capture.address import explain_absence, refuse_absent
from pianokpm_ros.capture.device import CameraSettings, Device, open_device
from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.records import Frame

logger = logging.getLogger(__name__)

RETRY = 0.4
"""Pause before a camera is opened again [s]."""

FROZEN_AFTER = 0.4
"""Pictures that are equal to the last bit for so long are a frozen camera: sensors have noise [s]."""

SILENT_AFTER = 0.4
"""A camera that gives nothing for so long is silent, also if its driver never returns [s]."""

SET_BACK = 500_000_000
"""A stamp this far behind the last one is of a clock that was set back [ns]; less is jitter."""

SAMPLE = 8
"""Every so many pixels are compared."""


class CameraState(Enum):
    """How a live camera is doing."""

    CONNECTING = 'connecting'
    OK = 'ok'
    SILENT = 'silent'
    FROZEN = 'frozen'
    LOST = 'lost'


@dataclass(frozen=True)
class CameraHealth:
    """How a live camera is doing.

    Attributes:
        name: of the camera.
        state: now.
        rate: frames a second that came in the last seconds, NaN = unknown.
        frames: frames that came.
        overtaken: frames nobody took before the next came.
        connections: how often it was opened.
        words: the last error, and what was asked for and not granted.
    """

    name: str
    state: CameraState
    rate: float
    frames: int
    overtaken: int
    connections: int
    words: str


class LiveCamera:
    """A camera or stream as a source of frames; `read` waits for a frame newer than the last one read.

    Attributes:
        delay: how much older its pictures are than they seem [ns].
        hold: how long frames are kept before they are handed out [s], for cameras that are later.
        on_frame: is given every frame at once, in the camera's thread, also those that nobody reads.
    """

    def __init__(
        self,
        name: str,
        address: str,
        settings: CameraSettings | None = None,
        delay: int = 0,
        clock: Callable[[], int] = time.time_ns,
        timeout: float = 8.0,
    ) -> None:
        """Set up.

        Args:
            name: camera name.
            address: `/dev/video0`, a number, or a URL.
            settings: asked of a local camera.
            delay: how much older its pictures are than they seem [ns], from the calibration.
            clock: of the stamps [ns].
            timeout: how long `open` waits for the first frame [s].
        """
        self.name, self.address = name, address
        self.size, self.rate, self.count = (0, 0), None, None
        self._settings = settings or CameraSettings()
        self.delay, self.hold = delay, 0.0
        self._clock, self._timeout = clock, timeout
        self.on_frame: Callable[[Frame], None] = lambda frame: None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._forget()

    def _forget(self) -> None:
        self._newest: Frame | None = None
        self._held: deque[tuple[float, Frame]] = deque()
        self._taken = -1
        self._sequence = self._overtaken = self._connections = 0
        self._state, self._error, self._said = CameraState.CONNECTING, '', ()
        self._arrivals: list[float] = []
        self._sample: np.ndarray | None = None
        self._same_since: float | None = None

    def open(self) -> None:
        """Start the thread and wait for the first frame; a `CaptureError` says why there is none."""
        self.close()
        self._forget()
        refuse_absent(self.name, self.address)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f'camera {self.name}', daemon=True)
        self._thread.start()
        with self._changed:
            came = self._changed.wait_for(lambda: self._newest is not None, self._timeout)
        if not came:
            why = self._error or f'no frame within {self._timeout:g} s'
            self.close()
            raise CaptureError(f'camera {self.name!r}: {why}')

    def read(self) -> Frame | None:
        """Wait for a frame newer than the last one read; None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._has_new())
            if self._stopping:
                return None
            return self._take()

    def poll(self) -> Frame | None:
        """Return the newest frame if it was not read yet."""
        with self._changed:
            return self._take() if self._has_new() else None

    def _has_new(self) -> bool:
        self._let_go()
        if not self._held:
            return False
        came, frame = self._held[0]
        return came + self.hold <= time.monotonic() and frame.sequence > self._taken

    def _let_go(self) -> None:
        """Forget the frames that were overtaken: the first that is left is the newest of those held for long enough."""
        due = time.monotonic() - self.hold
        while len(self._held) > 1 and self._held[1][0] <= due:
            self._held.popleft()

    def _take(self) -> Frame:
        frame = self._held[0][1]
        self._overtaken += frame.sequence - self._taken - 1
        self._taken = frame.sequence
        return frame

    def close(self) -> None:
        """Stop; a read that never returns is left to its daemon thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=1.0)
            self._thread = None

    @property
    def health(self) -> CameraHealth:
        """How it is doing now."""
        with self._changed:
            state, times = self._state, list(self._arrivals)
            if state is CameraState.OK and time.monotonic() - times[-1] > SILENT_AFTER:
                state = CameraState.SILENT
            recent = [t for t in times if t > times[-1] - 2.0] if times else []
            rate = (
                (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 2 else float('nan')
            )
            words = '; '.join(w for w in (self._error, *self._said) if w)
            return CameraHealth(
                self.name,
                state,
                rate if state is CameraState.OK else float('nan'),
                self._sequence,
                self._overtaken,
                self._connections,
                words,
            )

    def _run(self) -> None:
        me = threading.current_thread()
        while not self._stopping and self._thread in (me, None):
            try:
                device = self._open_device()
            except CaptureError as error:
                self._note(
                    CameraState.LOST if self._sequence else CameraState.CONNECTING, str(error)
                )
                self._pause()
                continue
            self._connections += 1
            self._said = device.said
            for words in device.said:
                logger.warning('camera %s: %s', self.name, words)
            self._follow(device)
            device.close()
            if not self._stopping:
                self._note(CameraState.LOST, 'the camera stopped giving frames; opening it again')
                self._pause()

    def _open_device(self) -> Device:
        # OpenCV says the same, several lines each time, and not where the camera has come back.
        if words := explain_absence(self.address):
            raise CaptureError(words)
        return open_device(self.address, self._settings, self._clock)

    def _follow(self, device: Device) -> None:
        """Hand on the pictures of an open device until there are no more."""
        self._sample = self._same_since = None
        while not self._stopping:
            picture = device.read()
            if picture is None:
                return
            if self._is_frozen(picture.image):
                self._note(CameraState.FROZEN, 'the picture does not change')
                continue
            height, width = picture.image.shape[:2]
            with self._changed:
                self.size = (width, height)
                stamp = picture.stamp - self.delay
                if self._newest is not None and 0 <= self._newest.stamp - stamp < SET_BACK:
                    stamp = self._newest.stamp + 1
                frame = Frame(stamp, self.name, self._sequence, picture.image)
                self._newest, now = frame, time.monotonic()
                self._held.append((now, frame))
                self._let_go()
                self._sequence += 1
                self._arrivals = [*self._arrivals[-240:], now]
                if self._error and frame.sequence:
                    logger.warning('camera %s: gives frames again', self.name)
                self._state, self._error = CameraState.OK, ''
                self._changed.notify_all()
            self.on_frame(frame)

    def _is_frozen(self, image: np.ndarray) -> bool:
        """Tell whether pictures have been equal for long; the first equal ones pass, a camera may double one."""
        sample, moment = image[::SAMPLE, ::SAMPLE].copy(), time.monotonic()
        before, self._sample = self._sample, sample
        if before is None or before.shape != sample.shape or not np.array_equal(before, sample):
            self._same_since = None
            return False
        self._same_since = moment if self._same_since is None else self._same_since
        return moment - self._same_since > FROZEN_AFTER

    def _note(self, state: CameraState, words: str) -> None:
        with self._changed:
            # Before the first picture `open` says what is wrong, once it is given up.
            if words != self._error and self._sequence:
                logger.warning('camera %s: %s', self.name, words)
            self._state, self._error = state, words
            self._changed.notify_all()

    def _pause(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, RETRY)
