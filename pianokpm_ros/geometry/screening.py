"""Landmarks that no camera can have seen become NaN before they reach any computation."""

from dataclasses import replace

import numpy as np

from pianokpm_ros.records import HandLandmarks

OUTSIDE = 1.0
"""How far outside the picture a landmark may be, in parts of its size: detectors complete hands at the border."""

HAND_REACH = 0.5
"""Largest distance of a landmark from the middle of its hand [m], generously."""


def screen_landmarks(record: HandLandmarks) -> HandLandmarks:
    """Return a record in which every number is possible: pixels near the picture, a hand's size, scores 0..1."""
    if not record.count:
        return record
    size = np.array(record.size, np.float64)
    with np.errstate(invalid='ignore'):
        near = (record.pixels >= -OUTSIDE * size) & (record.pixels <= (1 + OUTSIDE) * size)
        small = np.abs(record.world) <= HAND_REACH
    return replace(
        record,
        score=np.clip(np.nan_to_num(record.score, nan=0.0), 0.0, 1.0),
        pixels=np.where(near.all(axis=-1, keepdims=True), record.pixels, np.nan),
        world=np.where(small.all(axis=-1, keepdims=True), record.world, np.nan),
    )
