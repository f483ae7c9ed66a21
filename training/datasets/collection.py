"""A data set: recordings under one folder, and how they are split into training and test.

`dataset.json` lists the recordings with the SHA-256 of each `recording.json`, and the splits.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pianokpm_training.datasets.folder import (
    MANIFEST,
    Summary,
    load_recording,
    read_manifest,
    summarise_recording,
)
from pianokpm_training.datasets.recording import DataError, Recording

from pianokpm_ros.outputs import whole_file

SCHEMA, VERSION = 'pianokpm-dataset', 1
INDEX = 'dataset.json'
LEARNED = ('train', 'validation')
UNSEEN = {
    'test_users': ('subject',),
    'test_tasks': ('task',),
    'test_users_tasks': ('subject', 'task'),
}
"""By role, what of its recordings no recording that is learned from or stopped by may share."""

MAKE = 'make one with `pianokpm dataset build`, `pianokpm dataset import` or `pianokpm simulate`'

Splits = Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class Entry:
    """One recording of a data set, without its signals; attributes as in `RecordingInfo`."""

    name: str
    path: str
    sha256: str
    subject: str
    task: str
    trial: int
    side: str
    simulated: bool


@dataclass(frozen=True)
class DataSet:
    """Recordings and their splits.

    Attributes:
        folder: holds `dataset.json`.
        entries: by recording name.
        splits: by split name, then by role (`train`, `validation`, `test` ...): recording names.
        description: in words.
        provenance: how it was made.
    """

    folder: Path
    entries: Mapping[str, Entry]
    splits: Splits = field(default_factory=dict)
    description: str = ''
    provenance: Mapping[str, Any] = field(default_factory=dict)
    _parts: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False)

    @property
    def simulated(self) -> bool:
        """Whether anything in it was simulated."""
        return any(e.simulated for e in self.entries.values())

    def role(self, split: str, role: str) -> list[Entry]:
        """List the recordings of one role of a split, such as `role('within', 'train')`."""
        if role not in self.splits.get(split, {}):
            known = [f'{s}/{r}' for s, roles in self.splits.items() for r in roles]
            words = ', '.join(known) or 'no splits'
            raise DataError(
                f'asked for {split}/{role}; this data set has {words}: name another split, or write it into '
                f'{self.folder / INDEX} (docs/dataset.md)'
            )
        return [self.entries[name] for name in self.splits[split][role]]

    def refuse_seen(self, split: str) -> None:
        """Refuse a split whose roles of persons or tasks never seen hold such that are learned from."""
        roles = self.splits.get(split, {})
        learned = [self.entries[n] for r in LEARNED for n in roles.get(r, ())]
        for role, kinds in UNSEEN.items():
            asked = [self.entries[n] for n in roles.get(role, ())]
            for kind in kinds:
                seen = {getattr(e, kind) for e in learned} & {getattr(e, kind) for e in asked}
                if seen:
                    raise DataError(
                        f'{self.folder}: {split}/{role} is for each {kind} that is never seen, but '
                        f'{", ".join(sorted(seen))} is also learned from; put the recordings into other roles'
                    )

    def load(self, entry: Entry, only: Collection[str] | None = None) -> Recording:
        """Read a recording, after checking that it is the one that was indexed."""
        return load_recording(self._find(entry), only)

    def summarise(self, entry: Entry) -> Summary:
        """Tell what a recording holds, in a fraction of the time that `load` takes."""
        return summarise_recording(self._find(entry))

    def normalization(self, entry: Entry) -> str:
        """Tell what 1.0 in a recording's envelope stands for, as in `RecordingInfo`."""
        return read_manifest(self._find(entry))['normalization']

    def list_parts(self, entries: Sequence[Entry]) -> str:
        """Say which parts the first of some recordings holds, for whoever lacks others."""
        if not entries:
            return 'there is none'
        return f'{entries[0].name} holds {", ".join(self.parts(entries[0])) or "nothing"}'

    def parts(self, entry: Entry) -> tuple[str, ...]:
        """Name the parts that a recording has; views as `view_<camera>`. Each recording is asked once."""
        if entry.name not in self._parts:
            self._parts[entry.name] = tuple(read_manifest(self._find(entry))['parts'])
        return self._parts[entry.name]

    def _find(self, entry: Entry) -> Path:
        folder = self.folder / entry.path
        if hash_manifest(folder) != entry.sha256:
            raise DataError(f'{folder} changed since the data set was indexed; index it again')
        return folder


