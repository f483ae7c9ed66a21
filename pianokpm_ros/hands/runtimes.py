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

BATCHES = (4, 2, 1)
"""Crops a call in 8 bits; by fours one takes three quarters of the time."""

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
        """Return the outputs, in the order of their names, of a (1, height, width, 3) RGB picture, 0..1."""
        self._interpreter.set_tensor(self._input, picture)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(i)[0] for i in self._outputs]


class LiteRtLandmarkModel:
    """The landmark model as MediaPipe ships it."""

    def __init__(self, content: bytes) -> None:
        self._model = LiteRtModel(content, LANDMARK_OUTPUTS)

    def look(self, crops: NDArray[np.uint8]) -> list[list[FloatArray]]:
        """Return what the model says of (N, 224, 224, 3) BGR crops, one by one: together they are no quicker."""
        return [self._model.run(self._scale(crop)[None]) for crop in crops]

    @staticmethod
    def _scale(crop: NDArray[np.uint8]) -> FloatArray:
        picture = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)
        return cv2.multiply(picture, (1 / 255, 1 / 255, 1 / 255, 0), dtype=cv2.CV_32F)


def compile_int8(path: Path, threads: int) -> dict[int, Any]:
    """Return the model that `scripts/quantize_hands.py` made for each of `BATCHES`, for so many calling threads."""
    core = _import_openvino().Core()
    options = {
        'NUM_STREAMS': threads,
        'INFERENCE_NUM_THREADS': threads,  # one a stream
        'ENABLE_CPU_PINNING': False,
        'INFERENCE_PRECISION_HINT': 'f32',  # of the layers that are not in 8 bits
    }
    compiled = {}
    try:
        for count in BATCHES:
            model = core.read_model(str(path))
            model.reshape([count, *model.inputs[0].shape[1:]])
            compiled[count] = core.compile_model(model, 'CPU', options)
    except RuntimeError as error:
        raise DetectorError(f"OpenVINO can't run {path.name}: {error}") from error
    _use_once(compiled)
    return compiled


def _use_once(compiled: dict[int, Any]) -> None:
    """Use each model in this thread, before others do.

    At its first array OpenVINO's binding looks for numpy, and a second thread that comes while it does waits for the
    first one with the GIL in its hand: both wait for ever (2026.4.0; seen on a busy machine).
    """
    size = next(iter(compiled.values())).inputs[0].shape[1:]
    Int8LandmarkModel(compiled).look(np.zeros((sum(BATCHES), *size), np.uint8))


class Int8LandmarkModel:
    """The landmark model in 8 bits, which takes bytes."""

    def __init__(self, compiled: dict[int, Any]) -> None:
        self._requests = {n: c.create_infer_request() for n, c in compiled.items()}

    def look(self, crops: NDArray[np.uint8]) -> list[list[FloatArray]]:
        """Return what the model says of (N, 224, 224, 3) BGR crops."""
        found, done = [], 0
        while done < len(crops):
            size = next(n for n in BATCHES if n <= len(crops) - done)
            request = self._requests[size]
            request.infer({0: crops[done : done + size]}, share_inputs=True)
            outputs = [
                request.get_output_tensor(i).data.copy() for i in range(len(LANDMARK_OUTPUTS))
            ]
            found += [[o[i] for o in outputs] for i in range(size)]
            done += size
        return found


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
