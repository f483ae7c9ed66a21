"""A picture of the frames whose hands are furthest from the truth: truth green, estimate red."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pianokpm_ros.anatomy import BONES
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.geometry.synchronizer import FrameSet
from pianokpm_ros.takes import Take

from .studio import errors_of, track, truth_at

APART = 15
"""Frames between two that are shown: neighbours look alike."""

GREEN, RED = (80, 220, 80), (60, 60, 255)


def draw_worst(
    take: Take, frames: Sequence[dict], sets: Sequence[FrameSet], path: Path, count: int = 4
) -> None:
    """Write the picture: a row for each frame, two views in it."""
    poses, _ = track(take.rig, sets)
    mean = np.nan_to_num(np.nanmean(errors_of(take, poses), axis=(1, 2)))
    chosen: list[int] = []
    for index in np.argsort(-mean):
        if all(abs(index - c) > APART for c in chosen):
            chosen.append(int(index))
    rows = [
        np.hstack([_draw(take, frames[i][n], poses[i], mean[i]) for n in take.rig.names[:2]])
        for i in chosen[:count]
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.vstack(rows))


def _draw(take: Take, frame, pair: dict, error: float) -> np.ndarray:
    image, camera = frame.image.copy(), take.rig.camera(frame.camera)
    for hand in truth_at(take, frame.stamp):
        _draw_hand(image, camera.project(hand), GREEN)
    for side in SIDES:
        _draw_hand(image, camera.project(pair[side].landmarks), RED)
    words = f'{frame.camera}  {frame.stamp / 1e9:.2f} s  mean {error:.1f} mm'
    cv2.putText(
        image, words, (10, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA
    )
    return image


def _draw_hand(image: np.ndarray, pixels: np.ndarray, colour: tuple) -> None:
    for a, b in BONES:
        if np.isfinite(pixels[[a, b]]).all():
            ends = [tuple(np.round(p).astype(int).tolist()) for p in pixels[[a, b]]]
            cv2.line(image, *ends, colour, 1, cv2.LINE_AA)
