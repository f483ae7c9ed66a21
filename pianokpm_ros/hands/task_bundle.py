"""The model file of MediaPipe's Tasks API: the user's own, or put together from the models of a 0.10 wheel.

A `hand_landmarker.task` is a ZIP that holds both models uncompressed, so that they can be used where they lie. The
models of the 0.10 wheels, but for the lite palm detector, carry the metadata that the Tasks API asks for (normalisation
of the picture, names of the sides): nothing has to be added to them.
"""

import io
import struct
import zipfile
from pathlib import Path

from pianokpm_ros.hands.detector import DetectorError
from pianokpm_ros.hands.model_files import (
    LANDMARK_FILES,
    PALM_FILES,
    find_landmark_model,
    find_palm_model,
    pick_file,
)

PALM_ENTRY, LANDMARK_ENTRY = 'hand_detector.tflite', 'hand_landmarks_detector.tflite'

ALIGNMENT = 16
"""XNNPACK wants its weights at such addresses [bytes]; unaligned models are copied once more."""

LOCAL_HEADER = 30
"""Of a ZIP entry, before its name [bytes]."""

PADDING = 0xD935
"""Number of the ZIP extra field that means padding (zipalign's)."""

FLATBUFFER = b'TFL3'
"""What a TensorFlow Lite model has at byte 4."""

HOW = (
    'give a hand_landmarker.task, or a mediapipe 0.10 wheel (`pip download --no-deps mediapipe==0.10.21`), '
    'whose models are taken out of it'
)


def load_bundle(file: Path | str | None, model: str = 'full') -> bytes:
    """Return the bytes of a bundle.

    Args:
        file: a `.task`, or a mediapipe 0.10 wheel; None or empty = the models of the installed wheel.
        model: `full` or `lite`, of a wheel; a `.task` holds one model only.
    """
    palm, _ = load_models(file, 'full')  # the lite one says nothing of its normalisation
    _, landmark = load_models(file, model)
    return pack_bundle(palm, landmark)


def load_models(file: Path | str | None, model: str = 'full') -> tuple[bytes, bytes]:
    """Return the palm detector and the landmark model, read as `load_bundle` does."""
    if not file:
        return find_palm_model(model).read_bytes(), find_landmark_model(model).read_bytes()
    path = Path(file)
    try:
        with zipfile.ZipFile(path) as archive:
            palm, landmark = (archive.read(n) for n in _choose(archive, path, model))
    except OSError as error:
        raise DetectorError(
            f'hand_task: asked for {path}, which can not be read ({error.strerror}); {HOW}'
        ) from error
    except zipfile.BadZipFile as error:
        raise DetectorError(
            f'hand_task: {path} is no sound ZIP ({error}), so no model bundle; {HOW}'
        ) from error
    for name, data in ((PALM_ENTRY, palm), (LANDMARK_ENTRY, landmark)):
        if data[4:8] != FLATBUFFER:
            raise DetectorError(f'hand_task: {name} of {path} is no TensorFlow Lite model; {HOW}')
    return palm, landmark


def pack_bundle(palm: bytes, landmark: bytes) -> bytes:
    """Put two models into a bundle."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, 'w', zipfile.ZIP_STORED) as archive:
        for name, data in ((PALM_ENTRY, palm), (LANDMARK_ENTRY, landmark)):
            entry = zipfile.ZipInfo(name)  # its date is fixed: the same models, the same bytes
            start = target.tell() + LOCAL_HEADER + len(name) + 4
            fill = -start % ALIGNMENT
            entry.extra = struct.pack('<HH', PADDING, fill) + bytes(fill)
            archive.writestr(entry, data)
    return target.getvalue()


def _choose(archive: zipfile.ZipFile, path: Path, model: str) -> tuple[str, str]:
    names = archive.namelist()
    if PALM_ENTRY in names and LANDMARK_ENTRY in names:
        return PALM_ENTRY, LANDMARK_ENTRY
    wanted = pick_file(PALM_FILES, model), pick_file(LANDMARK_FILES, model)
    found = [next((n for n in names if Path(n).name == w), None) for w in wanted]
    if None in found:
        raise DetectorError(
            f'hand_task: asked for {PALM_ENTRY} and {LANDMARK_ENTRY}, or a wheel with {" and ".join(wanted)}; '
            f'{path} holds {", ".join(names[:5]) or "nothing"}{" ..." if len(names) > 5 else ""}; {HOW}'
        )
    return found[0], found[1]
