"""Write MCAP bags that survive a killed process.

A bag is a folder as `ros2 bag` makes it: `<name>/<name>_0.mcap`, `_1` and so on where it is split,
and `metadata.yaml`. What was written is flushed at least every `FLUSH` of log time; a bag without
`metadata.yaml` was not closed, and reads all the same.
"""

import errno
import shutil
import time
from contextlib import suppress
from pathlib import Path

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.messages import Record, type_name
from pianokpm_ros.outputs import whole_file
from pianokpm_ros.recording.bag_file import BagFile, FileContent
from pianokpm_ros.recording.layout import VIDEOS
from pianokpm_ros.recording.metadata import TopicInfo, describe_bag, dump
from pianokpm_ros.recording.schemas import serialize
from pianokpm_ros.records import NANOSECONDS

FLUSH = NANOSECONDS // 2
MOMENT = 0.1
FREE_SPACE = 200_000_000
"""Recording stops when less than this is left on the disk [bytes]."""


class RecordingError(PianokpmError, RuntimeError):
    """A bag can't be written or read."""


class BagWriter:
    """Write serialised messages to a bag.

    Attributes:
        counts: messages written of each topic.
    """

    def __init__(
        self,
        path: Path | str,
        free_space: int = FREE_SPACE,
        split_size: int = 0,
        split_duration: int = 0,
    ) -> None:
        """Make the folder.

        Args:
            path: folder of the bag; must not exist, or hold just the videos of its cameras.
            free_space: stop when less is left on the disk [bytes].
            split_size: begin another file when this one has so many bytes; 0 = never.
            split_duration: likewise by log time [ns].
        """
        self.path = Path(path)
        self._free_space = free_space
        self._split = (split_size, split_duration)
        self._topics: dict[str, TopicInfo] = {}
        self._done: list[FileContent] = []
        self._flushed, self._closed = 0, False
        self.counts: dict[str, int] = {}
        self._make_folder()
        try:
            self._check_space('make room, or choose another place')
        except RecordingError:
            with suppress(OSError):  # cameras may film there already
                self.path.rmdir()
            raise
        self._file = self._open_file(0)

    def _make_folder(self) -> None:
        try:
            self.path.mkdir(parents=True)
        except FileExistsError as error:
            if self._is_made_by_cameras():
                return
            raise RecordingError(
                f'asked to record to {self.path}, which exists; name a new folder'
            ) from error
        except OSError as error:
            raise RecordingError(
                f'asked to record to {self.path}: {error.strerror}; choose another place'
            ) from error

    def _is_made_by_cameras(self) -> bool:
        for wait in (MOMENT, 0.0):  # they make it just before their own folder in it
            found = {p.name for p in self.path.iterdir()} if self.path.is_dir() else set()
            if found:
                return found == {VIDEOS}
            time.sleep(wait)
        return False

    def _open_file(self, number: int) -> BagFile:
        try:
            return BagFile(self.path / f'{self.path.name}_{number}.mcap')
        except OSError as error:
            raise self._explain(error) from error

    def _check_space(self, advice: str = 'what was recorded so far is kept') -> None:
        left = shutil.disk_usage(self.path).free
        if left < self._free_space:
            raise RecordingError(
                f'{self.path}: {left // 1_000_000} MB are left on the disk, recording needs at least '
                f'{self._free_space // 1_000_000} MB; {advice}'
            )

    def _explain(self, error: OSError) -> RecordingError:
        words = 'the disk is full' if error.errno == errno.ENOSPC else error.strerror
        return RecordingError(
            f'{self.path}: {words or error}; what was recorded so far is kept, '
            '`pianokpm recover` makes a closed bag of it'
        )

    @property
    def file(self) -> Path:
        """The file that is being written."""
        return self._file.content.path

    @property
    def files(self) -> list[Path]:
        """All files so far."""
        return [*(c.path for c in self._done), self.file]

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return sum(c.path.stat().st_size for c in self._done) + self._file.size

    def write(
        self,
        topic: str,
        datatype: str,
        data: bytes,
        log_time: int,
        publish_time: int | None = None,
        latched: bool = False,
    ) -> None:
        """Append a message.

        Args:
            topic: full name.
            datatype: such as `pianokpm/msg/HandPose`.
            data: CDR.
            log_time: when it was received [ns].
            publish_time: when it was sent [ns], where that is known.
            latched: the topic keeps its last message for late subscribers.
        """
        info = self._topics.setdefault(topic, TopicInfo(datatype, latched))
        try:
            if self._is_full(log_time):
                self._next_file()
            self._file.write(
                topic, datatype, info.profiles_text, data, log_time, publish_time or log_time
            )
            self.counts[topic] = self.counts.get(topic, 0) + 1
            if not 0 <= log_time - self._flushed < FLUSH:
                self._flushed = log_time
                self._file.flush()
                self._check_space()
        except OSError as error:
            raise self._explain(error) from error

    def _is_full(self, log_time: int) -> bool:
        size, duration = self._split
        first = self._file.content.first
        if first is None:
            return False
        return bool(size and self._file.size >= size or duration and log_time - first >= duration)

    def _next_file(self) -> None:
        # Where the next can't be begun this one stays the last, finished already.
        self._file.finish()
        following = self._open_file(len(self._done) + 1)
        self._done.append(self._file.content)
        self._file = following

    def write_record(self, topic: str, record: Record, log_time: int | None = None) -> None:
        """Append a record as its message; `log_time` defaults to its own stamp [ns]."""
        publish = record.publish_stamp or record.stamp
        self.write(
            topic,
            type_name(type(record)),
            serialize(record),
            publish if log_time is None else log_time,
            publish,
        )

    def flush(self) -> None:
        """Hand everything to the operating system: it survives the death of this process."""
        try:
            self._file.flush()
        except OSError as error:
            raise self._explain(error) from error

    def close(self) -> None:
        """Finish the file and write `metadata.yaml`."""
        if self._closed:
            return
        self._closed = True
        try:
            self._file.finish()
            with whole_file(self.path / 'metadata.yaml') as part:
                part.write_text(
                    dump(describe_bag(self._topics, [*self._done, self._file.content]))
                )
        except OSError as error:
            self._file.abandon()
            raise self._explain(error) from error

    def __enter__(self) -> 'BagWriter':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
