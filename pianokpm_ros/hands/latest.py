"""Find hands in frames that arrive when they like: a thread a camera takes the newest, older ones are dropped."""

import threading
from collections.abc import Callable, Sequence

from pianokpm_ros.hands.answers import Answers
from pianokpm_ros.hands.detector import HandDetector
from pianokpm_ros.records import Frame, HandLandmarks


class LatestWorker(threading.Thread):
    """One camera's detector, always at work on its newest frame."""

    def __init__(
        self,
        camera: str,
        detector: HandDetector,
        publish: Callable[[HandLandmarks], None],
        answers: Answers,
    ) -> None:
        super().__init__(name=f'hands {camera}', daemon=True)
        self._camera, self._detector, self._publish = camera, detector, publish
        self._answers = answers
        self._ready = threading.Condition()
        self._frame: Frame | None = None
        self._stopping = False
        self.processed, self.dropped = 0, 0

    def push(self, frame: Frame) -> None:
        """Take a frame; returns at once."""
        with self._ready:
            self.dropped += self._frame is not None
            self._frame = frame
            self._answers.ask(self._camera)
            self._ready.notify()

    def run(self) -> None:
        """Work until stopped."""
        while (frame := self._take()) is not None:
            self._publish(self._detector.detect(frame))
            self.processed += 1
            with self._ready:
                self._answers.answer(self._camera)
                if self._frame is not None:
                    self._answers.ask(self._camera)
        self._detector.close()

    def _take(self) -> Frame | None:
        with self._ready:
            self._ready.wait_for(lambda: self._stopping or self._frame is not None)
            frame, self._frame = self._frame, None
            return None if self._stopping else frame

    def stop(self) -> None:
        """Ask the thread to end after the frame at hand."""
        with self._ready:
            self._stopping = True
            self._ready.notify()


class LatestWorkers:
    """A worker for each camera.

    Attributes:
        answers: knows which of them are silent.
    """

    def __init__(
        self,
        make_detector: Callable[[str], HandDetector],
        cameras: Sequence[str],
        publish: Callable[[HandLandmarks], None],
    ) -> None:
        """Start the threads.

        Args:
            make_detector: makes the detector of a camera.
            cameras: names.
            publish: is called with each result, from the camera's thread.
        """
        self.answers = Answers()
        self._workers = {
            n: LatestWorker(n, make_detector(n), publish, self.answers) for n in cameras
        }
        for worker in self._workers.values():
            worker.start()

    def push(self, frame: Frame) -> None:
        """Take a frame; returns at once."""
        self._workers[frame.camera].push(frame)

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Frames processed and dropped of each camera."""
        return {n: (w.processed, w.dropped) for n, w in self._workers.items()}

    def close(self) -> None:
        """Stop all threads."""
        for worker in self._workers.values():
            worker.stop()
        for worker in self._workers.values():
            worker.join(timeout=1.0)
