"""Choose what finds hands: the same for the node graph and for estimation without it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pianokpm_ros.geometry.camera import name_optical_frame
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.hands.detector import DetectorError, HandDetector, Tracking
from pianokpm_ros.hands.mediapipe_detector import COMPLEXITY, MediaPipeDetector, has_solutions
from pianokpm_ros.hands.runtime_choice import AUTO, pick_runtime
from pianokpm_ros.hands.task_bundle import load_bundle
from pianokpm_ros.hands.task_detector import TaskDetector
from pianokpm_ros.hands.workers import LandmarkWorkers

if TYPE_CHECKING:
    from pianokpm_ros.hands.engine import HandEngine
    from pianokpm_ros.hands.guided_workers import GuidedWorkers
    from pianokpm_ros.hands.region_detector import RegionSettings
    from pianokpm_ros.hands.turn_workers import TurnWorkers

logger = logging.getLogger(__name__)

DETECTORS = {
    'guided': "MediaPipe's models on regions that follow the hands; calibrated views help each other",
    'regions': 'the same, each view alone',
    'mediapipe': "MediaPipe's own graph: each view alone, half as fast where it looks for a missing hand",
    'tasks': 'its successor, the Tasks API, which is all that MediaPipe after 0.10.21 has',
}
HAND_MODELS = tuple(COMPLEXITY)

MAX_LOOKS = 9
"""At one hand in one picture."""


@dataclass(frozen=True)
class HandSettings:
    """How to find hands.

    Attributes:
        detector: of `DETECTORS`.
        hand_model: `full` or `lite`.
        max_hands: most hands in one picture.
        min_detection: least score of a palm, 0..1.
        min_tracking: least hand presence to go on tracking, 0..1.
        hand_task: file of the models: a `hand_landmarker.task` or a mediapipe 0.10 wheel; empty =
            those of the installed wheel.
        hand_engine: what the fast detectors `guided` and `regions` run the landmark model with, of
            `runtime_choice.HAND_ENGINES`.
        take_turns: look at half of the views of each moment (`turn_workers`).
        looks: at each hand in each picture, whose mean is taken (`looks`); of the fast detectors.
    """

    detector: str = 'guided'
    hand_model: str = 'full'
    max_hands: int = 2
    min_detection: float = 0.5
    min_tracking: float = 0.5
    hand_task: str = ''
    hand_engine: str = AUTO
    take_turns: bool = False
    looks: int = 1


def make_workers(
    settings: HandSettings, cameras: Sequence[str], rig: Rig | None
) -> 'LandmarkWorkers | GuidedWorkers | TurnWorkers':
    """Make what finds hands in sets of frames of some cameras."""
    if settings.take_turns:
        return _make_turns(settings, cameras, rig)
    if settings.detector != 'guided' or rig is None or len(cameras) < 2:
        return LandmarkWorkers(choose_detector(settings), cameras)
    from pianokpm_ros.hands.guided_workers import GuidedWorkers

    rig = rig.select(tuple(cameras))
    return GuidedWorkers(rig, _make_engine(settings), _region_settings(settings))


def _make_turns(settings: HandSettings, cameras: Sequence[str], rig: Rig | None) -> 'TurnWorkers':
    from pianokpm_ros.hands.turn_workers import LEAST_VIEWS, TurnWorkers

    if settings.detector != 'guided' or rig is None or len(cameras) < LEAST_VIEWS:
        raise DetectorError(
            f'take_turns needs the detector guided and {LEAST_VIEWS} calibrated cameras; found the detector '
            f'{settings.detector} and {len(cameras)} cameras{"" if rig else " without a rig file"}'
        )
    return TurnWorkers(make_workers(replace(settings, take_turns=False), cameras, rig))


def choose_detector(settings: HandSettings) -> Callable[[str], HandDetector]:
    """Return what makes the detector of one camera."""
    if settings.take_turns:
        raise DetectorError(
            'take_turns needs all cameras in one process: find the hands in capture_node'
        )
    if settings.detector in ('mediapipe', 'tasks') and settings.hand_engine not in (
        AUTO,
        'litert',
    ):
        raise DetectorError(
            f'asked for the hand engine {settings.hand_engine} with the detector {settings.detector}, which brings '
            'its own; choose the detector guided or regions'
        )
    if settings.detector in ('mediapipe', 'tasks') and settings.looks != 1:
        raise DetectorError(
            f'asked for {settings.looks} looks at each hand with the detector {settings.detector}, which looks once; '
            'choose the detector guided or regions'
        )
    if settings.detector == 'mediapipe' and not _lacks_solutions(settings):
        return lambda camera: MediaPipeDetector(
            camera, name_optical_frame(camera), settings.hand_model, _tracking(settings)
        )
    if settings.detector in ('mediapipe', 'tasks'):
        bundle = load_bundle(settings.hand_task, settings.hand_model)
        return lambda camera: TaskDetector(
            camera, name_optical_frame(camera), bundle, _tracking(settings)
        )
    from pianokpm_ros.hands.region_detector import RegionDetector

    engine = _make_engine(settings)
    limits = _region_settings(settings)
    return lambda camera: RegionDetector(camera, name_optical_frame(camera), engine, limits)


def _make_engine(settings: HandSettings) -> 'HandEngine':
    # Here and not above: whoever chose MediaPipe's own graph need not have LiteRT.
    from pianokpm_ros.hands.engine import HandEngine

    task = settings.hand_task
    runtime = pick_runtime(settings.hand_engine, own_models=bool(task))
    return HandEngine(settings.hand_model, task=task, runtime=runtime)


def _lacks_solutions(settings: HandSettings) -> bool:
    """Tell of a MediaPipe, or a model file, that only the Tasks API works with."""
    if settings.hand_task:
        logger.info('hand_task %s: the Tasks API is used, which reads it', settings.hand_task)
        return True
    if has_solutions():
        return False
    logger.warning('this MediaPipe has no `solutions` any more: its Tasks API is used instead')
    return True


def _tracking(settings: HandSettings) -> Tracking:
    return Tracking(settings.max_hands, settings.min_detection, settings.min_tracking)


def _region_settings(settings: HandSettings) -> 'RegionSettings':
    from pianokpm_ros.hands.region_detector import RegionSettings

    return RegionSettings(
        settings.max_hands, settings.min_detection, settings.min_tracking, looks=settings.looks
    )
