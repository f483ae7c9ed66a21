"""Find hands in the frames of several cameras at the same time: MediaPipe lets other threads run."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from pianokpm_ros.hands.answers import Answers
from pianokpm_ros.hands.detector import HandDetector
from pianokpm_ros.records import Frame, HandLandmarks


class LandmarkWorkers:
    """A detector and a thread for each camera.

    Attributes:
        answers: knows which of them are silent.
    """

    def __init__(
        self, make_detector: Callable[[str], HandDetector], cameras: Sequence[str]
    ) -> None:
        self.answers = Answers()
        self._detectors = {name: make_detector(name) for name in cameras}
        self._pool = ThreadPoolExecutor(
            max_workers=len(self._detectors), thread_name_prefix='hands'
        )

    def process(self, frames: dict[str, Frame]) -> dict[str, HandLandmarks]:
        """Find the hands in a set of frames; returns when all are done."""
        tasks = {
            name: self._pool.submit(self._detect, name, frame) for name, frame in frames.items()
        }
        return {name: task.result() for name, task in tasks.items()}

    def _detect(self, name: str, frame: Frame) -> HandLandmarks:
        self.answers.ask(name)
        found = self._detectors[name].detect(frame)
        self.answers.answer(name)
        return found

    def close(self) -> None:
        """Wait for what runs and free the detectors."""
        self._pool.shutdown()
        for detector in self._detectors.values():
            detector.close()
