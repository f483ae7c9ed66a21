"""How well real MediaPipe finds the hands of a take, against the take's truth.

Letters: F frames, V views, H hands.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import FINGERTIPS, LANDMARKS, PALM, Side, Status
from pianokpm_ros.capture.multi_capture import MultiCapture
from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.hands.choice import HandSettings, make_workers
from pianokpm_ros.records import HandLandmarks, HandPose
from pianokpm_ros.takes import SIDES, Take

FloatArray = NDArray[np.floating]

SAME_HAND = 0.25
"""A detection belongs to the hand whose picture it overlaps: median distance below this part of its extent."""

FAR = 0.060
"""A hand whose landmarks are further off than this on average is in the wrong place, not just inexact [m]."""

SLIGHTLY_FAR = 0.030
"""Likewise three times as far off as hands usually are [m]."""

DETECTOR = HandSettings('mediapipe')

GROUPS = {'palm': PALM, 'fingertips': FINGERTIPS}


@dataclass
class ViewScore:
    """What was found in one view.

    Attributes:
        shown: hand-frames in which all 21 landmarks are inside the picture.
        found: of those.
        ghosts: detections that are no hand.
        errors: median distance of each hand found [px].
        pixels: distance of each landmark of each hand found, (21,) each [px].
        metres: the same at the landmarks' depth, across the line of sight, (21,) each [m].
    """

    shown: int = 0
    found: int = 0
    ghosts: int = 0
    errors: list[float] = field(default_factory=list)
    pixels: list[FloatArray] = field(default_factory=list)
    metres: list[FloatArray] = field(default_factory=list)


@dataclass
class TakeScore:
    """What was found in a take.

    Attributes:
        views: by name.
        truth: (F, 2, 21, 3) exact landmarks [m].
        errors: (F, 2, 21, 3) triangulated minus exact landmarks [m]; NaN = unknown.
        stated: (F, 2, 21) deviations that the triangulation stated [m]; likewise.
        rate: of the frames [Hz].
        name: of the take.
        status: (F, 2) what each pose was called; empty where the errors are not of poses, as `used`.
        used: (F, 2) views that the pose is made of, median of its landmarks.
    """

    views: dict[str, ViewScore]
    truth: FloatArray
    errors: FloatArray
    stated: FloatArray
    rate: float
    name: str
    status: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 2), np.uint8))
    used: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 2), np.uint8))

    @property
    def distances(self) -> FloatArray:
        """Distances after triangulation, (2 F, 21) [m]."""
        return np.linalg.norm(self.errors, axis=-1).reshape(-1, self.errors.shape[2])

    @property
    def usable(self) -> float:
        """Part of the hand-frames with a pose."""
        return float(np.isfinite(self.errors[..., 0]).any(axis=-1).mean())


def check_take(
    take: Take,
    settings: HandSettings = DETECTOR,
    report: Callable[[int, int], None] | None = None,
) -> TakeScore:
    """Run MediaPipe and the triangulation over a take; `report` is told the frame number and how many there are."""
    workers = make_workers(settings, take.rig.names, take.rig)
    capture = MultiCapture([VideoFile(n, p) for n, p in take.videos.items()])
    triangulator = HandTriangulator(take.rig)
    truth = take.performance.landmarks.astype(np.float64)
    score = _begin(take, truth)
    capture.open()
    try:
        for index, frames in enumerate(capture.read_all()):
            seen = workers.process(frames)
            for name, record in seen.items():
                _score_view(score.views[name], take.rig.camera(name), record, truth[index])
            stamp = max(f.stamp for f in frames.values())
            _score_poses(score, index, triangulator.process(FrameSet(stamp, seen)))
            if report is not None:
                report(index + 1, len(truth))
    finally:
        capture.close()
        workers.close()
    return score


def _begin(take: Take, truth: FloatArray) -> TakeScore:
    views, hands = {n: ViewScore() for n in take.rig.names}, truth.shape[:2]
    unknown, none = np.full(truth.shape, np.nan), np.zeros(hands, np.uint8)
    stated, name = unknown[..., 0].copy(), take.performance.name
    return TakeScore(views, truth, unknown, stated, take.rate, name, none, none.copy())


def _score_poses(score: TakeScore, index: int, poses: dict[Side, HandPose]) -> None:
    for hand, side in enumerate(SIDES):
        pose = poses[side]
        score.status[index, hand] = pose.status
        if pose.status >= Status.DEGRADED:
            score.errors[index, hand] = pose.landmarks - score.truth[index, hand]
            score.stated[index, hand] = pose.deviation
            score.used[index, hand] = np.median(pose.views)


def _score_view(score: ViewScore, camera, record: HandLandmarks, truth: FloatArray) -> None:
    pixels = camera.project(truth)
    inside = ((pixels >= 0) & (pixels < np.array(camera.size))).all(axis=(1, 2))
    found = {side: False for side in (Side.LEFT, Side.RIGHT)}
    for seen in record.pixels:
        distance = np.linalg.norm(pixels - seen, axis=2)
        middle = np.median(distance, axis=1)
        hand = int(np.argmin(middle))
        if middle[hand] > SAME_HAND * np.ptp(pixels[hand], axis=0).max():
            score.ghosts += 1
            continue
        if not found[SIDES[hand]] and inside[hand]:
            found[SIDES[hand]] = True
            score.errors.append(float(middle[hand]))
            score.pixels.append(distance[hand])
            depth = camera.transform(truth[hand])[:, 2]
            score.metres.append(distance[hand] * depth / camera.focal)
    score.shown += int(inside.sum())
    score.found += sum(found.values())


def join_scores(scores: Sequence[TakeScore]) -> TakeScore:
    """Put the scores of several takes together, as far as tables need them."""
    views: dict[str, ViewScore] = {}
    for score in scores:
        for name, view in score.views.items():
            whole = views.setdefault(name, ViewScore())
            for f in fields(ViewScore):
                setattr(whole, f.name, getattr(whole, f.name) + getattr(view, f.name))
    truth, errors, stated, status, used = (
        np.concatenate([getattr(s, n) for s in scores])
        for n in ('truth', 'errors', 'stated', 'status', 'used')
    )
    names = ', '.join(s.name for s in scores)
    return TakeScore(views, truth, errors, stated, scores[0].rate, names, status, used)


def describe_landmarks(score: TakeScore) -> list[str]:
    """Return a table of each landmark: median error in each view, and in space."""
    names = [n for n, v in score.views.items() if v.pixels]
    lines = [
        'median error by landmark: in each view [px; mm across the line of sight], and triangulated [mm]',
        f'{"":12}' + ''.join(f'{n:>14}' for n in names) + f'{"in space":>12}{"p90":>8}',
    ]
    for mark, label in enumerate(LANDMARKS):
        cells = ''
        for name in names:
            view = score.views[name]
            pixels = np.median([row[mark] for row in view.pixels])
            metres = np.median([row[mark] for row in view.metres])
            cells += f'{pixels:7.1f};{1e3 * metres:6.1f}'
        own = 1e3 * score.distances[:, mark]
        middle, high = np.nanpercentile(own, (50, 90)) if np.isfinite(own).any() else (np.nan,) * 2
        lines.append(f'{label:12}{cells}{middle:12.1f}{high:8.1f}')
    return lines


def describe_score(score: TakeScore) -> list[str]:
    """Return the lines of a table."""
    lines = ['view    hands shown  found   ghosts  median px  p90 px']
    for name, view in score.views.items():
        median, high = np.percentile(view.errors or [np.nan], (50, 90))
        share = view.found / view.shown if view.shown else np.nan
        lines.append(
            f'{name:8}{view.shown:11d}{share:7.1%}{view.ghosts:9d}{median:11.1f}{high:8.1f}'
        )
    lines.append(f'triangulated: {score.usable:.1%} of hand-frames usable')
    for name, marks in (('all', range(21)), *GROUPS.items()):
        part = 1e3 * score.distances[:, list(marks)]
        middle, high = np.nanpercentile(part, (50, 90)) if part.size else (np.nan, np.nan)
        lines.append(f'  {name:12} median {middle:5.1f} mm, p90 {high:5.1f} mm')
    return lines


def describe_status(score: TakeScore) -> list[str]:
    """Return a table of how exact poses of each status are, and how true what they state of themselves."""
    mean = np.linalg.norm(score.errors, axis=-1).mean(axis=-1)
    lines = ['hands called  share  mean mm  p95 mm  over 30 mm  found mm an axis  stated mm']
    for words, rows in (
        ('OK', score.status == Status.OK),
        ('DEGRADED', score.status == Status.DEGRADED),
        ('all', np.isfinite(mean)),
    ):
        if not rows.any():
            continue
        found = np.sqrt(np.nanmean(score.errors[rows] ** 2))
        stated = np.sqrt(np.nanmean(score.stated[rows] ** 2))
        average, high = np.nanmean(mean[rows]), np.nanpercentile(mean[rows], 95)
        lines.append(
            f'{words:12}{rows.mean():7.1%}{1e3 * average:9.1f}{1e3 * high:8.1f}'
            f'{(mean[rows] > SLIGHTLY_FAR).sum():12d}{1e3 * found:18.1f}{1e3 * stated:11.1f}'
        )
    return lines


def describe_far(score: TakeScore) -> list[str]:
    """Return a table of the hands in a wrong place: of which hand, from how many views, and what they were called."""
    shown = np.isfinite(score.truth[..., 0]).all(axis=-1)
    mean = np.linalg.norm(score.errors, axis=-1).mean(axis=-1)
    lines = [
        f'hands whose landmarks are more than {1e3 * FAR:.0f} mm off on average, by the views they are made of',
        'hand   views  hand-frames  too far      share  called OK  DEGRADED   INVALID (no place stated)',
    ]
    for hand, side in enumerate(SIDES):
        for count in np.unique(score.used[shown[:, hand], hand]).tolist():
            rows = shown[:, hand] & (score.used[:, hand] == count)
            far, status = rows & (mean[:, hand] > FAR), score.status[:, hand]
            lines.append(
                f'{side.name.lower():7}{count:5d}{rows.sum():13d}{far.sum():9d}{far.sum() / rows.sum():11.1%}'
                f'{(status[far] == Status.OK).sum():11d}{(status[far] == Status.DEGRADED).sum():10d}'
                f'{(status[rows] == Status.INVALID).sum():10d}'
            )
    return lines
