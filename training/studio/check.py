"""How well real MediaPipe finds the hands of a take, against the take's truth.

Letters: F frames, V views, H hands.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import FINGERTIPS, PALM, Side, Status
from pianokpm_ros.capture.multi_capture import MultiCapture
from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.hands.mediapipe_detector import MediaPipeDetector
from pianokpm_ros.hands.workers import LandmarkWorkers
from pianokpm_ros.records import HandLandmarks
from pianokpm_ros.takes import SIDES, Take

FloatArray = NDArray[np.floating]

SAME_HAND = 0.25
"""A detection belongs to the hand whose picture it overlaps: median distance below this part of its extent."""

GROUPS = {'palm': PALM, 'fingertips': FINGERTIPS}


@dataclass
class ViewScore:
    """What was found in one view.

    Attributes:
        shown: hand-frames in which all 21 landmarks are inside the picture.
        found: of those.
        ghosts: detections that are no hand.
        errors: median distance of each hand found [px].
    """

    shown: int = 0
    found: int = 0
    ghosts: int = 0
    errors: list[float] = field(default_factory=list)


@dataclass
class TakeScore:
    """What was found in a take: by view, and the distances after triangulation [m] as (N, 21) rows."""

    views: dict[str, ViewScore]
    distances: FloatArray
    usable: float


def check_take(
    take: Take, model: str = 'full', report: Callable[[int, int], None] | None = None
) -> TakeScore:
    """Run MediaPipe and the triangulation over a take; `report` is told the frame number and how many there are."""
    frames_of_ids = {c.name: c.frame_id for c in take.rig.cameras}
    workers = LandmarkWorkers(
        lambda name: MediaPipeDetector(name, frames_of_ids[name], model), take.rig.names
    )
    capture = MultiCapture([VideoFile(n, p) for n, p in take.videos.items()])
    triangulator = HandTriangulator(take.rig)
    score = TakeScore({n: ViewScore() for n in take.rig.names}, np.zeros((0, 21)), np.nan)
    rows, usable, count = [], 0, len(take.performance.stamp)
    capture.open()
    try:
        for index, frames in enumerate(capture.read_all()):
            truth = take.performance.landmarks[index]
            seen = workers.process(frames)
            for name, record in seen.items():
                _score_view(score.views[name], take.rig.camera(name), record, truth)
            stamp = max(f.stamp for f in frames.values())
            poses = triangulator.process(FrameSet(stamp, seen))
            for hand, side in enumerate(SIDES):
                pose = poses[side]
                usable += pose.status >= Status.DEGRADED
                rows.append(np.linalg.norm(pose.landmarks - truth[hand], axis=1))
            if report is not None:
                report(index + 1, count)
    finally:
        capture.close()
        workers.close()
    score.distances, score.usable = np.array(rows), usable / max(1, len(rows))
    return score


def _score_view(score: ViewScore, camera, record: HandLandmarks, truth: FloatArray) -> None:
    pixels = camera.project(truth)
    inside = ((pixels >= 0) & (pixels < np.array(camera.size))).all(axis=(1, 2))
    found = {side: False for side in (Side.LEFT, Side.RIGHT)}
    for seen in record.pixels:
        distance = np.median(np.linalg.norm(pixels - seen, axis=2), axis=1)
        hand = int(np.argmin(distance))
        if distance[hand] > SAME_HAND * np.ptp(pixels[hand], axis=0).max():
            score.ghosts += 1
            continue
        if not found[SIDES[hand]] and inside[hand]:
            found[SIDES[hand]] = True
            score.errors.append(float(distance[hand]))
    score.shown += int(inside.sum())
    score.found += sum(found.values())


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
