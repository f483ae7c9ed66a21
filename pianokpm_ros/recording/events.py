"""What happens in a recording session, as messages in its bag: who plays, and when each trial begins and ends.

Events travel on `protocol/event` as `std_msgs/msg/String` with JSON, so that any ROS tool records
and shows them.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.recording.schemas import load_store
from pianokpm_ros.recording.writer import RecordingError

EVENT_TOPIC = '/protocol/event'
EVENT_TYPE = 'std_msgs/msg/String'
SCHEMA, VERSION = 'pianokpm-event', 1
ACTIONS = ('session', 'begin', 'end', 'discard')
KINDS = ('rest', 'mvc', 'taps', 'task')

PSEUDONYM = re.compile(r'(s|p|sub-?|p?id-?)?\d{1,4}', re.IGNORECASE)
"""What may stand for a person: letters that say nothing, and a number."""


@dataclass(frozen=True)
class SessionEvent:
    """One event.

    Attributes:
        stamp: when [ns].
        action: `session` (who and what), `begin` and `end` of a trial, `discard` the one that runs,
            or else the last.
        kind: of the trial: `rest`, `mvc`, `taps` (synchronisation), `task`; empty for `session`.
        details: such as subject, side, muscle, task, trial, bpm.
    """

    stamp: int
    action: str
    kind: str = ''
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the text of the message."""
        head = {'schema': SCHEMA, 'version': VERSION, 'stamp': self.stamp}
        return json.dumps(
            {**head, 'action': self.action, 'kind': self.kind, **self.details}, ensure_ascii=False
        )

    def to_cdr(self) -> bytes:
        """Return the message as bytes."""
        store = load_store()
        return bytes(store.serialize_cdr(store.types[EVENT_TYPE](data=self.to_json()), EVENT_TYPE))

    @classmethod
    def from_json(cls, text: str) -> 'SessionEvent':
        """Read an event; raises RecordingError where it is none."""
        try:
            content = json.loads(text)
            known = content.pop('schema') == SCHEMA and content.pop('version') == VERSION
            stamp, action, kind = (content.pop(n) for n in ('stamp', 'action', 'kind'))
            stamp = int(stamp)
        except (ValueError, KeyError, AttributeError, TypeError, OverflowError) as error:
            raise RecordingError(f'{text[:80]!r} is no event of a session: {error}') from error
        if not known or action not in ACTIONS or kind not in ('', *KINDS):
            raise RecordingError(f'{text[:80]!r} is an event of another version')
        return cls(stamp, action, kind, content)


@dataclass(frozen=True)
class Trial:
    """A stretch of a session.

    Attributes:
        kind: as in `SessionEvent`.
        begin: [ns].
        end: [ns].
        details: as of its beginning.
    """

    kind: str
    begin: int
    end: int
    details: Mapping[str, Any]


def read_events(bag: Path | str) -> Iterator[SessionEvent]:
    """Yield the events of a bag, whatever namespace they were recorded in."""
    for topic, message, _ in read_bag(bag, datatypes={EVENT_TYPE}):
        if topic.endswith(EVENT_TOPIC):
            yield SessionEvent.from_json(message.data)


def list_trials(
    events: Iterable[SessionEvent], until: int | None = None
) -> tuple[dict[str, Any], list[Trial]]:
    """Return what is said of the session, and its trials without those discarded.

    A last trial that never ended, since the recorder was killed, ends at `until` [ns]; None leaves it out.
    """
    session: dict[str, Any] = {}
    trials: list[Trial] = []
    open_trial: SessionEvent | None = None
    for event in sorted(events, key=lambda e: e.stamp):
        if event.action == 'session':
            session |= event.details
        elif event.action == 'begin':
            open_trial = event
        elif event.action == 'end' and open_trial is not None:
            trials.append(
                Trial(open_trial.kind, open_trial.stamp, event.stamp, open_trial.details)
            )
            open_trial = None
        elif event.action == 'discard':
            trials = trials[:-1] if open_trial is None else trials
            open_trial = None
    if open_trial is not None and until is not None and until > open_trial.stamp:
        trials.append(Trial(open_trial.kind, open_trial.stamp, until, open_trial.details))
    return session, trials
