"""A hand in space from one camera: MediaPipe's metric landmarks, placed so that they project onto what is seen."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.triangulation import UPPER

FloatArray = NDArray[np.floating]

NOMINAL_VIEW = np.deg2rad(60.0)
"""Horizontal angle of view assumed of a camera without calibration: phones and webcams have 55 to 75 degrees."""

SIDEWAYS_DEVIATION = 0.006
DEPTH_DEVIATION = 0.036
"""1 sigma across and along the line of sight [m]. Published single-view errors are 4.6-5.9 mm with the root aligned and
36 mm in absolute position (FreiHAND), nearly all of it in depth."""

MIN_LANDMARKS = 6


@dataclass(frozen=True, eq=False)
class PlacedHand:
    """A hand from one view.

    Attributes:
        landmarks: (21, 3) [m], frame of the camera's extrinsics.
        covariance: (21, 6) [m^2].
        error: (21,) [px], distance of the projected from the seen landmarks.
    """

    landmarks: FloatArray
    covariance: FloatArray
    error: FloatArray


def assume_camera(name: str, size: tuple[int, int]) -> Camera:
    """Make a camera with nominal intrinsics; its optical frame is also the frame of its poses."""
    focal = size[0] / 2 / np.tan(NOMINAL_VIEW / 2)
    matrix = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])
    return Camera(name, size, matrix)


def place_hand(camera: Camera, pixels: FloatArray, world: FloatArray) -> PlacedHand | None:
    """Place a hand by the rigid motion that projects its metric landmarks onto their pixels (SQPnP, then refined).

    Args:
        camera: calibrated, or assumed.
        pixels: (21, 2) [px], NaN = not seen.
        world: (21, 3) [m], centred on the hand.

    Returns:
        None where too little is known or the hand would be behind the camera.
    """
    rays = camera.normalize(pixels)
    known = np.isfinite(rays).all(axis=1) & np.isfinite(world).all(axis=1)
    if known.sum() < MIN_LANDMARKS:
        return None
    points, eye = np.ascontiguousarray(world[known], np.float64), np.eye(3)
    found, turn, shift = cv2.solvePnP(points, rays[known], eye, None, flags=cv2.SOLVEPNP_SQPNP)
    if not found:
        return None
    turn, shift = cv2.solvePnPRefineLM(points, rays[known], eye, None, turn, shift)
    local = np.asarray(world, np.float64) @ cv2.Rodrigues(turn)[0].T + shift[:, 0]
    if not np.isfinite(local[known]).all() or local[known, 2].min() <= 0:
        return None
    landmarks = (local - camera.translation) @ camera.rotation
    error = np.linalg.norm(camera.project(landmarks) - pixels, axis=1)
    return PlacedHand(landmarks, _covariance(camera, np.isfinite(landmarks).all(axis=1)), error)


def _covariance(camera: Camera, known: NDArray[np.bool_]) -> FloatArray:
    local = np.diag([SIDEWAYS_DEVIATION**2, SIDEWAYS_DEVIATION**2, DEPTH_DEVIATION**2])
    full = camera.rotation.T @ local @ camera.rotation
    packed = np.array([full[i, j] for i, j in UPPER])
    return np.where(known[:, None], packed, np.nan)
