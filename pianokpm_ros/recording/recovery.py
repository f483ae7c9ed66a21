"""Make a closed bag of one that was broken off or damaged; the original is never changed."""

import filecmp
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pianokpm_ros.outputs import whole_folder
from pianokpm_ros.recording.layout import LATCHED_TYPES
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
        copied: files beside the bag (videos and their indexes) that were taken along.
    """

    path: Path
    damage: dict[str, Damage]
    counts: dict[str, int]
    unknown: int
    copied: tuple[str, ...]

    @property
    def total(self) -> int:
        """Number of messages."""
        return sum(self.counts.values())


def recover_bag(
    source: Path | str | Sequence[Path | str],
    target: Path | str | None = None,
    progress: Progress = lambda _: None,
) -> Recovery:
    """Write all that can be read of a bag into a new, closed one.

    Args:
        source: bag folder, MCAP or SQLite file; or several that were recorded one after the other, in this order.
        target: folder of the new bag; None = `<source>_recovered` beside the first.
        progress: is called with the number of messages so far.
    """
    sources = [Path(s) for s in ((source,) if isinstance(source, Path | str) else source)]
    target = Path(target) if target else sources[0].with_name(f'{sources[0].stem}_recovered')
    files = [file for s in sources for file in find_files(s)]
    if target.exists():
        raise RecordingError(f'asked to recover to {target}, which exists; name a new folder')
    with whole_folder(target) as part:
        made = _copy(files, part, progress)
        folders = [s for s in sources if s.is_dir()]
        copied = tuple(n for f in folders for n in _take_along(f, part))
    damage, counts, unknown = made
    return Recovery(target, damage, counts, unknown, copied)


def _copy(
    files: list[Path], target: Path, progress: Progress
) -> tuple[dict[str, Damage], dict[str, int], int]:
    damages, unknown = {}, 0
    with BagWriter(target) as bag:
        for file in files:
            damage = damages[str(file)] = Damage()
            read = _read_sqlite if file.suffix == '.db3' else read_damaged
            for i, m in enumerate(read(file, damage)):
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
    return damages, bag.counts, unknown


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
