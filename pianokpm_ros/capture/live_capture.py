"""Sets of the newest frames of several live cameras."""

import time
from collections.abc import Iterator, Sequence

from pianokpm_ros.capture.live_camera import CameraHealth, CameraState, LiveCamera
from pianokpm_ros.capture.multi_capture import Frames
from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.records import NANOSECONDS

POLL = 0.001
"""How often the cameras are asked for news [s]; far below a frame."""

DEFAULT_PERIOD = 1 / 30
NEVER = 0.1
"""A set is never waited for longer than this [s]."""


class LiveCapture:
    """Used like `MultiCapture`: the newest frame of each camera, those of one moment together.

    A set is given out as soon as every camera that is well has a frame of the moment, or half a
    period after the first one came. Whoever is slow gets the newest frames, never a queue of old ones.
    All cameras are as late as the one with the largest delay: frames of the others are held for that long.
    """

    def __init__(self, cameras: Sequence[LiveCamera], tolerance: int | None = None) -> None:
        """Set up.

        Args:
            cameras: with distinct names.
            tolerance: largest distance of two frames of one moment [ns]; None = half a measured period.
        """
        names = [c.name for c in cameras]
        if not names or len(set(names)) < len(names):
            raise CaptureError(f'asked for cameras with distinct names, found {names}')
        self.sources = tuple(cameras)
        latest = max(c.delay for c in cameras)
        for camera in cameras:
            camera.hold = (latest - camera.delay) / NANOSECONDS
        self._tolerance = tolerance
        self._closed = False

    def open(self) -> None:
        """Open all cameras; if one can't be opened none stays open."""
        self._closed = False
        try:
            for camera in self.sources:
                camera.open()
        except CaptureError:
            self.close()
            raise

    @property
    def health(self) -> tuple[CameraHealth, ...]:
        """How each camera is doing."""
        return tuple(c.health for c in self.sources)

    @property
    def dropped(self) -> int:
        """Frames that nobody took before the next came, of all cameras."""
        return sum(h.overtaken for h in self.health)

    @property
    def tolerance(self) -> int:
        """Largest distance of two frames of one moment [ns]."""
        if self._tolerance is not None:
            return self._tolerance
        return round(_find_period(self.health) / 2 * NANOSECONDS)

    def read_all(self) -> Iterator[Frames]:
        """Yield sets until closed; a camera without a frame of the moment is absent."""
        waiting: Frames = {}
        since = 0.0
        while not self._closed:
            fresh = [f for c in self.sources if (f := c.poll()) is not None]
            for frame in fresh:
                if not waiting:
                    since = time.monotonic()
                if frame.camera in waiting:  # the next of the fastest: the moment is over
                    yield self._select(waiting)
                    waiting, since = {}, time.monotonic()
                waiting[frame.camera] = frame
            if waiting and self._is_settled(waiting, since):
                yield self._select(waiting)
                waiting = {}
            elif not fresh:
                time.sleep(POLL)

    def _is_settled(self, waiting: Frames, since: float) -> bool:
        """Tell whether every camera that is well has a frame of the moment, or it was waited for long enough."""
        health = self.health
        well = {h.name for h in health if h.state is CameraState.OK}
        return well <= set(waiting) or time.monotonic() - since > _find_period(health) / 2

    def _select(self, waiting: Frames) -> Frames:
        """Leave out what is older than the moment allows."""
        newest = max(f.stamp for f in waiting.values())
        return {n: f for n, f in waiting.items() if newest - f.stamp <= 2 * self.tolerance}

    def close(self) -> None:
        """Stop all cameras."""
        self._closed = True
        for camera in self.sources:
            camera.close()


def _find_period(health: Sequence[CameraHealth]) -> float:
    """Return the frame period of the fastest camera [s]."""
    rates = [h.rate for h in health if h.rate == h.rate]
    return min(1 / max(rates), NEVER) if rates else DEFAULT_PERIOD
