"""Run live cameras: what is taken of their newest frames, and how they are."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pianokpm_ros.capture.device import CameraSettings
from pianokpm_ros.capture.live_camera import CameraHealth, CameraState, LiveCamera
from pianokpm_ros.capture.live_capture import LiveCapture
from pianokpm_ros.capture.multi_capture import Frames
from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.records import Frame

FLUENT = 10.0
"""Fewer sets a second than this leave gaps in which poses turn INVALID (`timeout` of triangulation_node) [Hz]."""

PACE_WINDOW = 3.0
"""The pace is that of so much of the past [s]."""


def make_cameras(
    addresses: Mapping[str, str],
    settings: CameraSettings,
    rig: Rig | None,
    clock: Callable[[], int],
    timeout: float = 8.0,
) -> list[LiveCamera]:
    """Make the cameras, not yet open; with a rig in its sizes and with its delays.

    Args:
        addresses: of each camera, by name.
        settings: asked of local cameras; the rig's size counts where none is asked for.
        rig: must have each camera; None = not calibrated.
        clock: of the stamps [ns].
        timeout: how long to wait for the first frame [s].
    """
    cameras = []
    for name, address in addresses.items():
        wanted, delay = settings, 0
        if rig is not None:
            wanted = replace(settings, size=settings.size or rig.camera(name).size)
            delay = rig.delay_of(name)
        cameras.append(LiveCamera(name, address, wanted, delay, clock, timeout))
    return cameras


class LiveRun(threading.Thread):
    """Hand on the newest frames of live cameras, in a thread.

    Attributes:
        sets: handed on so far.
        misfits: frames of another size than the camera began with; they are left out.
        on_frame: is given each frame, also those that are overtaken; called in the camera's thread.
    """

    def __init__(self, cameras: Sequence[LiveCamera], handle: Callable[[Frames], None]) -> None:
        """Set up.

        Args:
            cameras: with distinct names.
            handle: takes each set of frames; while it works, newer frames replace older ones.
        """
        super().__init__(name='live', daemon=True)
        self._capture, self._handle = LiveCapture(cameras), handle
        self._sizes: dict[str, tuple[int, int]] = {}
        self.on_frame: Callable[[Frame], None] = lambda frame: None
        self.sets, self.misfits = 0, 0
        self._newest_misfits: dict[str, tuple[float, tuple[int, int]]] = {}
        self._done: deque[float] = deque(maxlen=round(FLUENT * PACE_WINDOW) + 1)
        self._begun = float('inf')

    @property
    def health(self) -> tuple[CameraHealth, ...]:
        """How each camera is doing."""
        return self._capture.health

    @property
    def overtaken(self) -> int:
        """Frames for which there was no time."""
        return self._capture.dropped

    def open(self, rig: Rig | None = None) -> dict[str, tuple[int, int]]:
        """Open the cameras and return their sizes; refuse where a size isn't the calibrated one."""
        self._capture.open()
        self._sizes = {c.name: c.size for c in self._capture.sources}
        try:
            for name, size in self._sizes.items() if rig is not None else ():
                rig.camera_of_size(name, size)
        except Exception:
            self._capture.close()
            raise
        for camera in self._capture.sources:
            camera.on_frame = self._pass
        return dict(self._sizes)

    def run(self) -> None:
        """Hand on sets until stopped."""
        self._begun = time.monotonic()
        for frames in self._capture.read_all():
            fitting = {n: f for n, f in frames.items() if self._fits(f)}
            for name in frames.keys() - fitting.keys():
                self.misfits += 1
                self._newest_misfits[name] = time.monotonic(), frames[name].image.shape[1::-1]
            if fitting:
                self._handle(fitting)
                self.sets += 1
                self._done.append(time.monotonic())

    def _fits(self, frame: Frame) -> bool:
        return frame.image.shape[1::-1] == self._sizes[frame.camera]

    def _pass(self, frame: Frame) -> None:
        if self._fits(frame):
            self.on_frame(frame)

    def _find_misfits(self) -> list[str]:
        """Say which cameras send pictures of another size now: nothing of them is used."""
        return [
            '{} sends {}x{} instead of {}x{}, which is left out: turn it back, or start again'.format(
                name, *size, *self._sizes[name]
            )
            for name, (moment, size) in dict(self._newest_misfits).items()
            if time.monotonic() - moment < PACE_WINDOW
        ]

    def _find_slowness(self, rates: Mapping[str, float]) -> list[str]:
        """Say it where few frames come, or where there is time for few of those that come, `rates` a second."""
        now = time.monotonic()
        if now - self._begun < PACE_WINDOW:
            return []
        said = [
            f'{name} gives {rate:.1f} frames a second; fewer than {FLUENT:g} leave gaps: give it more light, or ask it '
            'for a smaller picture, another format or a fixed exposure'
            for name, rate in rates.items()
            if rate < FLUENT
        ]
        rate = max(rates.values(), default=0.0)
        pace = sum(t > now - PACE_WINDOW for t in list(self._done)) / PACE_WINDOW
        if not pace < min(FLUENT, rate / 2):
            return said
        return [
            *said,
            f'there is time for {pace:.1f} of {rate:.0f} frames a second; fewer than {FLUENT:g} leave gaps in which '
            'poses are INVALID: this machine is too slow or too busy for that (docs/cameras.md, Faster)',
        ]

    def stop(self, timeout: float = 2.0) -> None:
        """Close the cameras and wait for the thread."""
        self._capture.close()
        if self.is_alive():
            self.join(timeout)

    def summarise(self) -> tuple[str, str, dict[str, object]]:
        """Return `error`, `warning` or `good`, what is wrong in words, and the numbers."""
        health = self.health
        values: dict[str, object] = {'sets': self.sets, 'of another size': self.misfits}
        for h in health:
            values[f'{h.name} state'] = h.state.value
            values[f'{h.name} rate'] = round(h.rate, 1)
            values |= {f'{h.name} frames': h.frames, f'{h.name} overtaken': h.overtaken}
            values[f'{h.name} connections'] = h.connections
        ill = [
            f'{h.name} is {h.state.value}' + (f': {h.words}' if h.words else '')
            for h in health
            if h.state is not CameraState.OK
        ]
        ill += self._find_misfits()
        if ill:
            return 'error', '; '.join(ill), values
        said = [f'{h.name}: {h.words}' for h in health if h.words]
        said += self._find_slowness({h.name: h.rate for h in health if h.rate == h.rate})
        return ('warning', '; '.join(said), values) if said else ('good', 'live', values)


def read_size(text: str) -> tuple[int, int] | None:
    """Read `640x480`; None where nothing is asked for."""
    if not text:
        return None
    width, _, height = text.lower().partition('x')
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise CaptureError(f'size: expected WIDTHxHEIGHT such as 640x480, found {text!r}')
    return int(width), int(height)
