"""Which messages of a bag are replayed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pianokpm_ros.recording.reader import read_raw
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.records import NANOSECONDS

SENSORS = ('sensor_msgs/msg/CameraInfo', 'pianokpm/msg/KeyMotion', 'pianokpm/msg/EmgBlock')
LEVELS: dict[str, tuple[str, ...]] = {
    'all': (),
    'landmarks': ('pianokpm/msg/HandLandmarks', *SENSORS),
    'poses': ('pianokpm/msg/HandPose', *SENSORS),
}
"""What goes out: everything as it was, or only what the later stages need to run again."""


class StoredMessage(NamedTuple):
    """A message as it lies in a bag; `time` is when it was received [ns]."""

    topic: str
    datatype: str
    data: bytes
    time: int


@dataclass(frozen=True)
class Selection:
    """A part of a bag.

    Attributes:
        level: a key of `LEVELS`.
        topics: only these; empty = all. With or without a slash before them.
        exclude: not these.
        start: skip the first seconds [s].
        duration: end after so many seconds [s].
    """

    level: str = 'all'
    topics: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    start: float = 0.0
    duration: float = float('inf')

    def takes(self, topic: str, datatype: str) -> bool:
        """Tell whether a topic is wanted."""
        kinds = LEVELS[self.level]
        names = (topic, topic.removeprefix('/'))
        if kinds and datatype not in kinds or any(n in self.exclude for n in names):
            return False
        return not self.topics or any(n in self.topics for n in names)


def select_messages(bag: Path | str, selection: Selection) -> Iterator[StoredMessage]:
    """Yield the messages wanted, in the order in which they were received."""
    if selection.level not in LEVELS:
        raise RecordingError(
            f'asked to replay {selection.level!r}; one can replay {", ".join(LEVELS)}'
        )
    origin: int | None = None
    for entry in read_raw(bag):
        message = StoredMessage(*entry)
        origin = message.time if origin is None else origin
        elapsed = (message.time - origin) / NANOSECONDS
        if elapsed > selection.start + selection.duration:
            return
        latched = message.datatype == SENSORS[0]  # is said once, perhaps before the start
        if elapsed < selection.start and not latched:
            continue
        if selection.takes(message.topic, message.datatype):
            yield message


def list_topics(bag: Path | str, selection: Selection) -> dict[str, str]:
    """Return the type of each topic that will be replayed; raises RecordingError where there is none."""
    found = {m.topic: m.datatype for m in select_messages(bag, selection)}
    if not found:
        raise RecordingError(
            f'asked to replay {selection.level!r} of {bag}, which has no such message in the time '
            'and topics chosen'
        )
    return found
