"""Write what arrives on topics to a bag, and stop in good order when the disk is full."""

import logging
import shutil
from collections import deque

from pianokpm_ros.recording.schemas import knows
from pianokpm_ros.recording.writer import FREE_SPACE, BagWriter, RecordingError

logger = logging.getLogger(__name__)

EARLY = 1000
"""Messages that wait for simulated time to begin; of more the oldest are lost."""


class TopicRecorder:
    """Count and write serialised messages; a bag that can't grow any more is closed and stays readable."""

    def __init__(
        self,
        path: str,
        free_space: int = FREE_SPACE,
        split_size: int = 0,
        split_duration: int = 0,
    ) -> None:
        """Make the bag; raises RecordingError where that is impossible.

        Args:
            path: folder of the bag; must not exist.
            free_space: stop when less is left on the disk [bytes].
            split_size: begin another file when one has so many bytes; 0 = never.
            split_duration: likewise by time [ns].
        """
        self._bag = BagWriter(path, free_space, split_size, split_duration)
        self.path, self.error, self.lost = self._bag.path, '', 0
        self._early: deque[tuple[str, str, bytes, bool]] = deque()
        self._closed = False

    @staticmethod
    def records(datatype: str) -> bool:
        """Tell whether a type can be recorded."""
        return knows(datatype)

    @property
    def counts(self) -> dict[str, int]:
        """Messages written of each topic."""
        return dict(self._bag.counts)

    @property
    def early(self) -> int:
        """Messages that wait for simulated time to begin."""
        return len(self._early)

    def attach(self, file: str, name: str) -> None:
        """Copy a file, such as the rig, beside the bag; raises RecordingError where that is impossible."""
        try:
            shutil.copyfile(file, self.path / name)
        except OSError as error:
            raise RecordingError(
                f'asked to keep {file} with the bag: {error.strerror}; name a file that can be read'
            ) from error

    def write(
        self, topic: str, datatype: str, data: bytes, received: int, latched: bool = False
    ) -> None:
        """Write a message that was received at a time [ns]; after an error it is only counted as lost.

        At time 0 simulated time has not begun. What comes then is written once it has, or the bag would begin in 1970.
        """
        self._early.append((topic, datatype, data, latched))
        if received > 0:
            while self._early:
                self._write(*self._early.popleft(), received)
        elif len(self._early) > EARLY:
            self._early.popleft()
            self.lost += 1

    def _write(self, topic: str, datatype: str, data: bytes, latched: bool, received: int) -> None:
        if self._closed:
            self.lost += 1
            return
        try:
            self._bag.write(topic, datatype, data, received, latched=latched)
        except RecordingError as error:
            self.lost += 1
            self.error = str(error)
            logger.error('recording stops: %s', error)
            self.close()

    def close(self) -> None:
        """Finish the bag."""
        if self._closed:
            return
        self._closed = True
        if self._early:
            self.lost += len(self._early)
            logger.warning('%d messages waited for time to begin and are lost', len(self._early))
            self._early.clear()
        try:
            self._bag.close()
        except RecordingError as error:
            self.error = self.error or str(error)
            logger.error('the bag %s could not be finished: %s', self.path, error)
