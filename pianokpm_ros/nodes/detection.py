"""The parameters of hand detection, which two nodes share."""

from collections.abc import Callable
from typing import Any

from pianokpm_ros.geometry.camera import name_optical_frame
from pianokpm_ros.hands.mediapipe_detector import COMPLEXITY, MediaPipeDetector
from pianokpm_ros.nodes.parameters import Parameter

HAND_PARAMETERS = (
    Parameter('hand_model', 'full', "MediaPipe's landmark model", choices=tuple(COMPLEXITY)),
    Parameter('max_hands', 2, 'most hands in one picture', 1, 8),
    Parameter('min_detection', 0.5, 'least score of a palm', 0.0, 1.0),
    Parameter('min_tracking', 0.5, 'least hand presence to go on tracking', 0.0, 1.0),
)


def choose_detector(settings: dict[str, Any]) -> Callable[[str], MediaPipeDetector]:
    """Return what makes the detector of a camera as the parameters say."""

    def make(camera: str) -> MediaPipeDetector:
        return MediaPipeDetector(
            camera,
            name_optical_frame(camera),
            settings['hand_model'],
            settings['max_hands'],
            settings['min_detection'],
            settings['min_tracking'],
        )

    return make
