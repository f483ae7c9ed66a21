"""Both hands in space, from whatever the cameras saw at one moment."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import LANDMARK_COUNT, PALM, Side, Status
from pianokpm_ros.geometry.alignment import ViewAligner
from pianokpm_ros.geometry.association import SIDES, associate, distinct_hands
from pianokpm_ros.geometry.bones import BoneSettings
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.hand_size import USUAL, HandSize
from pianokpm_ros.geometry.hand_template import INDEX_PALM, PALM_SIZE
from pianokpm_ros.geometry.hand_views import HandViews, widen
from pianokpm_ros.geometry.lone_view import LoneView, Sight
from pianokpm_ros.geometry.mirrored import DEVIATION, KEPT
from pianokpm_ros.geometry.playing_hand import place_playing_hand
from pianokpm_ros.geometry.refiner import PoseRefiner
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.single_view import PlacedHand, assume_camera
from pianokpm_ros.geometry.smoothing import SmoothingSettings
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulation import LANDMARK_NOISE
from pianokpm_ros.geometry.view_check import ViewCheck
from pianokpm_ros.records import KEYBOARD_FRAME, HandLandmarks, HandPose

FloatArray = NDArray[np.floating]


Head = tuple[int, str, int, Side]
"""What a pose begins with: stamp [ns], frame, sequence, side."""

CONTRADICTION = 0.08
"""Of hands that two views of rendered takes put over 30 mm off 19 in 20 are beyond this, and 1 % of the others; of
real hands 0.3 to 4 %."""

CONTRADICTED = 0.025
"""1 sigma of a hand's landmarks whose views contradict each other so, one axis [m]; found on the same takes."""


@dataclass(frozen=True)
class TriangulatorSettings:
    """When a pose is called what.

    Attributes:
        landmark_noise: 1 sigma of a landmark in one view, at the hand, one axis across the line of sight [m].
        max_contradiction: 1 sigma of the landmarks, as far as the views tell, beyond which these contradict each
            other: DEGRADED [parts of the hand's length in the picture].
        min_landmarks: landmarks that two views must see; with fewer the best single view is taken:
            DEGRADED.
        max_skew: stamps further apart than this within a set: DEGRADED [ns]. A fingertip at 1 m/s
            moves 8 mm in 8 ms.
        memory: how long a hand's last place helps to tell the hands apart [ns].
        align: bring views of unsynchronised cameras to the same time by their own motion; poses are
            then at the oldest stamp of their set.
        bones: hold bone lengths learned from the poses; None = don't.
        smoothing: filter poses over time; None = don't.
    """

    landmark_noise: float = LANDMARK_NOISE
    max_contradiction: float = CONTRADICTION
    min_landmarks: int = 15
    max_skew: int = 9_000_000
    memory: int = 500_000_000
    align: bool = True
    bones: BoneSettings | None = None
    smoothing: SmoothingSettings | None = None


