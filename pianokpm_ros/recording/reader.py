"""Read bags, closed or broken off, without a ROS installation."""

import logging
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from mcap.records import Channel, Message, Schema
from mcap.stream_reader import CRCValidationError, StreamReader

from pianokpm_ros.messages import MessageError
from pianokpm_ros.recording.namespaces import find_rivals
from pianokpm_ros.recording.salvage import UNREADABLE
from pianokpm_ros.recording.schemas import deserialize, knows
from pianokpm_ros.recording.writer import RecordingError

logger = logging.getLogger(__name__)

KINDS = ('.mcap', '.db3')
"""Storages of rosbag2: ours, and the one of older distributions."""


def find_files(path: Path | str) -> list[Path]:
    """Return the MCAP (or else SQLite) files of a bag folder in their order, or a single file."""
    path = Path(path)
    if not path.is_dir():
        files = [path]
    else:
        kinds = (sorted(path.glob(f'*{kind}'), key=_by_number) for kind in KINDS)
        files = next((found for found in kinds if found), [])
    if not files or not all(f.is_file() for f in files):
        wrong = 'holds no .mcap or .db3 file' if path.exists() else 'is not there'
        raise RecordingError(
            f'asked for the bag {path}, which {wrong}; name a bag folder or a file'
        )
    return files


def _by_number(file: Path) -> tuple[int, str]:
    """Order `bag_2` before `bag_10`."""
    number = re.search(r'_(\d+)$', file.stem)
    return (int(number.group(1)) if number else 0, file.name)


def read_raw(path: Path | str) -> Iterator[tuple[str, str, bytes, int]]:
    """Yield (topic, datatype, CDR, log time [ns]) in the order written; a file that breaks off ends with a warning."""
    for file in find_files(path):
        yield from _read_sqlite(file) if file.suffix == '.db3' else _read_file(file)


def read_rig(path: Path | str) -> Iterator[tuple[str, str, bytes, int]]:
    """Likewise; raises RecordingError where several rigs were recorded, in namespaces of their own."""
    topics: dict[str, str] = {}
    for message in read_raw(path):
        if message[0] not in topics:
            topics[message[0]] = message[1]
            if find_rivals(topics):  # all of them are to be named
                check_one_rig(path, {topic: datatype for topic, datatype, *_ in read_raw(path)})
        yield message


def check_one_rig(path: Path | str, topics: Mapping[str, str]) -> None:
    """Refuse topics of a bag, with the type of each, that are of several rigs."""
    names = [rival or '/' for rival in find_rivals(topics)]
    if names:
        raise RecordingError(
            f'{path} holds {len(names)} rigs, in the namespaces {", ".join(names)}, which would be taken for one; '
            f'make a bag of one of them: `pianokpm recover {path} --namespace {names[-1]} -o NEW_BAG`'
        )


def _read_sqlite(file: Path) -> Iterator[tuple[str, str, bytes, int]]:
    query = (
        'SELECT topics.name, topics.type, messages.data, messages.timestamp FROM messages '
        'JOIN topics ON topics.id = messages.topic_id ORDER BY messages.timestamp, messages.id'
    )
    try:
        # A name may hold signs that mean something in a URI.
        with closing(sqlite3.connect(f'{file.absolute().as_uri()}?mode=ro', uri=True)) as database:
            yield from database.execute(query)
    except sqlite3.Error as error:
        raise RecordingError(f'{file} is no bag that can be read: {error}') from error


def _read_file(file: Path) -> Iterator[tuple[str, str, bytes, int]]:
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    count, is_mcap = 0, False
    with file.open('rb') as stream:
        records = StreamReader(stream, validate_crcs=True).records
        while True:
            try:
                record = next(records, None)
                message = _resolve(record, schemas, channels)
            except UNREADABLE as error:
                if not is_mcap:
                    raise RecordingError(
                        f'{file} is no MCAP file that can be read ({str(error) or "it ends at once"}); '
                        'name a bag folder or an .mcap or .db3 file'
                    ) from error
                changed = isinstance(error, CRCValidationError)
                words = 'changed on the disk; of' if changed else 'breaks off after'
                reason = str(error) or 'the next one is cut'
                logger.warning('%s %s %d messages: %s', file, words, count, reason)
                return
            if record is None:
                return
            is_mcap = True
            if message is not None:
                count += 1
                yield message


def _resolve(
    record: object, schemas: dict[int, Schema], channels: dict[int, Channel]
) -> tuple[str, str, bytes, int] | None:
    """Learn a schema or channel; give back a message with its topic and datatype."""
    if isinstance(record, Schema):
        schemas[record.id] = record
    elif isinstance(record, Channel):
        channels[record.id] = record
    elif isinstance(record, Message):
        channel = channels[record.channel_id]
        return channel.topic, schemas[channel.schema_id].name, record.data, record.log_time
    return None


def read_bag(
    path: Path | str, topics: set[str] | None = None, datatypes: set[str] | None = None
) -> Iterator[tuple[str, Any, int]]:
    """Yield (topic, record, log time [ns]).

    Messages of types that nobody here knows are passed over; so are damaged ones, with a warning at the end.
    Raises RecordingError where all topics are asked for of a bag that holds several rigs.

    Args:
        path: bag folder or file.
        topics: only these, full names; None = all.
        datatypes: likewise.
    """
    damaged, error = 0, None
    messages = read_rig(path) if topics is None else read_raw(path)
    for topic, datatype, data, log_time in messages:
        wanted = datatypes is None or datatype in datatypes
        if not wanted or not (topics is None or topic in topics) or not knows(datatype):
            continue
        try:
            record = deserialize(data, datatype)
        except MessageError as found:
            damaged, error = damaged + 1, error or f'{topic} at {log_time} ns: {found}'
            continue
        yield topic, record, log_time
    if damaged:
        logger.warning('%s: %d messages left out as damaged, first %s', path, damaged, error)
