"""What runs MediaPipe's models: LiteRT as they are, OpenVINO the landmark model in 8 bits.

LiteRT was chosen by measurement (`make bench-vision` prints it) among the runtimes that read the models: on
a processor without AMX it is as fast as any and has the smallest wheel. In 8 bits OpenVINO is the fastest by far.
A model must not be called by two threads at once.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.hands.detector import DetectorError

FloatArray = NDArray[np.floating]

LANDMARK_OUTPUTS = (63, 1, 1, 63)
"""Numbers of the landmark model's outputs, in the order of their names."""


class LiteRtModel:
    """One interpreter."""

    def __init__(self, content: bytes, sizes: tuple[int, ...]) -> None:
        make = _import_interpreter()
        try:
            self._interpreter = make(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise DetectorError(f"LiteRT can't read the hand models: {error}") from error
        self._input = self._interpreter.get_input_details()[0]['index']
        outputs = sorted(self._interpreter.get_output_details(), key=lambda o: o['name'])
        self._outputs = [o['index'] for o in outputs]
        found = tuple(int(np.prod(o['shape'])) for o in outputs)
        if found != sizes:
            raise DetectorError(
                f"asked for MediaPipe's hand models, whose outputs have {sizes} numbers; found {found}: "
                'give another hand_task'
            )

    def run(self, picture: FloatArray) -> list[FloatArray]:
        """Return the outputs in the order of their names."""
        self._interpreter.set_tensor(self._input, picture)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(i)[0] for i in self._outputs]


class LiteRtLandmarkModel:
    """The landmark model as MediaPipe ships it."""

    def __init__(self, content: bytes) -> None:
        self._model = LiteRtModel(content, LANDMARK_OUTPUTS)

    def look(self, crop: NDArray[np.uint8]) -> list[FloatArray]:
        """Return what the model says of a (224, 224, 3) BGR crop."""
        picture = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)
        tensor = cv2.multiply(picture, (1 / 255, 1 / 255, 1 / 255, 0), dtype=cv2.CV_32F)
        return self._model.run(tensor[None])


class Int8LandmarkModel:
    """The landmark model that `scripts/quantize_hands.py` made; it takes bytes."""

    def __init__(self, path: Path) -> None:
        options = {
            'INFERENCE_NUM_THREADS': 1,
            'ENABLE_CPU_PINNING': False,
            'INFERENCE_PRECISION_HINT': 'f32',  # of the layers that are not in 8 bits
        }
        try:
            compiled = _import_openvino().Core().compile_model(str(path), 'CPU', options)
        except RuntimeError as error:
            raise DetectorError(f"OpenVINO can't run {path.name}: {error}") from error
        self._request = compiled.create_infer_request()
        self._count = len(compiled.outputs)

    def look(self, crop: NDArray[np.uint8]) -> list[FloatArray]:
        """Return what the model says of a (224, 224, 3) BGR crop."""
        self._request.infer({0: crop[None]}, share_inputs=True)
        return [self._request.get_output_tensor(i).data[0].copy() for i in range(self._count)]


def _import_interpreter() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise DetectorError(
            f'LiteRT is missing ({error}); install it with `pip install --no-deps '
            'ai-edge-litert==1.4.0`, or choose the detector `mediapipe`'
        ) from error
    return Interpreter


def _import_openvino() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise DetectorError(
            f'the hand engine int8 needs OpenVINO, which is missing ({error}); install it with '
            '`pip install --no-deps openvino==2026.4.0`, or choose the hand engine litert'
        ) from error
    return openvino
