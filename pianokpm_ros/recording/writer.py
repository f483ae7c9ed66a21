"""Write MCAP bags that survive a killed process.

A bag is a folder as `ros2 bag` makes it: `<name>/<name>_0.mcap` and `metadata.yaml`. Messages go
out unchunked and are flushed at least every `FLUSH` seconds of log time; a bag without
`metadata.yaml` was not closed, and reads all the same.
"""

import json
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from mcap.writer import CompressionType, IndexType, Writer

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.messages import Record, type_name
from pianokpm_ros.recording.schemas import definition, serialize
from pianokpm_ros.records import NANOSECONDS

FLUSH = NANOSECONDS // 2
FREE_SPACE = 200_000_000
"""Recording stops when less than this is left on the disk [bytes]."""


class RecordingError(PianokpmError, RuntimeError):
    """A bag can't be written or read."""


class BagWriter:
    """Write serialised messages to a bag."""

    def __init__(self, path: Path | str, free_space: int = FREE_SPACE) -> None:
        """Make the folder.

        Args:
            path: folder of the bag; must not exist.
            free_space: stop when less is left on the disk [bytes].
        """
        self.path = Path(path)
        self._free_space = free_space
        try:
            self.path.mkdir(parents=True)
        except FileExistsError as error:
            raise RecordingError(
                f'asked to record to {self.path}, which exists; name a new folder'
            ) from error
        except OSError as error:
            raise RecordingError(
                f'asked to record to {self.path}: {error.strerror}; choose another place'
            ) from error
        self._check_space()
        self.file = self.path / f'{self.path.name}_0.mcap'
        self._stream = self.file.open('wb')
        self._writer = Writer(
            self._stream,
            compression=CompressionType.NONE,
            use_chunking=False,
            index_types=IndexType.ALL,
        )
        self._writer.start(profile='ros2', library='pianokpm')
        self._channels: dict[str, tuple[int, str]] = {}
        self._schemas: dict[str, int] = {}
        self._flushed = 0
        self.counts: dict[str, int] = {}
        self._first, self._last = None, 0
        self._closed = False

    def _check_space(self) -> None:
        left = shutil.disk_usage(self.path).free
        if left < self._free_space:
            raise RecordingError(
                f'{self.path}: {left // 1_000_000} MB are left on the disk, recording needs at least '
                f'{self._free_space // 1_000_000} MB; what was recorded so far is kept'
            )

    def write(
        self,
        topic: str,
        datatype: str,
        data: bytes,
        log_time: int,
        publish_time: int | None = None,
    ) -> None:
        """Append a message.

        Args:
            topic: full name.
            datatype: such as `pianokpm/msg/HandPose`.
            data: CDR.
            log_time: when it was received [ns].
            publish_time: when it was sent [ns], where that is known.
        """
        channel = self._channel(topic, datatype)
        self._writer.add_message(
            channel, log_time, data, publish_time or log_time, self.counts[topic]
        )
        self.counts[topic] += 1
        self._first = log_time if self._first is None else min(self._first, log_time)
        self._last = max(self._last, log_time)
        if not 0 <= log_time - self._flushed < FLUSH:
            self._flushed = log_time
            self._stream.flush()
            self._check_space()

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

    def _channel(self, topic: str, datatype: str) -> int:
        if topic not in self._channels:
            if datatype not in self._schemas:
                text, _ = definition(datatype)
                self._schemas[datatype] = self._writer.register_schema(
                    datatype, 'ros2msg', text.encode()
                )
            number = self._writer.register_channel(
                topic, 'cdr', self._schemas[datatype], {'offered_qos_profiles': ''}
            )
            self._channels[topic] = (number, datatype)
            self.counts[topic] = 0
        return self._channels[topic][0]

    def close(self) -> None:
        """Finish the file and write `metadata.yaml`."""
        if self._closed:
            return
        self._closed = True
        self._writer.finish()
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        part = self.path / '.metadata.yaml.part'
        part.write_text(yaml.safe_dump(self._metadata(), sort_keys=False))
        os.replace(part, self.path / 'metadata.yaml')

    def _metadata(self) -> dict[str, Any]:
        start, total = self._first or 0, sum(self.counts.values())
        duration = max(self._last - start, 0)
        topics = [
            {
                'topic_metadata': {
                    'name': topic,
                    'type': datatype,
                    'serialization_format': 'cdr',
                    'offered_qos_profiles': [],
                    'type_description_hash': definition(datatype)[1],
                },
                'message_count': self.counts[topic],
            }
            for topic, (_, datatype) in self._channels.items()
        ]
        info = {
            'version': 9,
            'storage_identifier': 'mcap',
            'duration': {'nanoseconds': duration},
            'starting_time': {'nanoseconds_since_epoch': start},
            'message_count': total,
            'topics_with_message_count': topics,
            'compression_format': '',
            'compression_mode': '',
            'relative_file_paths': [self.file.name],
            'files': [
                {
                    'path': self.file.name,
                    'starting_time': {'nanoseconds_since_epoch': start},
                    'duration': {'nanoseconds': duration},
                    'message_count': total,
                }
            ],
            'custom_data': None,
            'ros_distro': 'jazzy',
        }
        return {'rosbag2_bagfile_information': json.loads(json.dumps(info))}

    def __enter__(self) -> 'BagWriter':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
