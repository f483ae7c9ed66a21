"""Choose what finds hands: the same for the node graph and for estimation without it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pianokpm_ros.geometry.camera import name_optical_frame
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.hands.detector import HandDetector
from pianokpm_ros.hands.mediapipe_detector import COMPLEXITY, MediaPipeDetector
from pianokpm_ros.hands.workers import LandmarkWorkers

if TYPE_CHECKING:
    from pianokpm_ros.hands.guided_workers import GuidedWorkers
    from pianokpm_ros.hands.region_detector import RegionSettings

DETECTORS = {
    'guided': "MediaPipe's models on regions that follow the hands; calibrated views help each other",
    'regions': 'the same, each view alone',
    'mediapipe': "MediaPipe's own graph: each view alone, half as fast where it looks for a missing hand",
}
HAND_MODELS = tuple(COMPLEXITY)


@dataclass(frozen=True)
class HandSettings:
    """How to find hands.

    Attributes:
        detector: of `DETECTORS`.
        hand_model: `full` or `lite`.
        max_hands: most hands in one picture.
        min_detection: least score of a palm, 0..1.
        min_tracking: least hand presence to go on tracking, 0..1.
    """

    detector: str = 'guided'
    hand_model: str = 'full'
    max_hands: int = 2
    min_detection: float = 0.5
    min_tracking: float = 0.5


def make_workers(
    settings: HandSettings, cameras: Sequence[str], rig: Rig | None
) -> 'LandmarkWorkers | GuidedWorkers':
    """Make what finds hands in sets of frames of some cameras."""
    if settings.detector != 'guided' or rig is None or len(cameras) < 2:
        return LandmarkWorkers(choose_detector(settings), cameras)
    # Here and not above: whoever chose MediaPipe's own graph need not have LiteRT.
    from pianokpm_ros.hands.engine import HandEngine
    from pianokpm_ros.hands.guided_workers import GuidedWorkers

    engine = HandEngine(settings.hand_model)
    return GuidedWorkers(rig.select(tuple(cameras)), engine, _region_settings(settings))


def choose_detector(settings: HandSettings) -> Callable[[str], HandDetector]:
    """Return what makes the detector of one camera."""
    if settings.detector == 'mediapipe':
        return lambda camera: _make_mediapipe(camera, settings)
    from pianokpm_ros.hands.engine import HandEngine
    from pianokpm_ros.hands.region_detector import RegionDetector

    engine, limits = HandEngine(settings.hand_model), _region_settings(settings)
    return lambda camera: RegionDetector(camera, name_optical_frame(camera), engine, limits)


def _make_mediapipe(camera: str, settings: HandSettings) -> HandDetector:
    return MediaPipeDetector(
        camera,
        name_optical_frame(camera),
        settings.hand_model,
        settings.max_hands,
        settings.min_detection,
        settings.min_tracking,
    )


def _region_settings(settings: HandSettings) -> 'RegionSettings':
    from pianokpm_ros.hands.region_detector import RegionSettings

    return RegionSettings(settings.max_hands, settings.min_detection, settings.min_tracking)
