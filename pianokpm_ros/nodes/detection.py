"""The parameters of hand detection, which two nodes share."""

from collections.abc import Callable
from typing import Any

from pianokpm_ros.geometry.camera import name_optical_frame
from pianokpm_ros.hands.detector import HandDetector
from pianokpm_ros.hands.mediapipe_detector import COMPLEXITY, MediaPipeDetector
from pianokpm_ros.nodes.parameters import Parameter

DETECTORS = ('regions', 'mediapipe')
HAND_PARAMETERS = (
    Parameter(
        'detector',
        'regions',
        "what finds hands: MediaPipe's models on regions that follow them, or its own graph, which takes longer",
        choices=DETECTORS,
    ),
    Parameter('hand_model', 'full', "MediaPipe's landmark model", choices=tuple(COMPLEXITY)),
    Parameter('max_hands', 2, 'most hands in one picture', 1, 8),
    Parameter('min_detection', 0.5, 'least score of a palm', 0.0, 1.0),
    Parameter('min_tracking', 0.5, 'least hand presence to go on tracking', 0.0, 1.0),
)


def choose_detector(settings: dict[str, Any]) -> Callable[[str], HandDetector]:
    """Return what makes the detector of a camera as the parameters say."""
    if settings['detector'] == 'mediapipe':
        return lambda camera: _make_mediapipe(camera, settings)
    return _share_engine(settings)


def _make_mediapipe(camera: str, settings: dict[str, Any]) -> HandDetector:
    return MediaPipeDetector(
        camera,
        name_optical_frame(camera),
        settings['hand_model'],
        settings['max_hands'],
        settings['min_detection'],
        settings['min_tracking'],
    )


def _share_engine(settings: dict[str, Any]) -> Callable[[str], HandDetector]:
    # Here and not above: whoever chose MediaPipe's own graph need not have LiteRT.
    from pianokpm_ros.hands.engine import HandEngine
    from pianokpm_ros.hands.region_detector import RegionDetector, RegionSettings

    engine = HandEngine(settings['hand_model'])
    limits = RegionSettings(
        settings['max_hands'], settings['min_detection'], settings['min_tracking']
    )
    return lambda camera: RegionDetector(camera, name_optical_frame(camera), engine, limits)
