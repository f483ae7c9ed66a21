"""Made-up boards before made-up cameras."""

import cv2
import numpy as np
import pytest

from pianokpm_ros.geometry.calibration.board import Board, BoardView
from pianokpm_ros.geometry.calibration.observations import Sighting
from pianokpm_ros.geometry.camera import Camera

PERIOD = 33_333_333


def look_at(
    name,
    place,
    target=(0.0, 0.0, 0.0),
    focal=900.0,
    size=(1280, 720),
    distortion=(),
    model='pinhole',
):
    """Make a camera at `place` [m] that looks at `target`, z up."""
    forward = np.subtract(target, place)
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    matrix = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])
    distortion = np.array(distortion or [0.0] * (4 if model == 'fisheye' else 5))
    return Camera(name, size, matrix, distortion, rotation, -rotation @ np.asarray(place), model)


def make_cameras(model='pinhole', focals=(900.0, 850.0, 950.0)):
    mild = (0.05, -0.02, 0.0, 0.0) if model == 'fisheye' else (-0.2, 0.08, 5e-4, -5e-4, 0.0)
    places = ((0.0, -0.9, 0.5), (-0.8, -0.5, 0.5), (0.7, -0.6, 0.6))
    return [
        look_at(n, p, focal=f, distortion=mild, model=model)
        for n, p, f in zip(('front', 'left', 'right'), places, focals, strict=True)
    ]


def move_board(time):
    """Return rotation and place of the board's middle at a time [s]: waved about, tilted, within reach."""
    turn = np.array(
        [0.6 * np.sin(1.1 * time) + 0.9, 0.6 * np.sin(0.7 * time + 1), 0.5 * np.sin(0.9 * time)]
    )
    place = np.array(
        [0.22 * np.sin(0.8 * time), 0.15 * np.sin(0.5 * time + 2), 0.12 * np.sin(1.3 * time)]
    )
    return cv2.Rodrigues(turn)[0], place


def see(board, camera, time, noise, rng):
    rotation, place = move_board(time)
    points = (board.points - board.points.mean(axis=0)) @ rotation.T + place
    pixels = camera.project(points) + rng.normal(0, noise, (len(points), 2))
    inside = (
        np.isfinite(pixels).all(axis=1)
        & (pixels >= 0).all(axis=1)
        & (pixels < camera.size).all(axis=1)
    )
    ids = np.flatnonzero(inside)
    return BoardView(ids, pixels[ids], 10) if len(ids) > 8 else None


def film(board, cameras, count=120, noise=0.2, late=None, seed=0):
    """Film a waved board; `late` [s]: how much later than its stamps a camera sees the world."""
    rng, sightings = np.random.default_rng(seed), {}
    for camera in cameras:
        seen = [
            (i, see(board, camera, i * 0.0333333 + (late or {}).get(camera.name, 0.0), noise, rng))
            for i in range(count)
        ]
        sightings[camera.name] = [
            Sighting(camera.name, i * PERIOD, v) for i, v in seen if v is not None
        ]
    return sightings


@pytest.fixture(scope='session')
def board():
    return Board(7, 5, 0.035)
