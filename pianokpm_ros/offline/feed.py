"""Play a bag back beside its videos: what was known at the moment of each picture, in bounded memory."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.records import NANOSECONDS, HandLandmarks, HandPose, KeyMotion, MuscleActivity
from pianokpm_ros.tracks import sample_stamps

FloatArray = NDArray[np.floating]

SET_SPAN = 8_000_000
"""Frames of one moment lie at most so far apart [ns]: half a frame at 60 fps."""

AHEAD = NANOSECONDS
"""Records are read this far beyond a picture [ns]: what belongs to it may come late by the wait for other views."""


@dataclass(eq=False)
class History:
    """The last seconds of one hand's envelope.

    Attributes:
        activities: estimates, oldest first, from some way back up to the newest read.
        lookahead: of the estimates [ns].
    """

    activities: deque[MuscleActivity] = field(default_factory=deque)
    lookahead: int = 0

    def append(self, activity: MuscleActivity) -> None:
        """Take the next estimate."""
        self.activities.append(activity)
        if activity.status != Status.STALE:  # there it is the age of what is repeated
            self.lookahead = round(activity.lookahead * NANOSECONDS)

    def newest(self, stamp: int) -> MuscleActivity | None:
        """Return the newest estimate of the muscles up to a moment [ns].

        An estimate tells of `lookahead` before its stamp, so the one that belongs to a picture was
        made that much later.
        """
        for activity in reversed(self.activities):
            if activity.stamp <= stamp + self.lookahead:
                return activity
        return None

    def samples(
        self, after: int, until: int, muscles: int
    ) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
        """Return stamps (N,), envelope (N, M) and deviation (N, M) of the samples in (after, until] [ns]."""
        blocks = [a for a in self.activities if len(a.envelope)]
        nothing = np.zeros((0, muscles), np.float32)
        stamps = np.concatenate([np.zeros(0, np.int64), *map(sample_stamps, blocks)])
        values = np.concatenate([nothing, *(a.envelope for a in blocks)])
        deviations = np.concatenate([nothing, *(a.envelope_deviation for a in blocks)])
        kept = (stamps > after) & (stamps <= until)
        return stamps[kept], values[kept], deviations[kept]


class BagFeed:
    """Read a bag as far as a picture needs it and forget what is past."""

    def __init__(self, bag: Path, sides: Sequence[Side], back: float) -> None:
        """Open.

        Args:
            bag: folder or file.
            sides: hands of interest.
            back: how much of the past to keep [s].
        """
        self._records: Iterator[tuple[str, object, int]] = read_bag(bag)
        self._back = round(back * NANOSECONDS)
        self._read_until = -1
        self._hands: dict[tuple[str, int], HandLandmarks] = {}  # by camera and frame number
        self._poses: dict[tuple[Side, int], HandPose] = {}  # by stamp
        self._events: deque[tuple[int, int, float]] = deque()
        self.history = {side: History() for side in sides}
        self.position: dict[int, float] = {}

    def advance(self, stamp: int) -> None:
        """Move on to a picture's moment [ns]; moments must not go back."""
        while self._read_until <= stamp + AHEAD:
            entry = next(self._records, None)
            if entry is None:
                break
            self._take(entry[1])
        self._forget(stamp)
        while self._events and self._events[0][0] <= stamp:
            _, key, position = self._events.popleft()
            self.position[key] = position
            if position <= 0:
                del self.position[key]

    def _take(self, record: object) -> None:
        if isinstance(record, HandLandmarks):
            self._hands[record.camera, record.sequence] = record
            self._read_until = max(self._read_until, record.stamp)
        elif isinstance(record, HandPose):
            self._poses.setdefault((Side(record.side), record.stamp), record)
        elif isinstance(record, MuscleActivity) and record.side in self.history:
            self.history[record.side].append(record)
        elif isinstance(record, KeyMotion):
            stamps = record.stamp + np.rint(np.asarray(record.time, np.float64) * 1e9).astype(int)
            self._events.extend(
                zip(stamps.tolist(), record.key.tolist(), record.position.tolist(), strict=True)
            )

    def _forget(self, stamp: int) -> None:
        for key in [k for k, h in self._hands.items() if h.stamp < stamp - self._back]:
            del self._hands[key]
        for moment in [k for k in self._poses if k[1] < stamp - self._back]:
            del self._poses[moment]
        for history in self.history.values():
            while history.activities and history.activities[0].stamp < stamp - self._back - AHEAD:
                history.activities.popleft()

    def poses(self, stamp: int) -> dict[Side, HandPose]:
        """Return the poses made from the frames of about a stamp [ns]: a set takes the stamp of its newest frame."""
        near = [k for k in self._poses if 0 <= k[1] - stamp <= SET_SPAN]
        return {k[0]: self._poses[k] for k in sorted(near, key=lambda k: -k[1])}

    def hands(self, camera: str, sequence: int) -> HandLandmarks | None:
        """Return what a camera saw in a frame, None where the frame was not looked at."""
        return self._hands.get((camera, sequence))
