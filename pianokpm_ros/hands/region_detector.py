"""Follow the hands of one camera by regions: the fast detector.

A hand's region comes from its last landmarks, or from whoever knows better (`guide`): the hand
triangulated in other views. Palms are looked for only while hands are missing, and then not in every frame.
Where the network takes a hand for its mirror image it is shown the mirror image of the picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import PALM, Side
from pianokpm_ros.geometry.mirrored import are_mirrored
from pianokpm_ros.hands.detector import HALF_PIXEL, record_hands
from pianokpm_ros.hands.engine import FoundHand, HandEngine
from pianokpm_ros.hands.looks import average_looks, vary_region
from pianokpm_ros.hands.region import Region, region_of_landmarks
from pianokpm_ros.records import Frame, HandLandmarks

FloatArray = NDArray[np.floating]

PALM_ROWS = np.array(PALM)

SAME_REGION = 0.5
"""Regions that overlap more than this show one hand (MediaPipe's association threshold)."""

SAME_HAND = 0.25
"""Palms nearer than this part of the longer side of the larger hand are one hand."""

VOTE_MEMORY = 0.9
"""A track's belief about its side is a sum of log odds that forgets a tenth a frame."""

MAX_ODDS = 4.0

SURE_ODDS = 2.0
"""With such odds it is known which hand a track is."""


@dataclass(frozen=True)
class RegionSettings:
    """When to look where.

    Attributes:
        max_hands: how many hands to look for.
        min_detection: least palm score, 0..1.
        min_presence: least presence of a hand, 0..1.
        search_period: between searches for a missing hand while another is followed [ns].
        idle_period: likewise while no hand is followed [ns].
        refine_below: a region that overlaps that of the landmarks found in it less than this is
            looked at again, better centred; 0 = never.
        looks: at each hand, each from a little elsewhere (`looks`), whose mean is taken.
    """

    max_hands: int = 2
    min_detection: float = 0.5
    min_presence: float = 0.5
    search_period: int = 150_000_000
    idle_period: int = 60_000_000
    refine_below: float = 0.5
    looks: int = 1


@dataclass
class _Track:
    """A hand that is followed, and where to look for it next."""

    hand: FoundHand
    region: Region | None
    odds: float


@dataclass
class RegionCounters:
    """What a detector did so far."""

    frames: int = 0
    searches: int = 0
    looks: int = 0
    lost: int = 0
    guided: int = 0
    doubles: int = 0
    mirrored: int = 0
    mended: int = 0


class RegionDetector:
    """Follow the hands of one camera; a second camera needs a detector of its own but may share the engine."""

    def __init__(
        self,
        camera: str,
        frame_id: str,
        engine: HandEngine,
        settings: RegionSettings | None = None,
    ) -> None:
        self.settings = settings or RegionSettings()
        self.counters = RegionCounters()
        self.search = True
        """Whether palms may be looked for; whoever guides all cameras lets one search at a time."""
        self._camera, self._frame_id, self._engine = camera, frame_id, engine
        self._tracks: list[_Track] = []
        self._guides: list[tuple[Side, FloatArray]] = []
        self._searched: int | None = None

    def guide(self, hands: Sequence[tuple[Side, FloatArray]]) -> None:
        """Say where hands are that this camera does not follow, (21, 2) [px] each as in records, for the next frame."""
        self._guides = [(side, pixels + HALF_PIXEL) for side, pixels in hands]

    def waited(self, stamp: int) -> float:
        """Return how long ago palms were last looked for [ns]; infinite if never, or if stamps went back."""
        if self._searched is None or stamp < self._searched:
            return math.inf
        return stamp - self._searched

    def next_regions(self) -> list[Region]:
        """Return where the hands that are followed will be looked for."""
        return [t.region for t in self._tracks if t.region is not None]

    def detect(self, frame: Frame, seen: Sequence[FoundHand] | None = None) -> HandLandmarks:
        """Find the hands of a frame; `seen` is what was found in `next_regions` of it, if that was looked at."""
        self.counters.frames += 1
        before = len(self._tracks)
        if seen is None:
            seen = self._engine.find_many([(frame.image, r) for r in self.next_regions()])
        self._follow(frame, seen)
        self._follow_guides(frame)
        self._search(frame, lost=len(self._tracks) < before)
        return self._record(frame)

    def look(self, frame: Frame, side: Side, pixels: FloatArray) -> HandLandmarks | None:
        """Look for one more hand, at (21, 2) [px], of a frame just detected.

        Returns:
            The frame's new record, whose last hand it is; None where it is not there.
        """
        if len(self._tracks) >= self.settings.max_hands:
            return None
        before = len(self._tracks)
        self._guides = [(side, pixels + HALF_PIXEL)]
        self._follow_guides(frame)
        return self._record(frame) if len(self._tracks) > before else None

    def keep(self, indices: Sequence[int]) -> None:
        """Follow only these hands of the last record: others showed that the rest are none, or doubles."""
        self._tracks = [self._tracks[i] for i in indices]

    def rename(self, sides: Sequence[Side]) -> None:
        """Say which hand is which, in the order of the last record; sure knowledge of several views."""
        for track, side in zip(self._tracks, sides, strict=True):
            if side is not Side.UNKNOWN:
                track.odds = MAX_ODDS if side is Side.RIGHT else -MAX_ODDS

    def close(self) -> None:
        """Let go of the engine."""
        self._tracks = []

    def _follow(self, frame: Frame, seen: Sequence[FoundHand]) -> None:
        tracks, self._tracks = self._tracks, []
        looked_at = [t for t in tracks if t.region is not None]
        self.counters.looks += len(looked_at)
        self.counters.lost += len(tracks) - len(looked_at)
        for track, first in zip(looked_at, seen, strict=True):
            found = self._judge(frame, first, track.odds)
            if found is None:
                self.counters.lost += 1
            else:
                self._add(_Track(*found, _vote(track.odds, found[0].right)))

    def _follow_guides(self, frame: Frame) -> None:
        guides, self._guides = self._guides, []
        for side, pixels in guides:
            region = region_of_landmarks(pixels)
            if region is None or len(self._tracks) >= self.settings.max_hands:
                continue
            odds = MAX_ODDS if side is Side.RIGHT else -MAX_ODDS
            found = self._look(frame, region, odds)
            if found is not None:
                self.counters.guided += self._add(_Track(*found, odds))

    def _search(self, frame: Frame, lost: bool) -> None:
        settings = self.settings
        period = settings.search_period if self._tracks else settings.idle_period
        missing = settings.max_hands - len(self._tracks)
        if missing < 1 or not (self.search and (lost or self.waited(frame.stamp) >= period)):
            return
        self._searched = frame.stamp
        self.counters.searches += 1
        known = [t.region for t in self._tracks]
        for region in self._engine.find_palms(
            frame.image, settings.min_detection, settings.max_hands
        ):
            if any(k is not None and region.overlap(k) > SAME_REGION for k in known):
                continue
            found = self._look(frame, region)
            if found is not None and len(self._tracks) < settings.max_hands:
                self._add(_Track(*found, _vote(0.0, found[0].right)))

    def _look(
        self, frame: Frame, region: Region, odds: float = 0.0
    ) -> tuple[FoundHand, Region | None] | None:
        self.counters.looks += 1
        return self._judge(frame, self._engine.find_landmarks(frame.image, region), odds)

    def _judge(
        self, frame: Frame, found: FoundHand, odds: float
    ) -> tuple[FoundHand, Region | None] | None:
        """Look once more where the hand turns out to be elsewhere in its region, or to be the other one.

        Returns:
            The hand, and the region of its landmarks; None without a hand.
        """
        if not self._is_present(found):
            return None
        better = region_of_landmarks(found.pixels)
        if better is not None and found.region.overlap(better) < self.settings.refine_below:
            self.counters.looks += 1
            found = self._engine.find_landmarks(frame.image, better)
            if not self._is_present(found):
                return None
        found = self._look_around(frame, self._unmirror(frame, found, odds), odds)
        return found, region_of_landmarks(found.pixels)

    def _is_present(self, found: FoundHand) -> bool:
        return found.presence >= self.settings.min_presence

    def _unmirror(self, frame: Frame, found: FoundHand, odds: float) -> FoundHand:
        """Show the network the mirror image if it takes a hand, known by its odds, for the other one."""
        side = _known_side(odds)
        if side is Side.UNKNOWN or not are_mirrored(found.world[np.newaxis], side)[0]:
            return found
        self.counters.mirrored += 1
        self.counters.looks += 1
        other = self._engine.find_landmarks(frame.image, found.region.flip())
        if not self._is_present(other) or are_mirrored(other.world[np.newaxis], side)[0]:
            return found
        self.counters.mended += 1
        return other

    def _look_around(self, frame: Frame, found: FoundHand, odds: float) -> FoundHand:
        """Return the mean of this look and of others around the landmarks found."""
        region = region_of_landmarks(found.pixels)
        if self.settings.looks < 2 or region is None:
            return found
        places = [(frame.image, r) for r in vary_region(region, self.settings.looks - 1)]
        self.counters.looks += len(places)
        others = [h for h in self._engine.find_many(places) if self._is_present(h)]
        return average_looks(found, others, _known_side(odds))

    def _add(self, track: _Track) -> bool:
        """Add a track unless it shows a hand that another shows; of two the one that moved less stays."""
        for i, other in enumerate(self._tracks):
            if _same_hand(track.hand, other.hand):
                self.counters.doubles += 1
                if _moved(track.hand) < _moved(other.hand):
                    self._tracks[i] = track
                return False
        self._tracks.append(track)
        return True

    def _sides(self) -> list[Side]:
        """Call the tracks: of two, the one that looks more like a right hand is it."""
        odds = [t.odds for t in self._tracks]
        if len(odds) == 2:
            right = int(odds[1] > odds[0])
            return [Side.RIGHT if i == right else Side.LEFT for i in range(2)]
        return [Side.RIGHT if o > 0 else Side.LEFT for o in odds]

    def _record(self, frame: Frame) -> HandLandmarks:
        hands = [t.hand for t in self._tracks]
        calls = list(zip(self._sides(), [h.presence for h in hands], strict=True))
        pixels, world = [h.pixels for h in hands], [h.world for h in hands]
        return record_hands(frame, self._camera, self._frame_id, calls, pixels, world)


def _known_side(odds: float) -> Side:
    if abs(odds) < SURE_ODDS:
        return Side.UNKNOWN
    return Side.RIGHT if odds > 0 else Side.LEFT


def _vote(odds: float, right: float) -> float:
    right = min(max(right, 1e-3), 1 - 1e-3)
    return VOTE_MEMORY * odds + (1 - VOTE_MEMORY) * float(np.log(right / (1 - right)))


def _palm(hand: FoundHand) -> FloatArray:
    return hand.pixels[PALM_ROWS].mean(axis=0)


def _same_hand(a: FoundHand, b: FoundHand) -> bool:
    reach = max(np.ptp(h.pixels, axis=0).max() for h in (a, b))
    return bool(np.linalg.norm(_palm(a) - _palm(b)) < SAME_HAND * reach)


def _moved(hand: FoundHand) -> float:
    """Return how far a hand is from the middle of the region that was looked at, in parts of it."""
    where = np.hypot(_palm(hand)[0] - hand.region.x, _palm(hand)[1] - hand.region.y)
    return float(where / hand.region.size)
