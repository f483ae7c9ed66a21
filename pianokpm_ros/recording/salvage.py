"""Read what can still be read of a damaged MCAP file: past broken records, not only up to them.

A record is believed when what follows it is a record too, or the end of the file. Where that is
not so, the next place is searched from which on it is.
"""

import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.reader import make_reader
from mcap.records import Channel, Chunk, DataEnd, Message, Schema
from mcap.stream_reader import CRCValidationError, breakup_chunk
from mcap.summary import Summary
from zstandard import ZstdError

MAGIC = b'\x89MCAP0\r\n'
HEAD = struct.Struct('<BQ')
MESSAGE_HEAD = struct.Struct('<HIQQ')
BLOCK = 1 << 22
LONGEST = 1 << 28
"""No record of a recording of this project is longer [bytes]."""

UNREADABLE = (
    McapError,
    ValueError,
    EOFError,
    KeyError,
    struct.error,
    OverflowError,
    MemoryError,
    RuntimeError,
    ZstdError,
)
"""What mcap raises for bytes that are no record, and what unpacks its chunks: LZ4 raises RuntimeError."""


@dataclass(frozen=True)
class SavedMessage:
    """One message; `profiles` are the offered qualities of service as YAML."""

    topic: str
    datatype: str
    profiles: str
    data: bytes
    log_time: int
    publish_time: int


@dataclass
class Damage:
    """What is wrong with a file.

    Attributes:
        skipped: bytes that are no records.
        places: stretches of them.
        truncated: the file ends within a record.
        unfinished: the file has no summary: the recorder was killed.
        crc: stored checksums that don't fit what is there: a message changed on the disk.
    """

    skipped: int = 0
    places: int = 0
    truncated: bool = False
    unfinished: bool = True
    crc: int = 0
    messages: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def any(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.places or self.truncated or self.unfinished or self.crc)


def read_damaged(path: Path, damage: Damage) -> Iterator[SavedMessage]:
    """Yield all messages that can be read, in file order; `damage` tells at the end what could not."""
    size = path.stat().st_size
    if not size:
        damage.truncated = True
        return
    with path.open('rb') as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield from _Salvage(data, damage, _read_summary(path)).messages()


def _read_summary(path: Path) -> Summary:
    """Take schemas and channels from the summary, if there is one: their first copies may be broken."""
    try:
        with path.open('rb') as stream:
            return make_reader(stream).get_summary() or Summary()
    except (*UNREADABLE, OSError):
        return Summary()


