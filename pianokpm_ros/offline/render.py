"""Draw what was estimated onto the videos it was estimated from: one video a view, and one of all views."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pianokpm_ros.anatomy import Side
from pianokpm_ros.capture.multi_capture import Frames, MultiCapture
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.offline.feed import BagFeed
from pianokpm_ros.offline.inputs import ORIGIN
from pianokpm_ros.offline.sides import call_by_poses
from pianokpm_ros.offline.tracks import BagContent
from pianokpm_ros.records import NANOSECONDS, Frame, HandLandmarks, MuscleActivity
from pianokpm_ros.view.bars import choose_full_scale
from pianokpm_ros.view.dashboard import WINDOW, Dashboard, DashboardContent
from pianokpm_ros.view.lettering import BgrImage, write
from pianokpm_ros.view.mosaic import Mosaic
from pianokpm_ros.view.overlay import OverlayContent, choose_scale, draw_overlay
from pianokpm_ros.view.palette import INK, PANEL
from pianokpm_ros.view.plots import SimulatedEnvelope
from pianokpm_ros.view.skeleton import draw_hands
from pianokpm_ros.view.traces import DASH, Traces
from pianokpm_ros.view.video_writer import VideoWriter

MOSAIC_RATE = 30.0
"""Pictures a second of the video of all views; more would only take longer to encode [Hz]."""

MOSAIC_VIEWS = (1280, 960)
"""The views together are scaled down to fit into this (width, height) [px]."""

MOSAIC_WIDTH = 960
"""It is at least so wide [px]: at the 540 that a phone held upright has left, bars and curves could not be read."""

WAITING = 3
"""Pictures of one video that wait to be encoded."""

UNSEEN = 100_000_000
"""Frames that nobody looked at are left out of the video of all views for up to this time [ns]."""

TRACE_STEP = 10_000_000
"""Distance of the points of a drawn curve [ns]; envelopes have 10 Hz bandwidth."""


@dataclass(frozen=True, eq=False)
class RenderPlan:
    """What to draw.

    Attributes:
        bag: what was estimated.
        folder: where the videos go.
        title: stands on the video of all views.
        cameras: of the poses; a view that has none keeps the detector's own sides.
        sides: hands that were seen at all.
        muscles: M names, empty = poses only.
        full_scale: activation at the top of the bars.
        offset: stamps in the bag minus stamps of the videos [ns].
        keys: (lowest, highest) to draw; None = no keys known.
        simulated: the simulation's envelopes; empty = none known.
        overlays: make a video of each view.
        mosaic: make the video of all views.
    """

    bag: Path
    folder: Path
    title: str
    cameras: Sequence[Camera]
    sides: Sequence[Side]
    muscles: Sequence[str]
    full_scale: float = 1.0
    offset: int = 0
    keys: tuple[int, int] | None = None
    simulated: Mapping[Side, SimulatedEnvelope] = field(default_factory=dict)
    overlays: bool = True
    mosaic: bool = True


def render(
    plan: RenderPlan, capture: MultiCapture, progress: Callable[[int], None] = lambda _: None
) -> list[Path]:
    """Draw all frames of an open capture and return the files made.

    Args:
        plan: what to draw.
        capture: at its first frames.
        progress: is told the number of sets drawn.
    """
    feed = BagFeed(plan.bag, plan.sides, WINDOW)
    with ExitStack() as stack:
        painters: list[_Overlays | _MosaicVideo] = []
        if plan.overlays:
            painters.append(_Overlays(plan, capture, stack))
        if plan.mosaic:
            painters.append(_MosaicVideo(plan, capture, stack))
        for number, frames in enumerate(capture.read_all()):
            stamp = max(f.stamp for f in frames.values())
            feed.advance(stamp + plan.offset)
            for painter in painters:
                painter.paint(frames, stamp, feed)
            progress(number + 1)
        made = [writer.finish() for painter in painters for writer in painter.writers]
    return [path for path in made if path is not None]


def find_full_scale(content: BagContent, simulated: Mapping[Side, SimulatedEnvelope]) -> float:
    """Choose one scale for all bars and curves of a run."""
    values = [t.envelope.ravel() for t in content.tracks.values()]
    values += [s.envelope.ravel() for s in simulated.values()]
    return choose_full_scale(np.concatenate(values) if values else np.zeros(0))


def _newest(feed: BagFeed, stamp: int) -> dict[Side, MuscleActivity]:
    found = {side: history.newest(stamp) for side, history in feed.history.items()}
    return {side: activity for side, activity in found.items() if activity is not None}


def _hands_of(plan: RenderPlan, feed: BagFeed, frame: Frame) -> HandLandmarks | None:
    """Return the hands of a frame, called as the poses call them."""
    hands = feed.hands(frame.camera, frame.sequence)
    camera = next((c for c in plan.cameras if c.name == frame.camera), None)
    if hands is None or camera is None:
        return hands
    return call_by_poses(hands, feed.poses(hands.stamp), camera)


def crop_even(image: BgrImage) -> BgrImage:
    """Cut the last row or column off where there is an odd number: H.264 needs even ones."""
    return image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]


class _Encoder:
    """A video writer in a thread of its own, so that drawing goes on; at most `WAITING` pictures wait."""

    def __init__(self, writer: VideoWriter, stack: ExitStack) -> None:
        self._writer = stack.enter_context(writer)
        self._pool = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix='encode'))
        self._waiting: deque[Future[None]] = deque()

    def write(self, image: BgrImage, stamp: int) -> None:
        """Take a picture, which must not be changed any more; an error of an earlier one is raised here."""
        while len(self._waiting) >= WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(self._writer.write, image, stamp))

    def finish(self) -> Path | None:
        """Wait for all pictures; returns the path of the video, None without any."""
        while self._waiting:
            self._waiting.popleft().result()
        return self._writer.path if self._writer.count else None


class _Overlays:
    """A video of each view, with hands and bars."""

    def __init__(self, plan: RenderPlan, capture: MultiCapture, stack: ExitStack) -> None:
        self._plan = plan
        self._writers = {
            s.name: _Encoder(
                VideoWriter(
                    plan.folder / f'overlay_{s.name}.mp4',
                    (s.size[0] // 2 * 2, s.size[1] // 2 * 2),
                    s.rate or MOSAIC_RATE,
                ),
                stack,
            )
            for s in capture.sources
        }
        self.writers = tuple(self._writers.values())

    def paint(self, frames: Frames, stamp: int, feed: BagFeed) -> None:
        for name, frame in frames.items():
            content = OverlayContent(
                name,
                (frame.stamp - ORIGIN) / NANOSECONDS,
                _hands_of(self._plan, feed, frame),
                _newest(feed, frame.stamp + self._plan.offset) if self._plan.muscles else None,
                self._plan.full_scale,
            )
            self._writers[name].write(crop_even(draw_overlay(frame.image, content)), frame.stamp)


class _MosaicVideo:
    """One video of all views, with a dashboard below them."""

    def __init__(self, plan: RenderPlan, capture: MultiCapture, stack: ExitStack) -> None:
        self._plan = plan
        names = [s.name for s in capture.sources]
        self._mosaic = Mosaic(names, [s.size for s in capture.sources], MOSAIC_VIEWS, MOSAIC_WIDTH)
        sides = plan.sides if plan.muscles else ()
        self._dashboard = Dashboard(
            self._mosaic.size[0], sides, len(plan.muscles), plan.full_scale, plan.keys, plan.title
        )
        size = self._mosaic.size[0], self._mosaic.size[1] + self._dashboard.size[1]
        self._writer = _Encoder(VideoWriter(plan.folder / 'mosaic.mp4', size, MOSAIC_RATE), stack)
        self.writers = (self._writer,)
        self._due: int | None = None

    def paint(self, frames: Frames, stamp: int, feed: BagFeed) -> None:
        if self._due is None:
            self._due = stamp
        # Half a millisecond of slack: stamps of 30 fps files are rounded.
        if stamp + 500_000 < self._due or self._is_unseen(frames, stamp, feed):
            return
        self._due = max(self._due + round(NANOSECONDS / MOSAIC_RATE), stamp)
        views = {name: self._paint_view(frame, feed) for name, frame in frames.items()}
        then = stamp + self._plan.offset
        band = self._dashboard.draw(
            DashboardContent(
                (stamp - ORIGIN) / NANOSECONDS,
                _newest(feed, then) if self._plan.muscles else {},
                {s: self._trace(feed, s, then) for s in self._plan.sides if self._plan.muscles},
                feed.position,
            )
        )
        self._writer.write(np.vstack([self._mosaic.compose(views), band]), stamp)

    def _is_unseen(self, frames: Frames, stamp: int, feed: BagFeed) -> bool:
        """Tell whether nobody looked at these frames, in a live run that dropped some; a lasting gap is shown."""
        seen = any(feed.hands(n, f.sequence) is not None for n, f in frames.items())
        return not seen and stamp - (self._due or 0) < UNSEEN

    def _paint_view(self, frame: Frame, feed: BagFeed) -> BgrImage:
        picture = np.ascontiguousarray(frame.image).copy()
        scale = choose_scale((picture.shape[1], picture.shape[0]))
        hands = _hands_of(self._plan, feed, frame)
        if hands is not None:
            draw_hands(picture, hands, scale)
        size, margin = round(13 * scale), round(8 * scale)
        write(picture, frame.camera, (margin, margin), size, INK, bold=True, halo=PANEL)
        return picture

    def _trace(self, feed: BagFeed, side: Side, then: int) -> Traces:
        stamps, values, deviations = feed.history[side].samples(
            then - round(WINDOW * NANOSECONDS), then, len(self._plan.muscles)
        )
        on_grid = stamps % TRACE_STEP == 0
        return Traces(
            side,
            self._plan.muscles,
            (stamps[on_grid] - then) / NANOSECONDS,
            values[on_grid],
            deviations[on_grid],
            *self._simulated(side, then),
        )

    def _simulated(self, side: Side, then: int) -> tuple[np.ndarray, np.ndarray]:
        known = self._plan.simulated.get(side)
        if known is None:
            return np.zeros(0), np.zeros((0, len(self._plan.muscles)))
        # Dashes begin at whole multiples, so that they move with the curve.
        span = DASH * TRACE_STEP
        first = (then - round(WINDOW * NANOSECONDS)) // span * span + span
        stamps = np.arange(first, then, TRACE_STEP)
        columns = [
            np.interp(
                stamps, known.stamp, known.envelope[:, known.muscle.index(m)], np.nan, np.nan
            )
            if m in known.muscle
            else np.full(len(stamps), np.nan)
            for m in self._plan.muscles
        ]
        return (stamps - then) / NANOSECONDS, np.stack(columns, axis=-1)
