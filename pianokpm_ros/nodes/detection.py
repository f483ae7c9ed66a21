"""The parameters of hand detection, which two nodes share, and what they make."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pianokpm_ros.geometry.camera import name_optical_frame
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.hands.detector import HandDetector
from pianokpm_ros.hands.mediapipe_detector import COMPLEXITY, MediaPipeDetector
from pianokpm_ros.hands.workers import LandmarkWorkers
from pianokpm_ros.nodes.parameters import Parameter

if TYPE_CHECKING:
    from pianokpm_ros.hands.guided_workers import GuidedWorkers

DETECTORS = ('guided', 'regions', 'mediapipe')
HAND_PARAMETERS = (
    Parameter(
        'detector',
        'guided',
        "regions: MediaPipe's models on regions that follow the hands; guided: calibrated views of one "
        'process help each other too; mediapipe: its own graph, half as fast',
        choices=DETECTORS,
    ),
    Parameter('hand_model', 'full', "MediaPipe's landmark model", choices=tuple(COMPLEXITY)),
    Parameter('max_hands', 2, 'most hands in one picture', 1, 8),
    Parameter('min_detection', 0.5, 'least score of a palm', 0.0, 1.0),
    Parameter('min_tracking', 0.5, 'least hand presence to go on tracking', 0.0, 1.0),
)


def make_workers(
    settings: dict[str, Any], cameras: Sequence[str], rig: Rig | None
) -> 'LandmarkWorkers | GuidedWorkers':
    """Make what finds hands in sets of frames of some cameras."""
    if settings['detector'] != 'guided' or rig is None or len(cameras) < 2:
        return LandmarkWorkers(choose_detector(settings), cameras)
    # Here and not above: whoever chose MediaPipe's own graph need not have LiteRT.
    from pianokpm_ros.hands.engine import HandEngine
    from pianokpm_ros.hands.guided_workers import GuidedWorkers

    engine = HandEngine(settings['hand_model'])
    return GuidedWorkers(rig.select(tuple(cameras)), engine, _region_settings(settings))


def choose_detector(settings: dict[str, Any]) -> Callable[[str], HandDetector]:
    """Return what makes the detector of one camera."""
    if settings['detector'] == 'mediapipe':
        return lambda camera: _make_mediapipe(camera, settings)
    from pianokpm_ros.hands.engine import HandEngine
    from pianokpm_ros.hands.region_detector import RegionDetector

    engine, limits = HandEngine(settings['hand_model']), _region_settings(settings)
    return lambda camera: RegionDetector(camera, name_optical_frame(camera), engine, limits)


def _make_mediapipe(camera: str, settings: dict[str, Any]) -> HandDetector:
    return MediaPipeDetector(
        camera,
        name_optical_frame(camera),
        settings['hand_model'],
        settings['max_hands'],
        settings['min_detection'],
        settings['min_tracking'],
    )


def _region_settings(settings: dict[str, Any]) -> Any:
    from pianokpm_ros.hands.region_detector import RegionSettings

    return RegionSettings(
        settings['max_hands'], settings['min_detection'], settings['min_tracking']
    )
