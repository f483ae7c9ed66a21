"""Where MediaPipe's hand models are: inside its wheel, or in a folder of the user's; in 8 bits inside this package."""

import importlib.util
from pathlib import Path

from pianokpm_ros.hands.detector import DetectorError
from pianokpm_ros.shares import find_asset

LANDMARK_FILES = {'full': 'hand_landmark_full.tflite', 'lite': 'hand_landmark_lite.tflite'}
PALM_FILES = {'full': 'palm_detection_full.tflite', 'lite': 'palm_detection_lite.tflite'}
INT8_FILES = {'full': 'landmarks_full_int8.xml', 'lite': 'landmarks_lite_int8.xml'}
FOLDERS = ('hand_landmark', 'palm_detection')


def find_landmark_model(model: str, folder: Path | str | None = None) -> Path:
    """Return the file of the landmark model `full` or `lite`."""
    return _find(pick_file(LANDMARK_FILES, model), folder)


def find_palm_model(model: str, folder: Path | str | None = None) -> Path:
    """Return the file of the palm detector `full` or `lite`."""
    return _find(pick_file(PALM_FILES, model), folder)


def find_int8_model(model: str) -> Path:
    """Return the file of the landmark model in 8 bits, which ships with the package."""
    return find_asset(f'hands/{pick_file(INT8_FILES, model)}')


def pick_file(files: dict[str, str], model: str) -> str:
    """Return the name of a model's file among those of its kind."""
    if model not in files:
        raise DetectorError(f'asked for the hand model {model!r}; there are {", ".join(files)}')
    return files[model]


def _find(name: str, folder: Path | str | None) -> Path:
    places = [Path(folder)] if folder is not None else _wheel_folders()
    for place in places:
        if (place / name).is_file():
            return place / name
    where = ', '.join(map(str, places)) or 'no mediapipe, which is not installed'
    raise DetectorError(
        f'asked for {name}, found it not in {where}; install it with '
        '`pip install --no-deps mediapipe==0.10.21` (newer ones come without), or give a '
        'hand_landmarker.task or that wheel as hand_task'
    )


def _wheel_folders() -> list[Path]:
    """Look for the wheel without importing it, which takes seconds."""
    found = importlib.util.find_spec('mediapipe')
    roots = list(found.submodule_search_locations or ()) if found else []
    return [Path(root) / 'modules' / folder for root in roots for folder in FOLDERS]
