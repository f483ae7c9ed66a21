"""The mediapipe package, whichever version is installed, and the records that come of its results."""

import importlib
import os
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Side
from pianokpm_ros.hands.detector import DetectorError, record_hands
from pianokpm_ros.records import Frame, HandLandmarks


def import_mediapipe() -> ModuleType:
    """Import it, its chatter hushed."""
    os.environ.setdefault('GLOG_minloglevel', '2')
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
    try:
        return importlib.import_module('mediapipe')
    except ImportError as error:
        raise DetectorError(
            f'mediapipe is missing ({error}); install it with `pip install --no-deps '
            'mediapipe==0.10.21`'
        ) from error


def to_rgb(frame: Frame) -> NDArray[np.uint8]:
    """Return the picture as MediaPipe wants it."""
    return cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)


def make_record(
    frame: Frame,
    camera: str,
    frame_id: str,
    landmarks: Sequence[Any],
    world: Sequence[Any],
    calls: Sequence[tuple[Side, float]],
) -> HandLandmarks:
    """Make the record of a frame, as `record_hands`.

    Args:
        frame: that was looked at.
        camera: name.
        frame_id: optical frame.
        landmarks: of each hand 21 points with x, y in parts of the image.
        world: of each hand 21 points with x, y, z [m].
        calls: side and score of each hand.
    """
    size = frame.image.shape[1::-1]
    pixels = [_stack(hand)[:, :2] * size for hand in landmarks]
    return record_hands(frame, camera, frame_id, calls, pixels, [_stack(w) for w in world])


def _stack(points: Sequence[Any]) -> NDArray[np.float64]:
    return np.array([(p.x, p.y, p.z) for p in points], np.float64)
