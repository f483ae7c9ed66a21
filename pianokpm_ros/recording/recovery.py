"""Make a closed bag of one that was broken off or damaged; the original is never changed."""

import filecmp
import os
import shutil
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pianokpm_ros.outputs import whole_folder
from pianokpm_ros.recording.layout import LATCHED_TYPES
from pianokpm_ros.recording.namespaces import find_namespaces, find_rivals, is_of
from pianokpm_ros.recording.reader import KINDS, find_files, read_raw
from pianokpm_ros.recording.salvage import Damage, SavedMessage, read_damaged
from pianokpm_ros.recording.schemas import knows
from pianokpm_ros.recording.writer import BagWriter, RecordingError

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Recovery:
    """What was recovered.

    Attributes:
        path: the new bag.
        damage: what was wrong with each file, by path.
        counts: messages of each topic.
        unknown: messages of types that nobody here knows; they are not in the new bag.
        others: messages of rigs in other namespaces; likewise.
        copied: files beside the bag (videos and their indexes) that were taken along.
    """

    path: Path
    damage: dict[str, Damage]
    counts: dict[str, int]
    unknown: int
    others: int
    copied: tuple[str, ...]

    @property
    def total(self) -> int:
        """Number of messages."""
        return sum(self.counts.values())


def recover_bag(
    source: Path | str | Sequence[Path | str],
    target: Path | str | None = None,
    progress: Progress = lambda _: None,
    namespace: str = '',
) -> Recovery:
    """Write all that can be read of a bag into a new, closed one.

    Args:
        source: bag folder, MCAP or SQLite file; or several that were recorded one after the other, in this order.
        target: folder of the new bag; None = `<source>_recovered` beside the first.
        progress: is called with the number of messages so far.
        namespace: of the rig to keep, `/` = that in none; empty = all that were recorded.
    """
    sources = [Path(s) for s in ((source,) if isinstance(source, Path | str) else source)]
    first = Path(os.path.abspath(sources[0]))  # `.` and `..` are no names
    target = Path(target) if target else first.with_name(f'{first.stem}_recovered')
    files = [file for s in sources for file in find_files(s)]
    if target.exists():
        raise RecordingError(f'asked to recover to {target}, which exists; name a new folder')
    wanted = _choose_topics(files, namespace) if namespace else None
    with whole_folder(target) as part:
        made = _copy(files, part, progress, wanted)
        folders = [s for s in sources if s.is_dir()]
        copied = tuple(n for f in folders for n in _take_along(f, part))
    return Recovery(target, *made, copied)


def _choose_topics(files: list[Path], namespace: str) -> set[str]:
    """Return the topics of one namespace's rig, and those that are no other's."""
    chosen = f'/{namespace.strip("/")}'.rstrip('/')
    topics = {m.topic: m.datatype for file in files for m in _read(file, Damage())}
    rivals = find_rivals(topics)
    there = rivals or find_namespaces(topics)
    if chosen not in there:
        names = ', '.join(name or '/' for name in there)
        raise RecordingError(
            f'asked for what was recorded in the namespace {namespace}; found is {names or "nothing"}'
        )
    return {topic for topic in topics if is_of(topic, chosen, rivals)}


def _copy(
    files: list[Path], target: Path, progress: Progress, wanted: Container[str] | None
) -> tuple[dict[str, Damage], dict[str, int], int, int]:
    damages, unknown, others = {}, 0, 0
    with BagWriter(target) as bag:
        for file in files:
            damage = damages[str(file)] = Damage()
            for i, m in enumerate(_read(file, damage)):
                if wanted is not None and m.topic not in wanted:
                    others += 1
                    continue
                if not knows(m.datatype):
                    unknown += 1
                    continue
                latched = 'transient_local' in m.profiles or 'durability: 1' in m.profiles
                latched = latched or m.datatype in LATCHED_TYPES
                bag.write(m.topic, m.datatype, m.data, m.log_time, m.publish_time, latched)
                if not i % 1000:
                    progress(sum(bag.counts.values()))
        if not bag.counts:
            raise RecordingError(
                f'nothing can be read of {", ".join(f.name for f in files)}; is it a recording?'
            )
    return damages, bag.counts, unknown, others


def _read(file: Path, damage: Damage) -> Iterator[SavedMessage]:
    return (_read_sqlite if file.suffix == '.db3' else read_damaged)(file, damage)


def _read_sqlite(file: Path, damage: Damage) -> Iterator[SavedMessage]:
    """Likewise of the storage of older distributions, up to where the database is broken."""
    damage.unfinished = False  # a database that was not closed can't be told from one that was
    try:
        for topic, datatype, data, log_time in read_raw(file):
            damage.messages += 1
            yield SavedMessage(topic, datatype, '', data, log_time, log_time)
    except RecordingError as error:
        damage.truncated = True
        damage.notes.append(str(error))


def _is_part_of_bag(file: Path) -> bool:
    # SQLite keeps a -wal and a -shm beside a database that was not closed.
    return file.name == 'metadata.yaml' or file.suffix.partition('-')[0] in KINDS


def _take_along(source: Path, target: Path) -> tuple[str, ...]:
    """Link (or copy, across disks) everything else: videos, their indexes, notes."""
    names = []
    for file in sorted(source.rglob('*')):
        hidden = any(p.startswith('.') for p in file.relative_to(source).parts)
        if file.is_dir() or hidden or _is_part_of_bag(file):
            continue
        place = target / file.relative_to(source)
        if place.exists():  # another part of the session has one of this name, such as the rig
            if filecmp.cmp(file, place, shallow=False):
                continue
            place = target / source.name / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, place)
        except OSError:
            shutil.copy2(file, place)
        names.append(str(place.relative_to(target)))
    return tuple(names)
