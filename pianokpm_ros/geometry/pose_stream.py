"""From the landmarks of all cameras, as they arrive, to a stream of poses that never lies about being silent."""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pianokpm_ros.anatomy import Side
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.geometry.screening import screen_landmarks
from pianokpm_ros.geometry.synchronizer import FrameSet, SyncCounters, Synchronizer
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.records import MILLISECOND, HandLandmarks, HandPose
from pianokpm_ros.silence import SilenceWatch

logger = logging.getLogger(__name__)

GAPS = 32
TOLERANCES = (2 * MILLISECOND, 50 * MILLISECOND)
"""Limits of the automatic tolerance: half a frame at 250 and at 10 fps, to which webcams slow down in poor light."""


@dataclass(frozen=True)
class StreamSettings:
    """How views are brought together.

    Attributes:
        tolerance: largest distance of two frames of one moment [ns]; 0 = half of the frame period seen.
        max_wait: how far others may run ahead before a moment is given out with a view missing [ns].
        timeout: silence of all cameras after which poses are INVALID, and time between these [ns].
    """

    tolerance: int = 0
    max_wait: int = 80 * MILLISECOND
    timeout: int = 100 * MILLISECOND


class FramePeriod:
    """The frame period of each camera, from stamps; lost frames do not lengthen it."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._gaps: dict[str, deque[int]] = {}
        self._periods: dict[str, int] = {}

    def push(self, camera: str, stamp: int) -> None:
        """Take a frame's stamp [ns]."""
        last, self._last[camera] = self._last.get(camera), stamp
        if last is not None and stamp > last:
            gaps = self._gaps.setdefault(camera, deque(maxlen=GAPS))
            gaps.append(stamp - last)
            if len(gaps) >= 3:
                self._periods[camera] = sorted(gaps)[len(gaps) // 5]

    @property
    def shortest(self) -> int | None:
        """Period of the fastest camera [ns], None = unknown."""
        return min(self._periods.values(), default=None)


class PoseStream:
    """Synchronise, triangulate, watch. Stamps of each side strictly increase, but for jumps of the clock."""

    def __init__(
        self,
        triangulator: HandTriangulator,
        cameras: Sequence[str],
        settings: StreamSettings | None = None,
    ) -> None:
        self.settings = settings or StreamSettings()
        self._triangulator = triangulator
        first = self.settings.tolerance or 8 * MILLISECOND
        self._synchronizer = Synchronizer(cameras, first, self.settings.max_wait)
        self._period = FramePeriod()
        self._watch = SilenceWatch(self.settings.timeout, self.settings.timeout)
        self._sequence = {side: 0 for side in SIDES}
        self._restarts, self._last = 0, -1
        self._frame_id = triangulator.rig.frame_id if triangulator.rig else ''
        self.published, self.overtaken = 0, 0

    @property
    def counters(self) -> SyncCounters:
        """What the synchroniser did so far."""
        return self._synchronizer.counters

    @property
    def complaints(self) -> tuple[str, ...]:
        """What is wrong with the calibration or a camera, in words."""
        check = self._triangulator.check
        said = [
            f'camera {name} disagrees with the others by {check.errors[name]:.0f} px: was it moved, is it '
            'late, frozen or wrongly calibrated?'
            for name in check.suspects
        ]
        if check.at_odds:
            said.append(
                f'cameras {" and ".join(check.at_odds)} contradict each other by '
                f'{max(check.errors.values()):.0f} px: was one moved, is one late, frozen or wrongly calibrated?'
            )
        said += [
            f'the frames of camera {name} are {lag * 1e-9:.2f} s behind the others by their stamps when they come, too '
            'late to be used: are the clocks of their machines in step? For one that is only slow raise max_wait'
            for name, lag in self._synchronizer.lags.items()
        ]
        size = self._triangulator.size.complaint
        return (*([f'{size}; calibrate again'] if size else []), *said)

    @property
    def view_errors(self) -> dict[str, float]:
        """How far each camera disagrees with the others [px], NaN = not known yet."""
        return self._triangulator.check.errors

    @property
    def silent(self) -> bool:
        """Whether no camera has been heard for longer than the timeout."""
        return self._watch.silent

    @property
    def heard(self) -> bool:
        """Whether any camera has ever been heard."""
        return self._last >= 0 or bool(self.counters.sets)

    def push(self, record: HandLandmarks, now: int) -> list[HandPose]:
        """Take a view that arrived `now` [ns] and return the poses it completes, oldest first."""
        record = screen_landmarks(record)
        sets = self._synchronizer.push(record)
        if self.counters.restarts > self._restarts:
            self._restart()
        self._period.push(record.camera, record.stamp)
        period = self._period.shortest
        if period and not self.settings.tolerance:
            least, most = TOLERANCES
            self._synchronizer.tolerance = min(max(period // 2, least), most)
        self._watch.hear(now)
        return self._make(sets)

    def tick(self, now: int) -> list[HandPose]:
        """Return what must be said at time `now` [ns] although nothing came: INVALID poses of both sides.

        Their stamp is the last pose's plus a nanosecond each: frames that are late, not lost, still come after.
        """
        if not self._watch.is_due(now):
            return []
        poses = self._make(self._synchronizer.flush())
        self._last += 1
        missing = (HandPose.invalid(self._last, self._frame_id, 0, side) for side in SIDES)
        return poses + [self._number(pose) for pose in missing]

    def _restart(self) -> None:
        logger.warning('the clock of the cameras jumped back: everything starts afresh')
        self._restarts, self._last, self._period = self.counters.restarts, -1, FramePeriod()

    def _make(self, sets: list[FrameSet]) -> list[HandPose]:
        poses = []
        for frames in sets:
            if frames.stamp <= self._last:
                self.overtaken += 1
                continue
            self._last = frames.stamp
            poses += [self._number(p) for p in self._triangulator.process(frames).values()]
        if poses:
            self._frame_id = poses[-1].frame_id
        return poses

    def _number(self, pose: HandPose) -> HandPose:
        side = Side(pose.side)
        sequence, self._sequence[side] = self._sequence[side], self._sequence[side] + 1
        self.published += 1
        return replace(pose, sequence=sequence)
