"""Bring together what several cameras saw at the same moment, by stamps alone."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from pianokpm_ros.records import HandLandmarks

RESTART = 1_000_000_000
"""A stamp this much older than the camera's last [ns] is a jump of the clock, not a late frame."""

GONE = 5
"""A camera that brought nothing for so many times the longest wait is not waited for until it is back."""


ALWAYS_LATE = 30
"""A camera of which so many frames after each other came too late for their sets takes no part."""


@dataclass(frozen=True, eq=False)
class FrameSet:
    """Frames of one moment.

    Attributes:
        stamp: of the newest frame [ns].
        views: what each camera saw; a camera that missed the moment is absent.
        skew: newest minus oldest stamp [ns].
    """

    stamp: int
    views: dict[str, HandLandmarks]
    skew: int = 0


@dataclass
class SyncCounters:
    """What the synchroniser did so far."""

    sets: int = 0
    complete: int = 0
    late: int = 0
    unknown: int = 0
    restarts: int = 0
    missing: dict[str, int] = field(default_factory=dict)


class Synchronizer:
    """Group records whose stamps lie within a tolerance; never reads a clock, waits on data time only."""

    def __init__(self, cameras: Sequence[str], tolerance: int, max_wait: int) -> None:
        """Set up.

        Args:
            cameras: names that belong to a set.
            tolerance: largest distance of two frames of one moment [ns]; half a frame period.
            max_wait: how far the newest stamp may run ahead before an incomplete set is given out
                [ns].
        """
        self.tolerance, self._max_wait = tolerance, max_wait
        self._pending: dict[str, deque[HandLandmarks]] = {name: deque() for name in cameras}
        self._newest: dict[str, int] = {}
        self._last_set: int | None = None
        self._begun = 0
        self._late: dict[str, tuple[int, int]] = {}
        self.counters = SyncCounters(missing={name: 0 for name in cameras})

    def push(self, record: HandLandmarks) -> list[FrameSet]:
        """Take a record and return the sets it completes, oldest first, stamps strictly increasing."""
        queue = self._pending.get(record.camera)
        if queue is None:
            self.counters.unknown += 1
            return []
        newest = self._newest.get(record.camera)
        if newest is not None and record.stamp < newest - RESTART:
            self._restart()
        elif newest is not None and record.stamp <= newest:
            self.counters.late += 1
            return []
        if not self._newest:
            self._begun = record.stamp
        self._newest[record.camera] = record.stamp
        queue.append(record)
        return self._collect(final=False)

    def flush(self) -> list[FrameSet]:
        """Give out everything that waits, complete or not."""
        return self._collect(final=True)

    @property
    def lags(self) -> dict[str, int]:
        """How far behind the others [ns], by their stamps, those cameras are whose frames all come too late."""
        return {n: lag for n, (count, lag) in self._late.items() if count >= ALWAYS_LATE}

    def _restart(self) -> None:
        self.counters.restarts += 1
        self._late.clear()
        self._newest.clear()
        self._last_set = None
        for queue in self._pending.values():
            queue.clear()

    def _collect(self, final: bool) -> list[FrameSet]:
        sets = []
        while any(self._pending.values()):
            oldest = min(q[0].stamp for q in self._pending.values() if q)
            if not (final or self._is_settled(oldest)):
                break
            made = self._take(oldest)
            if made is not None:
                sets.append(made)
        return sets

    def _is_settled(self, oldest: int) -> bool:
        """Tell whether no camera can still bring a frame of this moment, or it has been waited for long enough."""
        latest = max(self._newest.values())
        if latest - oldest > self._max_wait:
            return True
        return all(
            queue
            or self._newest.get(name, oldest) > oldest + self.tolerance
            or latest - self._newest.get(name, self._begun) > GONE * self._max_wait
            for name, queue in self._pending.items()
        )

    def _take(self, oldest: int) -> FrameSet | None:
        views = {}
        for name, queue in self._pending.items():
            if queue and queue[0].stamp <= oldest + self.tolerance:
                views[name] = queue.popleft()
        stamps = [v.stamp for v in views.values()]
        if self._last_set is not None and max(stamps) <= self._last_set:
            self.counters.late += len(views)
            for name, view in views.items():
                count, _ = self._late.get(name, (0, 0))
                self._late[name] = count + 1, self._last_set - view.stamp
            return None
        for name in views:
            self._late.pop(name, None)
        self._last_set = max(stamps)
        self._count(views)
        return FrameSet(max(stamps), views, max(stamps) - min(stamps))

    def _count(self, views: dict[str, HandLandmarks]) -> None:
        self.counters.sets += 1
        self.counters.complete += len(views) == len(self._pending)
        for name in self._pending:
            self.counters.missing[name] += name not in views