class _Salvage:
    def __init__(self, data: mmap.mmap, damage: Damage, summary: Summary) -> None:
        self._data, self._size, self._damage = data, len(data), damage
        self._schemas: dict[int, Schema] = dict(summary.schemas)
        self._channels: dict[int, Channel] = dict(summary.channels)

    def messages(self) -> Iterator[SavedMessage]:
        position = len(MAGIC)
        if self._data[:position] != MAGIC:
            position = self._resync(0)
        while position < self._size:
            length = self._record_at(position)
            if length is None:
                if self._at_end(position):
                    return
                position = self._resync(position)
                continue
            opcode, start = self._data[position], position + HEAD.size
            position = start + length
            if opcode == Opcode.FOOTER:
                self._damage.unfinished = False
                return
            yield from self._read(opcode, start, length)

    def _record_at(self, position: int) -> int | None:
        """Return the length of the record's content, None where there is none."""
        length = self._plausible(position)
        if length is None:
            return None
        after = position + HEAD.size + length
        if after + HEAD.size <= self._size and self._data[position] != Opcode.FOOTER:
            # A channel that is not learned yet is usually followed by its first message.
            fresh = self._data[position] == Opcode.CHANNEL
            fits = self._plausible(after, not fresh) is not None or self._cut(after)
            return length if fits else None
        return length

    def _plausible(self, position: int, strict: bool = True) -> int | None:
        if position + HEAD.size > self._size:
            return None
        opcode, length = HEAD.unpack_from(self._data, position)
        if not 1 <= opcode <= Opcode.DATA_END or length > LONGEST:
            return None
        if position + HEAD.size + length > self._size:
            return None
        if opcode == Opcode.MESSAGE:
            known = length >= MESSAGE_HEAD.size
            number = MESSAGE_HEAD.unpack_from(self._data, position + HEAD.size)[0] if known else 0
            return length if known and (number in self._channels or not strict) else None
        return length

    def _cut(self, position: int) -> bool:
        """Tell whether the file ends within the record that begins here."""
        if position + HEAD.size > self._size:
            return True
        opcode, length = HEAD.unpack_from(self._data, position)
        beyond = position + HEAD.size + length > self._size
        return 1 <= opcode <= Opcode.DATA_END and length <= LONGEST and beyond

    def _at_end(self, position: int) -> bool:
        if not self._cut(position):
            return False
        # A broken length may point beyond the end as well: then records follow.
        if self._find(position + 1) is not None:
            return False
        self._damage.truncated = True
        return True

    def _resync(self, position: int) -> int:
        found = self._find(position + 1)
        end = self._size if found is None else found
        self._damage.places += 1
        self._damage.skipped += end - position
        return end

    def _find(self, position: int) -> int | None:
        kinds = (Opcode.MESSAGE, Opcode.CHUNK, Opcode.SCHEMA, Opcode.CHANNEL)
        # The upper bytes of a length are zero: a pattern that is quick to find.
        zeros = b'\0\0\0\0'
        at = self._data.find(zeros, position + 5)
        while at >= 0:
            start = at - 5
            if self._data[start] in kinds and self._chain(start):
                return start
            at = self._data.find(zeros, at + 1)
        return None

    def _chain(self, position: int, links: int = 3) -> bool:
        """Tell whether several records follow each other from here."""
        for _ in range(links):
            length = self._record_at(position)
            if length is None:
                return False
            position += HEAD.size + length
            if position >= self._size or self._cut(position):
                return True
        return True

    def _read(self, opcode: int, start: int, length: int) -> Iterator[SavedMessage]:
        body = self._data[start : start + length]
        stream = ReadDataStream(BytesIO(body))
        try:
            if opcode == Opcode.SCHEMA:
                self._learn(Schema.read(stream))
            elif opcode == Opcode.CHANNEL:
                self._learn(Channel.read(stream))
            elif opcode == Opcode.MESSAGE:
                yield from self._give(Message.read(stream, length))
            elif opcode == Opcode.CHUNK:
                yield from self._open_chunk(Chunk.read(stream))
            elif opcode == Opcode.DATA_END:
                self._check(DataEnd.read(stream), start - HEAD.size)
        except UNREADABLE as error:
            self._damage.places += 1
            self._damage.skipped += length
            self._damage.notes.append(f'record at byte {start}: {error}')

    def _learn(self, record: Schema | Channel) -> None:
        kept = self._schemas if isinstance(record, Schema) else self._channels
        kept.setdefault(record.id, record)

    def _open_chunk(self, chunk: Chunk) -> Iterator[SavedMessage]:
        try:
            records = breakup_chunk(chunk, validate_crc=True)
        except CRCValidationError:
            self._damage.crc += 1
            records = breakup_chunk(chunk, validate_crc=False)
        for record in records:
            if isinstance(record, Message):
                yield from self._give(record)
            else:
                self._learn(record)

    def _check(self, end: DataEnd, position: int) -> None:
        found = 0
        for start in range(0, position, BLOCK):
            found = zlib.crc32(self._data[start : min(start + BLOCK, position)], found)
        self._damage.crc += end.data_section_crc not in (0, found)

    def _give(self, message: Message) -> Iterator[SavedMessage]:
        channel = self._channels[message.channel_id]
        schema = self._schemas[channel.schema_id]
        self._damage.messages += 1
        yield SavedMessage(
            channel.topic,
            schema.name,
            channel.metadata.get('offered_qos_profiles', ''),
            message.data,
            message.log_time,
            message.publish_time,
        )