class HandTriangulator:
    """Turn sets of views into poses; without a rig one view at a time is placed by nominal intrinsics."""

    def __init__(self, rig: Rig | None, settings: TriangulatorSettings | None = None) -> None:
        self.rig = rig
        self.settings = settings or TriangulatorSettings()
        self._sequence = {side: 0 for side in SIDES}
        self._last: dict[Side, tuple[int, FloatArray]] = {}
        self.check = ViewCheck()
        """How far each camera disagrees with the others, for diagnostics."""
        self.size = HandSize()
        """Of the hands that several views saw, likewise."""
        self._alone = LoneView()
        self._over_keys = rig is not None and rig.frame_id == KEYBOARD_FRAME
        self._aligner = ViewAligner()
        self._newest: int | None = None
        self._refiners = {
            s: PoseRefiner(self.settings.bones, self.settings.smoothing) for s in SIDES
        }

    def process(self, frames: FrameSet) -> dict[Side, HandPose]:
        """Make a pose of each side; a hand that isn't seen is INVALID."""
        if self.settings.align:
            frames = self._align(frames)
        names = self._ordered(frames)
        cameras = [self._camera(frames.views[n]) for n in names]
        views = [frames.views[n] for n in names]
        choices = (
            associate(cameras, views, self._recent(frames.stamp), self.size.median)
            if self.rig
            else [_follow_labels(v) for v in views]
        )
        poses = {}
        for column, side in enumerate(SIDES):
            seen = [
                (c, v, choice[column])
                for c, v, choice in zip(cameras, views, choices, strict=True)
                if choice[column] >= 0
            ]
            poses[side] = self._refiners[side].refine(self._make(frames, side, seen))
        return poses

    def _align(self, frames: FrameSet) -> FrameSet:
        """Align the views, unless that would make stamps go back: a camera joined that lags the others."""
        aligned = self._aligner.align(frames)
        if self._newest is not None and aligned.stamp <= self._newest < frames.stamp:
            aligned = frames
        self._newest = aligned.stamp
        return aligned

    def _ordered(self, frames: FrameSet) -> list[str]:
        if self.rig is None:
            return sorted(frames.views)[:1]
        return [n for n in self.rig.names if n in frames.views]

    def _camera(self, view: HandLandmarks) -> Camera:
        if self.rig is None:
            return assume_camera(view.camera, view.size)
        return self.rig.camera_of_size(view.camera, view.size)

    def _palm(self) -> float:
        """Return the size of the hands [m]: as several views measured it before, else the mean."""
        index = self.size.median
        return index / INDEX_PALM if USUAL[0] <= index <= USUAL[1] else PALM_SIZE

    def _recent(self, stamp: int) -> dict[Side, FloatArray]:
        return {
            s: place
            for s, (then, place) in self._last.items()
            if 0 <= stamp - then <= self.settings.memory
        }

    def _make(self, frames: FrameSet, side: Side, seen: list[Sight]) -> HandPose:
        sequence, self._sequence[side] = self._sequence[side], self._sequence[side] + 1
        head = (frames.stamp, self._frame_id(seen, frames), sequence, side)
        hand = HandViews(side, seen, self._palm(), self.settings.landmark_noise)
        half = len(hand.sound) == 1 < len(seen)
        pose = (
            (None if half else self._from_views(frames, head, hand))
            or self._as_playing(head, hand)
            or (self._from_half(head, hand) if half else None)
            or self._from_one(head, hand)
        )
        if pose is None:
            return HandPose.invalid(*head)
        place = pose.landmarks[list(PALM)].mean(axis=0)
        # The depth of a single view is too doubtful to tell the hands apart by.
        if np.isfinite(place).all() and (pose.views >= 2).any():
            self._last[side] = (frames.stamp, place)
        return pose

    def _frame_id(self, seen: list[Sight], frames: FrameSet) -> str:
        if self.rig is not None:
            return self.rig.frame_id
        return seen[0][0].frame_id if seen else next(iter(frames.views.values())).frame_id

    def _from_views(self, frames: FrameSet, head: Head, hand: HandViews) -> HandPose | None:
        seen = hand.sound or hand.seen
        if len(seen) < 2:
            return None
        result = hand.solve()
        known = result.views >= 2
        if known.sum() < self.settings.min_landmarks:
            return None
        agree = hand.measure_contradiction() <= self.settings.max_contradiction
        sound = bool(hand.sound) and agree and frames.skew <= self.settings.max_skew
        self._judge_views(seen, result.points, known)
        if sound and self.rig is not None:
            self._alone.remember(frames.stamp, head[-1], seen, result.points)
        # Of more views than two most are right, and the solver knows which.
        if not agree and len(seen) == 2 and (playing := self._as_playing(head, hand)):
            return playing
        return _pose(
            head,
            Status.OK if sound else Status.DEGRADED,
            result.points,
            result.covariance if agree else widen(result.covariance, CONTRADICTED),
            result.error,
            result.views,
        )

    def _from_half(self, head: Head, hand: HandViews) -> HandPose | None:
        """Place a hand by the only view that did not mirror it."""
        result, kept = hand.solve_all(), list(KEPT)
        if not hand.measure_contradiction_at(kept) <= self.settings.max_contradiction:
            return None
        placed = hand.anchor(hand.sound[0])
        if placed is None:
            return None
        pose = _pose_of_one(head, placed)
        pose.reprojection_error[kept], pose.views[kept] = result.error[kept], result.views[kept]
        return pose

    def _judge_views(
        self, seen: list[Sight], points: FloatArray, known: NDArray[np.bool_]
    ) -> None:
        """Remember how far each view is from what all make of it, and the hand's size."""
        for camera, view, hand in seen:
            off = np.linalg.norm(camera.project(points) - view.pixels[hand], axis=1)
            pixels = float(np.median(off[known]))
            depth = float(np.median(camera.transform(points[known])[:, 2]))
            self.check.push(camera.name, pixels, pixels * depth / camera.focal)
        self.size.push(points)

    def _as_playing(self, head: Head, hand: HandViews) -> HandPose | None:
        """Place a hand that plays by one view, where the keyboard's place is known."""
        placed = place_playing_hand(hand.seen, head[-1]) if self._over_keys else None
        return None if placed is None else _pose_of_one(head, placed)

    def _from_one(self, head: Head, hand: HandViews) -> HandPose | None:
        """Place a hand by one view, best one that did not mirror it."""
        for sights in (hand.sound, hand.mirrored):
            for sight in sorted(sights, key=lambda s: -float(s[1].score[s[2]])):
                placed = self._alone.place(head[0], head[-1], sight, hand.palm)
                if placed is not None:
                    return _pose_of_one(
                        head, placed, DEVIATION if sights is hand.mirrored else 0.0
                    )
        return None


def _pose_of_one(head: Head, placed: PlacedHand, deviation: float = 0.0) -> HandPose:
    known = np.isfinite(placed.landmarks).all(axis=1)
    unknown = np.full(LANDMARK_COUNT, np.nan)
    views = known.astype(np.uint8)
    covariance = widen(placed.covariance, deviation)
    return _pose(head, Status.DEGRADED, placed.landmarks, covariance, unknown, views)


def _follow_labels(view: HandLandmarks) -> tuple[int, int]:
    """Call a lone view's hands by their labels; of two hands with one label the surer keeps it."""
    choice = {side: -1 for side in SIDES}
    for hand in distinct_hands(view):
        label = (
            Side(int(view.side[hand]))
            if view.side[hand] in (Side.LEFT, Side.RIGHT)
            else Side.RIGHT
        )
        other = Side.LEFT if label is Side.RIGHT else Side.RIGHT
        choice[label if choice[label] < 0 else other] = hand
    return choice[Side.LEFT], choice[Side.RIGHT]


def _pose(
    head: Head,
    status: Status,
    points: FloatArray,
    covariance: FloatArray,
    error: FloatArray,
    views: NDArray[np.uint8],
) -> HandPose:
    deviation = np.sqrt(covariance[:, [0, 3, 5]].sum(axis=1) / 3)
    floats = (a.astype(np.float32) for a in (points, deviation, covariance, error))
    return HandPose(*head, status, *floats, views)
