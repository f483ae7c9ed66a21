"""Write what arrives on topics to a bag, and stop in good order when the disk is full."""

import logging

from pianokpm_ros.recording.schemas import knows
from pianokpm_ros.recording.writer import FREE_SPACE, BagWriter, RecordingError

logger = logging.getLogger(__name__)


class TopicRecorder:
    """Count and write serialised messages; a bag that can't grow any more is closed and stays readable."""

    def __init__(self, path: str, free_space: int = FREE_SPACE) -> None:
        """Make the bag; raises RecordingError where that is impossible.

        Args:
            path: folder of the bag; must not exist.
            free_space: stop when less is left on the disk [bytes].
        """
        self._bag = BagWriter(path, free_space)
        self.path, self.error, self.lost = self._bag.path, '', 0
        self._closed = False

    @staticmethod
    def records(datatype: str) -> bool:
        """Tell whether a type can be recorded."""
        return knows(datatype)

    @property
    def counts(self) -> dict[str, int]:
        """Messages written of each topic."""
        return dict(self._bag.counts)

    def write(self, topic: str, datatype: str, data: bytes, received: int) -> None:
        """Write a message that was received at a time [ns]; after an error it is only counted as lost."""
        if self._closed:
            self.lost += 1
            return
        try:
            self._bag.write(topic, datatype, data, received)
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
        try:
            self._bag.close()
        except RecordingError as error:
            self.error = self.error or str(error)
            logger.error('the bag %s could not be finished: %s', self.path, error)
