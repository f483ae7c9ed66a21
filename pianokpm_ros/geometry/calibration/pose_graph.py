"""First guess of where the cameras stand, from the moments that pairs of them share."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.geometry.calibration.board import Board, CalibrationError
from pianokpm_ros.geometry.calibration.observations import Moment, Sighting
from pianokpm_ros.geometry.camera import Camera

FloatArray = NDArray[np.floating]

MIN_SHARED = 5
"""Fewer shared moments can't outvote a wrong one."""

METRES_PER_RADIAN = 1.0
"""Weighs turns against shifts when poses are compared: a degree is 17 mm at the distance of a metre."""


def locate_board(camera: Camera, board: Board, sighting: Sighting) -> FloatArray:
    """Return the (4, 4) pose of the board in the camera's optical frame, lengths in [m]."""
    rays = camera.normalize(sighting.view.pixels)
    points = board.points[sighting.view.ids]
    found, turn, shift = cv2.solvePnP(points, rays, np.eye(3), None, flags=cv2.SOLVEPNP_IPPE)
    if not found:  # it wants four corners of which no three are in a line
        _, turn, shift = cv2.solvePnP(points, rays, np.eye(3), None)
    turn, shift = cv2.solvePnPRefineLM(points, rays, np.eye(3), None, turn, shift)
    return make_pose(cv2.Rodrigues(turn)[0], shift.ravel())


def make_pose(rotation: FloatArray, translation: FloatArray) -> FloatArray:
    """Return the (4, 4) matrix of a (3, 3) rotation and a (3,) translation [m]."""
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, translation
    return pose


def place_cameras(
    cameras: Mapping[str, Camera], board: Board, moments: Sequence[Moment]
) -> tuple[dict[str, FloatArray], list[FloatArray]]:
    """Return the (4, 4) pose from the first camera's frame to each camera's, and the boards in the first's.

    Raises:
        CalibrationError: cameras are not linked by enough shared moments.
    """
    seen = [
        {s.camera: locate_board(cameras[s.camera], board, s) for s in m.sightings} for m in moments
    ]
    links = {
        pair: _common_pose([s[pair[1]] @ np.linalg.inv(s[pair[0]]) for s in shared])
        for pair in combinations(cameras, 2)
        if len(shared := [s for s in seen if set(pair) <= set(s)]) >= MIN_SHARED
    }
    counts = {p: sum(set(p) <= set(s) for s in seen) for p in combinations(cameras, 2)}
    poses = _span(list(cameras), links, counts)
    return poses, [_board_pose(poses, s) for s in seen]


def _common_pose(candidates: Sequence[FloatArray]) -> FloatArray:
    """Return the candidate nearest to all others, which no outlier can be."""
    distance = np.array([[_pose_distance(a, b) for b in candidates] for a in candidates])
    return candidates[int(np.argmin(distance.sum(axis=1)))]


def _pose_distance(a: FloatArray, b: FloatArray) -> float:
    cosine = (np.trace(a[:3, :3].T @ b[:3, :3]) - 1) / 2
    turn = np.arccos(np.clip(cosine, -1, 1))
    return float(METRES_PER_RADIAN * turn + np.linalg.norm(a[:3, 3] - b[:3, 3]))


def _span(
    names: list[str],
    links: Mapping[tuple[str, str], FloatArray],
    counts: Mapping[tuple[str, str], int],
) -> dict[str, FloatArray]:
    """Walk from the first camera along the links that most moments support."""
    poses = {names[0]: np.eye(4)}
    while len(poses) < len(names):
        open_links = [p for p in links if (p[0] in poses) != (p[1] in poses)]
        if not open_links:
            _refuse_unlinked(names, set(poses), counts)
        a, b = max(open_links, key=lambda p: counts[p])
        link = links[a, b]
        if a in poses:
            poses[b] = link @ poses[a]
        else:
            poses[a] = np.linalg.inv(link) @ poses[b]
    return poses


def _refuse_unlinked(
    names: list[str], linked: set[str], counts: Mapping[tuple[str, str], int]
) -> None:
    alone = [n for n in names if n not in linked]
    shared = max(n for p, n in counts.items() if (p[0] in linked) != (p[1] in linked))
    raise CalibrationError(
        f"{', '.join(alone)} can't be placed beside {', '.join(sorted(linked))}: they share the board "
        f'in {shared} moments, at least {MIN_SHARED} are needed; hold it where two cameras see it at '
        'the same time, and check that the videos start together'
    )


def _board_pose(poses: Mapping[str, FloatArray], seen: Mapping[str, FloatArray]) -> FloatArray:
    return _common_pose([np.linalg.inv(poses[n]) @ board for n, board in seen.items()])