def hash_manifest(folder: Path) -> str:
    """SHA-256 of a recording's description, which has the hashes of all its files."""
    try:
        return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f'{folder / MANIFEST}: {error.strerror}; copy the data again') from error


def find_recordings(folder: Path) -> Iterator[Entry]:
    """Look at every recording below a folder, in order of path; unfinished (hidden) ones are left out."""
    folder = Path(folder)
    for manifest in sorted(folder.rglob(MANIFEST)):
        path = manifest.parent.relative_to(folder)
        if any(part.startswith('.') for part in path.parts):
            continue
        info = read_manifest(manifest.parent)
        texts = {n: info[n] for n in ('name', 'subject', 'task', 'trial', 'side', 'simulated')}
        yield Entry(path=path.as_posix(), sha256=hash_manifest(manifest.parent), **texts)


def index_data(
    folder: Path, splits: Splits, description: str, provenance: Mapping[str, Any]
) -> DataSet:
    """Write `dataset.json` for the recordings below a folder and return the data set."""
    entries: dict[str, Entry] = {}
    for entry in find_recordings(folder):
        if entry.name in entries:
            raise DataError(f'two recordings are called {entry.name}: names must be unique')
        entries[entry.name] = entry
    _check_splits(entries, splits)
    data = DataSet(Path(folder), entries, splits, description, provenance)
    content = {
        'schema': SCHEMA,
        'version': VERSION,
        'description': description,
        'simulated': data.simulated,
        'provenance': dict(provenance),
        'splits': {s: {r: list(n) for r, n in roles.items()} for s, roles in splits.items()},
        'recordings': [vars(e) for e in entries.values()],
    }
    with whole_file(Path(folder) / INDEX) as part:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + '\n')
    return data


def _check_splits(entries: Mapping[str, Entry], splits: Splits) -> None:
    for split, roles in splits.items():
        seen: dict[str, str] = {}
        for role, names in roles.items():
            for name in names:
                if name not in entries:
                    raise DataError(f'{split}/{role} names {name}, which is not in the data set')
                if name in seen:
                    raise DataError(f'{name} is in {split}/{seen[name]} and in {split}/{role}')
                seen[name] = role


def _say_what_it_is(folder: Path) -> str:
    """Say of a folder without an index what it is instead, and what to name; empty = nobody knows."""
    below = sorted(folder.glob(f'*/{INDEX}'))
    above = [p for p in folder.absolute().parents if (p / INDEX).is_file()]
    if not folder.exists():
        return f'there is no such folder; {MAKE}'
    if below:
        return f'it is none, but {", ".join(str(p.parent) for p in below[:3])} below it; name that'
    if above:
        return f'it is a part of the one in {above[0]}; name that'
    if (folder / 'metadata.yaml').is_file() or folder.suffix in ('.mcap', '.db3'):
        return f'it is a bag; make a data set of it with `pianokpm dataset build {folder} -o NEW_FOLDER`'
    return ''


def open_data(folder: Path) -> DataSet:
    """Read the index of a data set."""
    path = Path(folder) / INDEX
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        words = _say_what_it_is(Path(folder)) or f'{path}: {error.strerror}; {MAKE}'
        raise DataError(f'asked for the data set {folder}: {words}') from error
    except ValueError as error:
        raise DataError(f'{path} is damaged: {error}; copy the data again') from error
    if not isinstance(content, dict) or content.get('schema') != SCHEMA:
        raise DataError(f'{path} is no {SCHEMA}; {MAKE}')
    if content.get('version') != VERSION:
        raise DataError(
            f'{path} has version {content.get("version")!r} of the format, this program reads {VERSION}; use the '
            'pianokpm that made it, or make it again'
        )
    try:
        entries = {e['name']: Entry(**e) for e in content['recordings']}
        splits = {
            s: {r: list(n) for r, n in roles.items()} for s, roles in content['splits'].items()
        }
        description, provenance = content['description'], content['provenance']
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f'{path} does not say what docs/dataset.md asks for: {error!r}; index the data set again'
        ) from error
    _check_splits(entries, splits)
    return DataSet(Path(folder), entries, splits, description, provenance)
