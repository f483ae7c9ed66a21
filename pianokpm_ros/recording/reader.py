"""Read bags, closed or broken off, without a ROS installation."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcap.exceptions import McapError
from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader

from pianokpm_ros.recording.schemas import deserialize, knows
from pianokpm_ros.recording.writer import RecordingError

logger = logging.getLogger(__name__)


def find_files(path: Path | str) -> list[Path]:
    """Return the MCAP files of a bag folder, or of a single file."""
    path = Path(path)
    files = sorted(path.glob('*.mcap')) if path.is_dir() else [path]
    if not files or not all(f.is_file() for f in files):
        raise RecordingError(
            f'asked for the bag {path}, which holds no .mcap file; name a bag folder or a file'
        )
    return files


def read_raw(path: Path | str) -> Iterator[tuple[str, str, bytes, int]]:
    """Yield (topic, datatype, CDR, log time [ns]) in the order written; a file that breaks off ends with a warning."""
    for file in find_files(path):
        yield from _read_file(file)


def _read_file(file: Path) -> Iterator[tuple[str, str, bytes, int]]:
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    count = 0
    with file.open('rb') as stream:
        records = StreamReader(stream, validate_crcs=True).records
        while True:
            try:
                record = next(records, None)
            except (McapError, ValueError, EOFError, KeyError) as error:
                if not count and not channels:
                    raise RecordingError(
                        f'{file} is no MCAP file that can be read: {error}'
                    ) from error
                logger.warning('%s breaks off after %d messages: %s', file, count, error)
                return
            if record is None:
                return
            if isinstance(record, Schema):
                schemas[record.id] = record
            elif isinstance(record, Channel):
                channels[record.id] = record
            elif isinstance(record, Message):
                channel = channels[record.channel_id]
                count += 1
                yield channel.topic, schemas[channel.schema_id].name, record.data, record.log_time


def read_bag(path: Path | str, topics: set[str] | None = None) -> Iterator[tuple[str, Any, int]]:
    """Yield (topic, record, log time [ns]); messages of types that nobody here knows are passed over."""
    for topic, datatype, data, log_time in read_raw(path):
        if (topics is None or topic in topics) and knows(datatype):
            yield topic, deserialize(data, datatype), log_time
