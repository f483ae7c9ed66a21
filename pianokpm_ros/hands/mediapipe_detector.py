"""MediaPipe's hand tracking (`solutions.hands`) for one camera."""

import os

import cv2
import numpy as np

from pianokpm_ros.anatomy import LANDMARK_COUNT, Side
from pianokpm_ros.hands.detector import DetectorError
from pianokpm_ros.records import Frame, HandLandmarks

COMPLEXITY = {'lite': 0, 'full': 1}
SIDES = {'Left': Side.RIGHT, 'Right': Side.LEFT}
"""MediaPipe names hands as in a mirror; pictures here are not mirrored."""


class MediaPipeDetector:
    """Track the hands of one camera; a second camera needs an instance of its own."""

    def __init__(
        self,
        camera: str,
        frame_id: str,
        model: str = 'full',
        max_hands: int = 2,
        min_detection: float = 0.5,
        min_tracking: float = 0.5,
        static: bool = False,
    ) -> None:
        """Load the models.

        Args:
            camera: name, for the records.
            frame_id: optical frame, for the records.
            model: `full` or `lite`.
            max_hands: how many to look for.
            min_detection: least palm score, 0..1.
            min_tracking: least hand presence to go on tracking, 0..1.
            static: look for palms in each frame anew.
        """
        if model not in COMPLEXITY:
            raise DetectorError(
                f'asked for the hand model {model!r}; there are {", ".join(COMPLEXITY)}'
            )
        self._camera, self._frame_id = camera, frame_id
        self._hands = _import_hands().Hands(
            static_image_mode=static,
            max_num_hands=max_hands,
            model_complexity=COMPLEXITY[model],
            min_detection_confidence=min_detection,
            min_tracking_confidence=min_tracking,
        )

    def detect(self, frame: Frame) -> HandLandmarks:
        """Find the hands of a frame."""
        height, width = frame.image.shape[:2]
        picture = cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)
        picture.flags.writeable = False  # lets MediaPipe take it by reference
        found = self._hands.process(picture)
        size = (width, height)
        if not found.multi_hand_landmarks:
            return HandLandmarks.empty(
                frame.stamp, self._camera, self._frame_id, size, frame.sequence
            )
        labels = [h.classification[0] for h in found.multi_handedness]
        # Landmarks are in parts of the image, where 0 is the left edge of pixel 0, half a pixel
        # before its centre.
        pixels = np.stack(
            [_stack(h.landmark)[:, :2] * size - 0.5 for h in found.multi_hand_landmarks]
        )
        world = np.stack([_stack(h.landmark) for h in found.multi_hand_world_landmarks])
        unknown = np.full((len(labels), LANDMARK_COUNT), np.nan, np.float32)
        return HandLandmarks(
            frame.stamp,
            self._camera,
            self._frame_id,
            size,
            frame.sequence,
            np.array([SIDES.get(label.label, Side.UNKNOWN) for label in labels], np.uint8),
            np.array([label.score for label in labels], np.float32),
            pixels.astype(np.float32),
            world.astype(np.float32),
            unknown,
        )

    def close(self) -> None:
        """Free the models."""
        self._hands.close()


def _stack(landmarks) -> np.ndarray:
    return np.array([(p.x, p.y, p.z) for p in landmarks], np.float64)


def _import_hands():
    os.environ.setdefault('GLOG_minloglevel', '2')
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
    try:
        import mediapipe
    except ImportError as error:
        raise DetectorError(
            f'mediapipe is missing ({error}); install it with `pip install --no-deps '
            'mediapipe==0.10.21`'
        ) from error
    if not hasattr(mediapipe, 'solutions'):
        raise DetectorError(
            f'mediapipe {mediapipe.__version__} has no `solutions`; install 0.10.21, the last that has'
        )
    return mediapipe.solutions.hands
