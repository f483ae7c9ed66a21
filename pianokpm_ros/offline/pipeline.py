"""The whole chain from frames to muscle activity in one process: the same parts as the node graph, without ROS."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from pianokpm_ros.anatomy import Side
from pianokpm_ros.capture.multi_capture import Frames
from pianokpm_ros.geometry.screening import screen_landmarks
from pianokpm_ros.geometry.synchronizer import FrameSet, Synchronizer
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.records import HandLandmarks, HandPose, KeyMotion, MuscleActivity

Hands = dict[str, HandLandmarks]
Record = HandLandmarks | HandPose | KeyMotion | MuscleActivity


class Estimator(Protocol):
    """Turns the poses of one hand into muscle activity."""

    def push_keys(self, motion: KeyMotion) -> None:
        """Take key motion that belongs to poses still to come."""

    def push_pose(self, pose: HandPose) -> MuscleActivity:
        """Take the next pose and return what it tells."""


class SetDetector(Protocol):
    """Finds hands in sets of frames."""

    def process(self, frames: Frames) -> Hands:
        """Find the hands in a set; returns when all is done."""

    def close(self) -> None:
        """Wait for what runs and free what is held."""


@dataclass(frozen=True, eq=False)
class Moment:
    """What is known about one moment.

    Attributes:
        frames: what the cameras saw.
        poses: of each side, also where a hand isn't seen.
        activities: likewise; empty when no model is in use.
    """

    frames: FrameSet
    poses: dict[Side, HandPose]
    activities: dict[Side, MuscleActivity]


@dataclass(frozen=True, eq=False)
class Batch:
    """What one set of frames brought.

    Attributes:
        hands: one record for each frame.
        keys: key motion up to here that was not given out before.
        moments: usually one; none while a late camera is waited for.
    """

    hands: tuple[HandLandmarks, ...]
    keys: tuple[KeyMotion, ...]
    moments: tuple[Moment, ...]

    def records(self) -> Iterator[Record]:
        """Yield everything in the order in which the node graph would send it."""
        yield from self.hands
        yield from self.keys
        for moment in self.moments:
            yield from moment.poses.values()
            yield from moment.activities.values()


@dataclass
class StageTimes:
    """Time spent in each stage [s], summed; stages in several threads overlap."""

    clock: Callable[[], float] = time.perf_counter
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        start = self.clock()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + self.clock() - start
            self.counts[stage] = self.counts.get(stage, 0) + 1

    def mean(self, stage: str) -> float:
        """Return the mean time of a stage [s], NaN where it never ran."""
        count = self.counts.get(stage, 0)
        return self.seconds[stage] / count if count else float('nan')


class Pipeline:
    """Synchronise, triangulate, estimate: takes landmarks, gives moments."""

    def __init__(
        self,
        synchronizer: Synchronizer,
        triangulator: HandTriangulator,
        estimators: Mapping[Side, Estimator],
        keys: Iterable[KeyMotion] = (),
        times: StageTimes | None = None,
    ) -> None:
        """Set up.

        Args:
            synchronizer: fresh.
            triangulator: fresh.
            estimators: for each side, empty = poses only.
            keys: in order of time.
            times: is told how long each stage takes.
        """
        self._synchronizer, self._triangulator = synchronizer, triangulator
        self._estimators = estimators
        self._keys = iter(keys)
        self._waiting: KeyMotion | None = next(self._keys, None)
        self.times = times or StageTimes()

    def push(self, hands: Hands) -> Batch:
        """Take the landmarks of one set of frames."""
        ordered = tuple(sorted(hands.values(), key=lambda record: record.stamp))
        with self.times.measure('triangulate'):
            sets = [
                frames
                for record in ordered
                for frames in self._synchronizer.push(screen_landmarks(record))
            ]
        return self._process(ordered, sets)

    def flush(self) -> Batch:
        """Give out what still waits for a camera that will not come."""
        return self._process((), self._synchronizer.flush())

    def _process(self, hands: tuple[HandLandmarks, ...], sets: list[FrameSet]) -> Batch:
        keys: list[KeyMotion] = []
        moments = []
        for frames in sets:
            keys += self._push_keys(frames.stamp)
            with self.times.measure('triangulate'):
                poses = self._triangulator.process(frames)
            moments.append(Moment(frames, poses, self._estimate(poses)))
        return Batch(hands, tuple(keys), tuple(moments))

    def _push_keys(self, until: int) -> list[KeyMotion]:
        """Give the estimators the key motion that began up to a moment [ns], before its poses."""
        taken = []
        while self._waiting is not None and self._waiting.stamp <= until:
            taken.append(self._waiting)
            for estimator in self._estimators.values():
                estimator.push_keys(self._waiting)
            self._waiting = next(self._keys, None)
        return taken

    def _estimate(self, poses: dict[Side, HandPose]) -> dict[Side, MuscleActivity]:
        with self.times.measure('estimate'):
            return {s: e.push_pose(poses[s]) for s, e in self._estimators.items()}


def detect_ahead(
    workers: SetDetector, sets: Iterable[Frames], times: StageTimes
) -> Iterator[Hands]:
    """Find the hands of every set; the next set is under way while the last one is used."""

    def detect(frames: Frames) -> Hands:
        with times.measure('detect'):
            return workers.process(frames)

    with ThreadPoolExecutor(1, thread_name_prefix='ahead') as pool:
        waiting = None
        for frames in sets:
            task = pool.submit(detect, frames)
            if waiting is not None:
                yield waiting.result()
            waiting = task
        if waiting is not None:
            yield waiting.result()


def run_pipeline(pipeline: Pipeline, hands: Iterable[Hands]) -> Iterator[Batch]:
    """Push all landmarks through and yield what comes out, the rest at the end."""
    for one in hands:
        yield pipeline.push(one)
    yield pipeline.flush()
