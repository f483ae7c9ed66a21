"""Write what arrives on topics to a bag, and stop in good order when the disk is full."""

import logging
import shutil

from pianokpm_ros.recording.schemas import knows
from pianokpm_ros.recording.writer import FREE_SPACE, BagWriter, RecordingError

logger = logging.getLogger(__name__)


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
        self._closed = False

    @staticmethod
    def records(datatype: str) -> bool:
        """Tell whether a type can be recorded."""
        return knows(datatype)

    @property
    def counts(self) -> dict[str, int]:
        """Messages written of each topic."""
        return dict(self._bag.counts)

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
        """Write a message that was received at a time [ns]; after an error it is only counted as lost."""
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
        try:
            self._bag.close()
        except RecordingError as error:
            self.error = self.error or str(error)
            logger.error('the bag %s could not be finished: %s', self.path, error)
