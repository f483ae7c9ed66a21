"""One MCAP file of a bag, written so that what was flushed can be read whatever happens next.

Messages go out unchunked; the data section's CRC is written when the file is finished.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from mcap.writer import CompressionType, IndexType, Writer

from pianokpm_ros.recording.schemas import definition


@dataclass
class FileContent:
    """What a file holds.

    Attributes:
        path: of the file.
        counts: messages of each topic.
        first: earliest log time [ns], None = empty.
        last: latest log time [ns].
    """

    path: Path
    counts: dict[str, int] = field(default_factory=dict)
    first: int | None = None
    last: int = 0

    @property
    def total(self) -> int:
        """Number of messages."""
        return sum(self.counts.values())

    @property
    def duration(self) -> int:
        """Time from the first to the last message [ns]."""
        return max(self.last - (self.first or 0), 0)


class BagFile:
    """An MCAP file that is being written."""

    def __init__(self, path: Path) -> None:
        self.content = FileContent(path)
        self._stream = path.open('xb')
        self._writer = Writer(
            self._stream,
            compression=CompressionType.NONE,
            use_chunking=False,
            index_types=IndexType.ALL,
            enable_data_crcs=True,
        )
        self._writer.start(profile='ros2', library='pianokpm')
        self._stream.flush()  # from its first moment on it is an MCAP file, if an empty one
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._stream.tell()

    def write(
        self, topic: str, datatype: str, profiles: str, data: bytes, log_time: int, publish: int
    ) -> None:
        """Append a message; `profiles` are the offered qualities of service as YAML."""
        if topic not in self._channels:
            self._open_channel(topic, datatype, profiles)
        c = self.content
        self._writer.add_message(self._channels[topic], log_time, data, publish, c.counts[topic])
        c.counts[topic] += 1
        c.first = log_time if c.first is None else min(c.first, log_time)
        c.last = max(c.last, log_time)

    def _open_channel(self, topic: str, datatype: str, profiles: str) -> None:
        if datatype not in self._schemas:
            text, _ = definition(datatype)
            self._schemas[datatype] = self._writer.register_schema(
                datatype, 'ros2msg', text.encode()
            )
        self._channels[topic] = self._writer.register_channel(
            topic, 'cdr', self._schemas[datatype], {'offered_qos_profiles': profiles}
        )
        self.content.counts[topic] = 0

    def flush(self) -> None:
        """Hand everything to the operating system: it survives the death of this process."""
        self._stream.flush()

    def finish(self) -> None:
        """Write CRC and summary, and wait until the disk has them; a file that is finished stays so."""
        if self._stream.closed:
            return
        self._writer.finish()
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()

    def abandon(self) -> None:
        """Let go of a file that can't be finished."""
        try:
            self._stream.close()
        except OSError:
            pass
