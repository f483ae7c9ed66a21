"""Write recordings to folders and read them back: plain arrays and JSON, nothing is unpickled.

`recording.json` names each part's file with its SHA-256; `<part>.npz` holds the part's arrays.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import (
    DataError,
    KeyTrack,
    NoteTrack,
    Part,
    PoseTrack,
    Recording,
    RecordingInfo,
    SignalTrack,
    ViewTrack,
)

from pianokpm_ros.anatomy import Side
from pianokpm_ros.outputs import whole_folder

SCHEMA, VERSION = 'pianokpm-recording', 1
MANIFEST = 'recording.json'
PARTS: dict[str, type[Part]] = {
    'pose': PoseTrack,
    'pose_truth': PoseTrack,
    'keys': KeyTrack,
    'notes': NoteTrack,
    'emg': SignalTrack,
    'envelope': SignalTrack,
    'excitation': SignalTrack,
    'angles': SignalTrack,
}
VIEW = 'view_'
DURATION = ('pose', 'keys', 'emg', 'envelope', 'angles')
"""Parts that tell how long a recording is, beside its views."""


def save_recording(recording: Recording, folder: Path) -> Path:
    """Write a recording to a new folder, complete or not at all; an older recording there is replaced."""
    folder = Path(folder)
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise DataError(
            f'asked to write a recording to {folder}, which exists and is none; name a new folder'
        )
    parts = {name: getattr(recording, name) for name in PARTS}
    parts |= {f'{VIEW}{name}': view for name, view in recording.views.items()}
    info = asdict(recording.info) | {'side': recording.info.side.label}
    with whole_folder(folder) as made:
        made.mkdir()
        entries = {n: _save_part(p, made / f'{n}.npz') for n, p in parts.items() if p is not None}
        content = {'schema': SCHEMA, 'version': VERSION, **info, 'parts': entries}
        (made / MANIFEST).write_text(json.dumps(content, indent=1, ensure_ascii=False) + '\n')
    return folder


def _save_part(part: Part, path: Path) -> dict[str, Any]:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **part.arrays())
    path.write_bytes(buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    return {
        'file': path.name,
        'sha256': digest,
        'samples': len(part.stamp),
        'rate': None if np.isnan(part.rate) else round(part.rate, 3),
        **part.texts(),
    }


def load_recording(folder: Path, only: Collection[str] | None = None) -> Recording:
    """Read a recording and check each file's hash.

    Args:
        folder: of the recording.
        only: names of the parts wanted (`views` for all views); None reads all.
    """
    folder = Path(folder)
    content = read_manifest(folder)
    views, parts = {}, {}
    for name, entry in content['parts'].items():
        wanted = 'views' if name.startswith(VIEW) else name
        if only is not None and wanted not in only:
            continue
        if wanted == 'views':
            views[name[len(VIEW) :]] = _load_part(folder, ViewTrack, entry)
        elif name in PARTS:
            parts[name] = _load_part(folder, PARTS[name], entry)
    return Recording(_read_info(content), views=views, **parts)


@dataclass(frozen=True)
class Summary:
    """What a recording holds, without its signals.

    Attributes:
        duration: time to the last sample of any part [s], as `Recording.duration`.
        rates: median rate of each part that is there [Hz], NaN = unknown; views as `view_<camera>`.
    """

    duration: float
    rates: dict[str, float]


def summarise_recording(folder: Path) -> Summary:
    """Look at a recording quickly: stamps are read, signals are not, hashes of parts are not checked."""
    parts = read_manifest(folder)['parts']
    rates = {n: float('nan') if p['rate'] is None else p['rate'] for n, p in parts.items()}
    counted = [n for n in parts if n in DURATION or n.startswith(VIEW)]
    ends = [_read_end(Path(folder) / Path(parts[n]['file']).name) for n in counted]
    return Summary(max(ends, default=0) * 1e-9, rates)


def _read_end(path: Path) -> int:
    """Return the last stamp of a part [ns], 0 = it is empty."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            stamp = arrays['stamp']
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f'{path}: {error}; copy the recording again') from error
    return int(stamp[-1]) if len(stamp) else 0


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read a recording's description without its signals."""
    path = Path(folder) / MANIFEST
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f'asked for the recording {folder}: {error}; name its folder') from error
    if not isinstance(content, dict) or content.get('schema') != SCHEMA:
        raise DataError(f'expected the schema {SCHEMA} in {path}, found something else')
    if content.get('version') != VERSION:
        raise DataError(
            f'{path} has version {content.get("version")!r} of the schema, this program reads '
            f'{VERSION}; use a matching pianokpm'
        )
    needed = (*RecordingInfo.__dataclass_fields__, 'parts')
    missing = [name for name in needed if name not in content]
    if missing or not isinstance(content['parts'], dict):
        raise DataError(
            f'{path} does not say its {", ".join(missing) or "parts, by name"}; docs/dataset.md says what it must hold'
        )
    return content


def _read_info(content: dict[str, Any]) -> RecordingInfo:
    values = {n: content[n] for n in RecordingInfo.__dataclass_fields__}
    try:
        return RecordingInfo(**values | {'side': Side[content['side'].upper()]})
    except (KeyError, AttributeError) as error:
        raise DataError(
            f'{content["name"]} is said to be of the side {content["side"]!r}; it must be left or right'
        ) from error


def _load_part(folder: Path, kind: type[Part], entry: dict[str, Any]) -> Part:
    try:
        path, digest = folder / Path(entry['file']).name, entry['sha256']
        texts = {f.name: entry[f.name] for f in fields(kind) if f.name not in kind.ARRAYS}
        data = path.read_bytes()
    except KeyError as error:
        raise DataError(
            f'{folder / MANIFEST}: a {kind.__name__} must say its {error}; docs/dataset.md says what it must hold'
        ) from error
    except OSError as error:
        raise DataError(f'{path}: {error.strerror}; copy the recording again') from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise DataError(f'{path} is not the file that was written; copy the recording again')
    values = _read_arrays(path, data, kind)
    return kind(**values, **{n: tuple(v) if isinstance(v, list) else v for n, v in texts.items()})


def _read_arrays(path: Path, data: bytes, kind: type[Part]) -> dict[str, NDArray]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in kind.ARRAYS}
    except (KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(
            f'{path} must hold the plain arrays {", ".join(kind.ARRAYS)}: {error}; write it again'
        ) from error
