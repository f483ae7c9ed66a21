"""Look at half of the views of each moment, in turns: half the work for hands that come one frame later.

Between two looks a view's landmarks are interpolated, so that all views of a moment are of one time (`make
bench-vision` prints what that costs). Needs four views: each half must place the hands by itself to tell them apart.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from pianokpm_ros.anatomy import Side
from pianokpm_ros.hands.answers import Answers
from pianokpm_ros.hands.guided_workers import GuidedWorkers
from pianokpm_ros.records import Frame, HandLandmarks

LEAST_VIEWS = 4

MAX_GAP = 250_000_000
"""Looks further apart than this [ns] tell nothing of what was in between."""


class TurnWorkers:
    """Used like `GuidedWorkers`; what `process` returns is of the set before."""

    def __init__(self, workers: GuidedWorkers) -> None:
        names = workers.rig.names
        self._workers, self._halves = workers, (names[::2], names[1::2])
        self._newest: dict[str, HandLandmarks] = {}
        self._skipped: dict[str, Frame] = {}
        self._waiting: dict[str, HandLandmarks] = {}
        self._count = 0

    @property
    def answers(self) -> Answers:
        """What knows which of them are silent."""
        return self._workers.answers

    def process(self, frames: dict[str, Frame]) -> dict[str, HandLandmarks]:
        """Look at half of a set of frames, at all of the first; returns the hands of the set before."""
        turn = self._halves[self._count % 2] if self._count else tuple(frames)
        looked = {n: f for n, f in frames.items() if n in turn}
        if not looked:  # only cameras of the other half had a frame
            return {}
        self._count += 1
        records = self._workers.process(looked)
        between = _fill(self._skipped.values(), self._newest, records)
        done = {**self._waiting, **between}
        self._newest.update(records)
        self._waiting = records
        self._skipped = {
            n: replace(f, image=f.image[:0]) for n, f in frames.items() if n not in turn
        }
        return done

    def close(self) -> None:
        """Wait for what runs and let go of the engine."""
        self._workers.close()


def _fill(
    skipped: Iterable[Frame],
    before: Mapping[str, HandLandmarks],
    after: Mapping[str, HandLandmarks],
) -> dict[str, HandLandmarks]:
    return {
        f.camera: interpolate(before[f.camera], after[f.camera], f.stamp, f.sequence)
        for f in skipped
        if f.camera in before and f.camera in after
    }


def interpolate(
    before: HandLandmarks, after: HandLandmarks, stamp: int, sequence: int
) -> HandLandmarks:
    """Return a view's hands between two looks; those that either lacks are missing."""
    span = after.stamp - before.stamp
    known = [s for s in after.side.tolist() if s in before.side and s != Side.UNKNOWN]
    if not before.stamp <= stamp <= after.stamp or not 0 < span <= MAX_GAP or not known:
        return HandLandmarks.empty(stamp, after.camera, after.frame_id, after.size, sequence)
    a, b = ([r.side.tolist().index(s) for s in known] for r in (before, after))
    part = np.float32((stamp - before.stamp) / span)
    return replace(
        after,
        stamp=stamp,
        sequence=sequence,
        side=after.side[b],
        score=np.minimum(before.score[a], after.score[b]),
        pixels=before.pixels[a] + part * (after.pixels[b] - before.pixels[a]),
        world=before.world[a] + part * (after.world[b] - before.world[a]),
        visibility=after.visibility[b],
    )
