"""MediaPipe's models, a few of each shared by all cameras of a process.

One model a core, one thread each: threads within a crop gain little, idle models cost memory.
"""

import os
import queue
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.hands.detector import DetectorError
from pianokpm_ros.hands.model_files import find_int8_model
from pianokpm_ros.hands.palm_detector import find_palms
from pianokpm_ros.hands.region import Region
from pianokpm_ros.hands.runtime_choice import RUNTIMES
from pianokpm_ros.hands.runtimes import (
    BATCHES,
    Int8LandmarkModel,
    LiteRtLandmarkModel,
    LiteRtModel,
    compile_int8,
)
from pianokpm_ros.hands.task_bundle import load_models

FloatArray = NDArray[np.floating]
Model = TypeVar('Model')

CROP = 224
PALM_OUTPUTS = (2016 * 18, 2016)
"""Numbers of the palm detector's outputs, in the order of their names."""


@dataclass(frozen=True, eq=False)
class FoundHand:
    """What the landmark model says of a region.

    Attributes:
        region: what it was shown.
        pixels: (21, 2) [px] of the image, MediaPipe's (0 = edge of the first pixel).
        world: (21, 3) [m], centred on the hand, axes of the optical frame.
        presence: probability that the region shows a hand, 0..1.
        right: probability that it is the person's right hand, 0..1.
    """

    region: Region
    pixels: FloatArray
    world: FloatArray
    presence: float
    right: float


class LandmarkModel(Protocol):
    """A landmark model; must not be called by two threads at once."""

    def look(self, crops: NDArray[np.uint8]) -> list[list[FloatArray]]:
        """Return, for each of (N, 224, 224, 3) BGR crops, (63,) x, y, z [px of the crop], presence (1,), right hand
        (1,), (63,) metric [m]."""


class HandEngine:
    """Runs the palm detector and the landmark model; safe to share among threads."""

    def __init__(
        self,
        model: str = 'full',
        threads: int | None = None,
        task: Path | str | None = None,
        runtime: str = 'litert',
    ) -> None:
        """Load the models.

        Args:
            model: `full` or `lite`.
            threads: how many models may run at once; None = one for each core.
            task: file of the models (`task_bundle.load_models`); None = the mediapipe wheel's.
            runtime: of `RUNTIMES`; with `int8` the landmark model is the one that ships, whatever `task` is.
        """
        self.threads = count = threads or os.cpu_count() or 1
        palm, landmark = load_models(task, model)
        self._together = BATCHES[0] if runtime == 'int8' else 1
        self._landmark: queue.SimpleQueue[LandmarkModel] = _fill(
            _choose_landmark_model(runtime, model, landmark, count), count
        )
        self._palm = _fill(lambda: LiteRtModel(palm, PALM_OUTPUTS), min(count, 2))

    def find_palms(
        self, image: NDArray[np.uint8], min_score: float = 0.5, count: int = 2
    ) -> list[Region]:
        """Look for hands in a whole (height, width, 3) BGR image; `min_score` 0..1 of a palm."""
        model = self._palm.get()
        try:
            return find_palms(image, lambda x: _boxes_and_logits(model.run(x)), min_score, count)
        finally:
            self._palm.put(model)

    def find_landmarks(self, image: NDArray[np.uint8], region: Region) -> FoundHand:
        """Look at a region of a (height, width, 3) BGR image."""
        return self.find_many([(image, region)])[0]

    def find_many(self, places: Sequence[tuple[NDArray[np.uint8], Region]]) -> list[FoundHand]:
        """Look at several regions, each of its own image (BGR), in one thread; less work than one by one."""
        if not places:
            return []
        crops = np.stack([region.cut(image, CROP) for image, region in places])
        model = self._landmark.get()
        try:
            found = model.look(crops)
        finally:
            self._landmark.put(model)
        return [
            _place(region, points, float(presence[0]), float(right[0]), world)
            for (_, region), (points, presence, right, world) in zip(places, found, strict=True)
        ]

    def share_out(self, count: int) -> list[slice]:
        """Divide a number of regions among the models: no more a call than are quicker together.

        Where a core is busy with something else the others then take more of what is left.
        """
        size = min(-(-count // min(count, self.threads)), self._together) if count else 1
        return [slice(i, i + size) for i in range(0, count, size)]


def _choose_landmark_model(
    runtime: str, model: str, content: bytes, threads: int
) -> Callable[[], LandmarkModel]:
    if runtime not in RUNTIMES:
        raise DetectorError(
            f'asked for the hand engine {runtime!r}; there are {", ".join(RUNTIMES)}'
        )
    if runtime == 'int8':
        compiled = compile_int8(find_int8_model(model), threads)
        return lambda: Int8LandmarkModel(compiled)
    return lambda: LiteRtLandmarkModel(content)


def _fill(make: Callable[[], Model], count: int) -> 'queue.SimpleQueue[Model]':
    pool: queue.SimpleQueue[Model] = queue.SimpleQueue()
    for _ in range(count):
        pool.put(make())
    return pool


def _boxes_and_logits(outputs: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    return outputs[0], outputs[1][:, 0]


def _place(
    region: Region, points: FloatArray, presence: float, right: float, world: FloatArray
) -> FoundHand:
    crop = np.asarray(points, np.float64).reshape(21, 3)[:, :2]
    matrix = region.crop_matrix(CROP)
    pixels = crop @ matrix[:, :2].T + matrix[:, 2]
    turn = matrix[:, :2] / (region.size / CROP)
    metric = np.asarray(world, np.float64).reshape(21, 3).copy()
    metric[:, :2] = metric[:, :2] @ turn.T
    right = 1 - right if region.flipped else right
    return FoundHand(region, pixels, metric, presence, right)
