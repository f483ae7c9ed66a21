"""Find hands in several calibrated cameras that help each other.

The regions of all views are looked at in parallel. Then geometry tells which hand is which, a hand that
a view lost is looked for where the other views put it, and a view that contradicts all others is
told to let go. While both hands are known in space no view looks for palms.
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Side
from pianokpm_ros.geometry.association import SIDES, Choice
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.hands.answers import Answers
from pianokpm_ros.hands.engine import FoundHand, HandEngine
from pianokpm_ros.hands.region_detector import RegionDetector, RegionSettings
from pianokpm_ros.hands.space_hands import (
    SpaceHand,
    agrees,
    decide,
    index_of,
    place_surely,
    stay,
)
from pianokpm_ros.records import Frame, HandLandmarks

FloatArray = NDArray[np.floating]

MEMORY = 500_000_000
"""How long a palm's last place helps to tell the hands apart [ns]."""

PAUSE = 130_000_000
"""How long to wait after a hand was looked for in vain where the others put it: it is hidden there [ns]."""


@dataclass
class GuideCounters:
    """What the views did for each other so far."""

    rescued: int = 0
    in_vain: int = 0
    dropped: int = 0
    renamed: int = 0


class GuidedWorkers:
    """A detector for each camera of a rig, a thread for each; used like `LandmarkWorkers`.

    Attributes:
        rig: the cameras.
        counters: what the views did for each other.
        answers: knows which of them are silent; who shares work out among all waits for all.
        detectors: by camera.
    """

    def __init__(
        self, rig: Rig, engine: HandEngine, settings: RegionSettings | None = None
    ) -> None:
        self.rig = rig
        self.counters, self.answers = GuideCounters(), Answers()
        self._engine = engine
        self.detectors = {
            c.name: RegionDetector(c.name, c.frame_id, engine, settings) for c in rig.cameras
        }
        self._last: dict[Side, tuple[int, FloatArray]] = {}
        self._called: dict[str, list[int]] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._tried: dict[tuple[str, Side], int] = {}
        self._hands: dict[Side, SpaceHand] = {}
        self._newest: int | None = None
        self._pool = ThreadPoolExecutor(len(rig.cameras), thread_name_prefix='hands')

    def process(self, frames: dict[str, Frame]) -> dict[str, HandLandmarks]:
        """Find the hands in a set of frames; returns when all is done."""
        self._plan_search(frames)
        for name in frames:
            self.answers.ask(name)
        seen = self._follow(frames)
        tasks = {n: self._pool.submit(self._detect, f, seen[n]) for n, f in frames.items()}
        records = {n: t.result() for n, t in tasks.items()}
        cameras = {
            n: self.rig.camera_of_size(n, records[n].size) for n in self.rig.names if n in records
        }
        hands = self._understand(cameras, records)
        self._help(cameras, frames, records, hands)
        self._called.update({n: records[n].side.tolist() for n in cameras})
        self._sizes.update({n: r.size for n, r in records.items()})
        self._guide_absent(frames, hands)
        self._hands = hands
        return records

    def close(self) -> None:
        """Wait for what runs and let go of the engine."""
        self._pool.shutdown()
        for detector in self.detectors.values():
            detector.close()

    def _detect(self, frame: Frame, seen: list[FoundHand]) -> HandLandmarks:
        record = self.detectors[frame.camera].detect(frame, seen)
        self.answers.answer(frame.camera)
        return record

    def _follow(self, frames: dict[str, Frame]) -> dict[str, list[FoundHand]]:
        """Look where the hands were, those of all views shared out among the cores."""
        regions = {n: self.detectors[n].next_regions() for n in frames}
        places = [(frames[n].image, r) for n, own in regions.items() for r in own]
        shares = [places[s] for s in self._engine.share_out(len(places))]
        found = chain.from_iterable(self._pool.map(self._engine.find_many, shares))
        return {n: list(islice(found, len(own))) for n, own in regions.items()}

    def _understand(
        self, cameras: dict[str, Camera], records: dict[str, HandLandmarks]
    ) -> dict[Side, SpaceHand]:
        """Call the hands, put them into space, drop what contradicts; `records` is brought up to date."""
        stamp = max(r.stamp for r in records.values())
        last = {s: p for s, (then, p) in self._last.items() if 0 <= stamp - then <= MEMORY}
        choices, hands = self._recall(cameras, records, last) or decide(cameras, records, last)
        for side, hand in hands.items():
            self._last[side] = (stamp, hand.middle)
        self._tell(records, choices, hands)
        return hands

    def _recall(
        self,
        cameras: dict[str, Camera],
        records: dict[str, HandLandmarks],
        last: dict[Side, FloatArray],
    ) -> 'tuple[dict[str, Choice], dict[Side, SpaceHand]] | None':
        """Call the hands as a moment ago, if no view lost or found one and all still fit; a tenth of the work."""
        called = {n: records[n].side.tolist() for n in cameras}
        if any(c != self._called.get(n) for n, c in called.items()) or any(
            len(set(c)) < len(c) for c in called.values()
        ):
            return None
        choices = {n: tuple(index_of(c, s) for s in SIDES) for n, c in called.items()}
        hands = place_surely(cameras, records, choices)
        if hands is None or not stay(hands, last):
            return None
        return choices, hands

    def _tell(
        self,
        records: dict[str, HandLandmarks],
        choices: dict[str, tuple[int, int]],
        hands: dict[Side, SpaceHand],
    ) -> None:
        """Give the detectors and records the sides, and let views let go of what the others deny."""
        for name, choice in choices.items():
            record, detector = records[name], self.detectors[name]
            sides = [Side.UNKNOWN] * record.count
            for side, index in zip(SIDES, choice, strict=True):
                if index >= 0:
                    sides[index] = side
            self.counters.renamed += sum(
                s is not Side.UNKNOWN and s != old
                for s, old in zip(sides, record.side, strict=True)
            )
            denied = [
                i
                for side, i in zip(SIDES, choice, strict=True)
                if i >= 0 and side in hands and hands[side].index[name] < 0
            ]
            kept = [i for i, s in enumerate(sides) if s is not Side.UNKNOWN and i not in denied]
            detector.rename(sides)
            if len(kept) < record.count:
                self.counters.dropped += record.count - len(kept)
                detector.keep(kept)
            records[name] = _pick(record, kept, [sides[i] for i in kept])

    def _help(
        self,
        cameras: dict[str, Camera],
        frames: dict[str, Frame],
        records: dict[str, HandLandmarks],
        hands: dict[Side, SpaceHand],
    ) -> None:
        """Look for hands that a view lacks where the others put them."""
        tasks = {
            name: self._pool.submit(self._look, camera, frames[name], records[name], hands)
            for name, camera in cameras.items()
            if any(
                self._is_missing(camera, frames[name].stamp, records[name].side, side, h)
                for side, h in hands.items()
            )
        }
        for name, task in tasks.items():
            records[name] = task.result()

    def _guide_absent(self, frames: dict[str, Frame], hands: dict[Side, SpaceHand]) -> None:
        """Tell the views that were not looked at where hands are that they lack."""
        stamp = max(f.stamp for f in frames.values())
        for name, size in self._sizes.items():
            if name in frames:
                continue
            camera, sides = self.rig.camera_of_size(name, size), self._called[name]
            missing = [s for s, h in hands.items() if self._is_missing(camera, stamp, sides, s, h)]
            for side in missing:
                self._tried[name, side] = stamp
            self.detectors[name].guide([(s, camera.project(hands[s].points)) for s in missing])

    def _is_missing(
        self, camera: Camera, stamp: int, sides: Sequence[int], side: Side, hand: SpaceHand
    ) -> bool:
        """Tell whether a view should see a hand, does not, and was not asked just now."""
        if side in sides or self._pauses(camera.name, side, stamp):
            return False
        palm = camera.project(hand.middle)
        return bool((palm >= 0).all() and (palm < camera.size).all())

    def _pauses(self, name: str, side: Side, stamp: int) -> bool:
        tried = self._tried.get((name, side))
        return tried is not None and 0 <= stamp - tried < PAUSE

    def _look(
        self, camera: Camera, frame: Frame, record: HandLandmarks, hands: dict[Side, SpaceHand]
    ) -> HandLandmarks:
        detector = self.detectors[camera.name]
        self.answers.ask(camera.name)
        for side, hand in hands.items():
            if not self._is_missing(camera, frame.stamp, record.side, side, hand):
                continue
            pixels = camera.project(hand.points)
            found = detector.look(frame, side, pixels)
            if found is not None and not agrees(found.pixels[-1], pixels):
                detector.keep(list(range(found.count - 1)))
                found = None
            if found is None:
                self._tried[camera.name, side] = frame.stamp
            self.counters.rescued += found is not None
            self.counters.in_vain += found is None
            record = (
                _pick(found, list(range(found.count)), [*record.side, side]) if found else record
            )
        self.answers.answer(camera.name)
        return record

    def _plan_search(self, frames: dict[str, Frame]) -> None:
        """Let no view search while both hands are known, all while none is; while one is they take turns, as many at
        a time as it takes for each to have its turn in `search_period`."""
        count = self._count_searches(max(f.stamp for f in frames.values()))
        order = sorted(frames, key=lambda n: -self.detectors[n].waited(frames[n].stamp))
        for place, name in enumerate(order):
            self.detectors[name].search = place < count

    def _count_searches(self, stamp: int) -> int:
        views = len(self.detectors)
        settings = next(iter(self.detectors.values())).settings
        passed = 0 if self._newest is None else max(stamp - self._newest, 0)
        self._newest = stamp
        if len(self._hands) >= min(settings.max_hands, len(SIDES)):
            return 0
        return math.ceil(views * passed / settings.search_period) if self._hands else views


def _pick(record: HandLandmarks, kept: list[int], sides: list[Side]) -> HandLandmarks:
    """Return a record of some of the hands with sides given anew."""
    return replace(
        record,
        side=np.array(sides, np.uint8),
        score=record.score[kept],
        pixels=record.pixels[kept],
        world=record.world[kept],
        visibility=record.visibility[kept],
    )
