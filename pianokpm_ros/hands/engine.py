"""MediaPipe's models on LiteRT, a few interpreters shared by all cameras of a process.

LiteRT was chosen by measurement (`make bench-vision` prints it) among the runtimes that read the
models: on a processor without AMX it is the fastest and has the smallest wheel. One interpreter a
core, one thread each: batches and threads within a crop gain nothing, idle interpreters cost memory.
"""

import os
import queue
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.hands.detector import DetectorError
from pianokpm_ros.hands.palm_detector import find_palms
from pianokpm_ros.hands.region import Region
from pianokpm_ros.hands.task_bundle import load_models

FloatArray = NDArray[np.floating]

CROP = 224
LANDMARK_OUTPUTS = (63, 1, 1, 63)
PALM_OUTPUTS = (2016 * 18, 2016)
"""Numbers of the models' outputs, in the order of their names."""


@dataclass(frozen=True, eq=False)
class FoundHand:
    """What the landmark model says of a region.

    Attributes:
        region: what it was shown.
        pixels: (21, 2) [px] of the image, MediaPipe's (0 = edge of the first pixel).
        world: (21, 3) [m], centred on the hand, axes of the optical frame.
        presence: probability that the region shows a hand, 0..1.
        right: probability that it is the person's right hand, 0..1.
        deepness: (21,) distance from the camera relative to the wrist, in crop pixels.
    """

    region: Region
    pixels: FloatArray
    world: FloatArray
    presence: float
    right: float
    deepness: FloatArray


class _Model:
    """One interpreter; `run` must not be called by two threads at once."""

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
        self._interpreter.set_tensor(self._input, picture)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(i)[0] for i in self._outputs]


class HandEngine:
    """Runs the palm detector and the landmark model; safe to share among threads."""

    def __init__(
        self, model: str = 'full', threads: int | None = None, task: Path | str | None = None
    ) -> None:
        """Load the models.

        Args:
            model: `full` or `lite`.
            threads: how many models may run at once; None = one for each core.
            task: file of the models (`task_bundle.load_models`); None = the mediapipe wheel's.
        """
        count = threads or os.cpu_count() or 1
        palm, landmark = load_models(task, model)
        self._landmark = _fill(lambda: _Model(landmark, LANDMARK_OUTPUTS), count)
        self._palm = _fill(lambda: _Model(palm, PALM_OUTPUTS), min(count, 2))

    def find_palms(
        self, image: NDArray[np.uint8], min_score: float = 0.5, count: int = 2
    ) -> list[Region]:
        """Look for hands in a whole image (BGR)."""
        model = self._palm.get()
        try:
            return find_palms(image, lambda x: _boxes_and_logits(model.run(x)), min_score, count)
        finally:
            self._palm.put(model)

    def find_landmarks(self, image: NDArray[np.uint8], region: Region) -> FoundHand:
        """Look at a region of an image (BGR)."""
        picture = cv2.cvtColor(region.cut(image, CROP), cv2.COLOR_BGR2RGB)
        tensor = cv2.multiply(picture, (1 / 255, 1 / 255, 1 / 255, 0), dtype=cv2.CV_32F)[None]
        model = self._landmark.get()
        try:
            points, presence, right, world = model.run(tensor)
        finally:
            self._landmark.put(model)
        return _place(region, points, float(presence[0]), float(right[0]), world)


def _fill(make: Callable[[], _Model], count: int) -> 'queue.SimpleQueue[_Model]':
    pool: queue.SimpleQueue[_Model] = queue.SimpleQueue()
    for _ in range(count):
        pool.put(make())
    return pool


def _boxes_and_logits(outputs: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    return outputs[0], outputs[1][:, 0]


def _place(
    region: Region, points: FloatArray, presence: float, right: float, world: FloatArray
) -> FoundHand:
    crop = np.asarray(points, np.float64).reshape(21, 3)
    matrix = region.crop_matrix(CROP)
    pixels = crop[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    turn = matrix[:, :2] / (region.size / CROP)
    metric = np.asarray(world, np.float64).reshape(21, 3).copy()
    metric[:, :2] = metric[:, :2] @ turn.T
    return FoundHand(region, pixels, metric, presence, right, crop[:, 2])


def _import_interpreter() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise DetectorError(
            f'LiteRT is missing ({error}); install it with `pip install --no-deps '
            'ai-edge-litert==1.4.0`, or choose the detector `mediapipe`'
        ) from error
    return Interpreter
