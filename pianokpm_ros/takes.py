"""Takes: a simulated performance, the cameras that saw it, and its videos, in one folder.

Letters: T pose samples, K key samples, E envelope samples, M muscles. Times are int nanoseconds
from the take's start. The hands are in the order left, right.
"""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import LANDMARK_COUNT, MUSCLES, Side
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.geometry.rig import Rig, load_rig, save_rig
from pianokpm_ros.keyboard.key_samples import KeySamples, write_midi
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_COUNT
from pianokpm_ros.outputs import whole_folder
from pianokpm_ros.records import NANOSECONDS

FloatArray = NDArray[np.floating]

SCHEMA, VERSION = 'pianokpm-take', 1
SIDES = (Side.LEFT, Side.RIGHT)
SIMULATED_KEYS = 'sensor:simulated:'
"""Begins the source of a take's keys, so that a recording of them says what it is."""

FILES = ('rig.yaml', 'truth.npz', 'keys.mid')
TRUTH = {
    'stamp': np.int64,
    'landmarks': np.float32,
    'key_stamp': np.int64,
    'key': np.uint8,
    'key_position': np.float32,
    'key_velocity': np.float32,
    'envelope_stamp': np.int64,
    'envelope': np.float32,
}
"""The arrays of truth.npz and their types; `Performance` has them as attributes."""


class TakeError(PianokpmError, ValueError):
    """A take or a performance can't be used."""


@dataclass(frozen=True, eq=False)
class Performance:
    """What two simulated hands do: nothing in it is measured.

    Attributes:
        stamp: (T,) [ns], the first 0, ascending.
        landmarks: (T, 2, 21, 3) [m], rig frame; NaN where a hand is absent.
        key_stamp: (K,) [ns], not descending; samples only where a key moves.
        key: (K,) MIDI numbers.
        key_position: (K,) 0 at rest, 1 at the key bottom.
        key_velocity: (K,) [1/s], positive downwards.
        envelope_stamp: (E,) [ns], ascending, at a steady rate.
        envelope: (2, E, M) fraction of MVC, muscles in the order of `anatomy.MUSCLES`.
        name: short, of letters that suit a file name.
        seed: of all that was drawn by chance.
        description: one or two sentences: what is played, what simulated it.
    """

    stamp: NDArray[np.int64]
    landmarks: NDArray[np.float32]
    key_stamp: NDArray[np.int64]
    key: NDArray[np.uint8]
    key_position: NDArray[np.float32]
    key_velocity: NDArray[np.float32]
    envelope_stamp: NDArray[np.int64]
    envelope: NDArray[np.float32]
    name: str
    seed: int
    description: str

    def __post_init__(self) -> None:
        for name, kind in TRUTH.items():
            object.__setattr__(self, name, np.asarray(getattr(self, name), kind))
        count, keys, samples = len(self.stamp), len(self.key_stamp), len(self.envelope_stamp)
        self._check_shape('landmarks', (count, len(SIDES), LANDMARK_COUNT, 3))
        for name in ('key', 'key_position', 'key_velocity'):
            self._check_shape(name, (keys,))
        self._check_shape('envelope', (len(SIDES), samples, len(MUSCLES)))
        self._check_times()
        self._check_values()

    def _check_shape(self, name: str, shape: tuple[int, ...]) -> None:
        found = getattr(self, name).shape
        if found != shape:
            raise TakeError(f'performance {self.name!r}: {name} must be {shape}, found {found}')

    def _check_times(self) -> None:
        if not len(self.stamp) or self.stamp[0] != 0:
            raise TakeError(f'performance {self.name!r}: the first stamp must be 0')
        for name, least in (('stamp', 1), ('key_stamp', 0), ('envelope_stamp', 1)):
            steps = np.diff(getattr(self, name))
            if (steps < least).any():
                raise TakeError(
                    f'performance {self.name!r}: {name} must ascend, but falls back after '
                    f'index {int(np.argmax(steps < least))}'
                )

    def _check_values(self) -> None:
        keys = self.key.astype(int) - FIRST_KEY
        if ((keys < 0) | (keys >= KEY_COUNT)).any():
            raise TakeError(f'performance {self.name!r}: keys must be MIDI numbers 21 to 108')
        for name in ('key_position', 'key_velocity', 'envelope'):
            if not np.isfinite(getattr(self, name)).all():
                raise TakeError(f'performance {self.name!r}: {name} must be finite')

    @property
    def duration(self) -> int:
        """Time of the last pose sample [ns]."""
        return int(self.stamp[-1])

    @property
    def rate(self) -> float:
        """Mean rate of the poses [Hz], NaN with a single one."""
        return (len(self.stamp) - 1) * NANOSECONDS / self.duration if self.duration else np.nan

    @property
    def envelope_rate(self) -> float:
        """Rate of the envelope [Hz], NaN where it has fewer than two samples."""
        if len(self.envelope_stamp) < 2:
            return float('nan')
        span = int(self.envelope_stamp[-1] - self.envelope_stamp[0])
        return (len(self.envelope_stamp) - 1) * NANOSECONDS / span

    def sensor_keys(self) -> KeySamples:
        """Return the keys as position sensors see them; `records()` of it gives messages at a steady rate."""
        none = np.zeros(len(self.key), np.uint8)
        return KeySamples(
            self.key_stamp,
            self.key,
            self.key_position,
            self.key_velocity,
            none,
            f'{SIMULATED_KEYS}{self.name}',
        )


@dataclass(frozen=True, eq=False)
class Take:
    """A performance that was filmed by virtual cameras.

    Attributes:
        path: folder it was read from.
        performance: the truth.
        rig: the cameras, exactly calibrated.
        videos: file of each camera, by name; frame i shows `performance.stamp[i]`.
        midi: Standard MIDI file of what sounds.
        rate: of the videos [Hz].
        made: how it was made, such as the command and its options.
    """

    path: Path
    performance: Performance
    rig: Rig
    videos: dict[str, Path]
    midi: Path
    rate: float
    made: dict[str, Any]

    def select(self, names: Sequence[str]) -> 'Take':
        """Return the take as fewer cameras saw it."""
        rig = self.rig.select(tuple(names))
        return replace(self, rig=rig, videos={n: self.videos[n] for n in rig.names})

    def sensor_keys(self) -> KeySamples:
        """Return the keys as position sensors see them (source `sensor:simulated:...`)."""
        return self.performance.sensor_keys()


def save_take(
    path: Path | str,
    performance: Performance,
    rig: Rig,
    videos: Mapping[str, Path],
    rate: float,
    made: Mapping[str, Any],
) -> Take:
    """Write a take, complete or not at all; an existing take of that name is replaced.

    Args:
        path: folder to make.
        performance: the truth.
        rig: the cameras.
        videos: a finished MP4 for each camera of the rig; they are moved into the take.
        rate: of the videos [Hz].
        made: how it was made, for `take.json`.
    """
    path = Path(path)
    missing = sorted(set(rig.names) ^ set(videos))
    if missing:
        raise TakeError(f'asked to save {path}: rig and videos differ in {", ".join(missing)}')
    check_target(path)
    try:
        with whole_folder(path) as part:
            part.mkdir()
            _fill(part, performance, rig, videos, rate, made)
    except OSError as error:
        raise TakeError(f'asked to save {path}: {error.strerror or error}') from error
    return load_take(path)


def check_target(path: Path) -> None:
    """Refuse a folder that holds something else than a take."""
    if path.exists() and not (path / 'take.json').is_file() and any(path.iterdir()):
        raise TakeError(
            f'asked to save a take as {path}, which holds something else; name another folder'
        )


def _fill(
    folder: Path,
    performance: Performance,
    rig: Rig,
    videos: Mapping[str, Path],
    rate: float,
    made: Mapping[str, Any],
) -> None:
    for name, video in videos.items():
        shutil.move(video, folder / f'{name}.mp4')
    save_rig(rig, folder / 'rig.yaml')
    np.savez_compressed(folder / 'truth.npz', **{n: getattr(performance, n) for n in TRUTH})
    write_midi(performance.sensor_keys(), folder / 'keys.mid')
    manifest = {
        'schema': SCHEMA,
        'version': VERSION,
        'name': performance.name,
        'simulated': True,
        'description': performance.description,
        'made': dict(made),
        'seed': performance.seed,
        'rate': rate,
        'cameras': list(rig.names),
        'sides': [s.label for s in SIDES],
        'muscles': list(MUSCLES),
        'envelope_rate': round(performance.envelope_rate, 6),
        'sha256': {f.name: _hash(f) for f in sorted(folder.iterdir())},
    }
    (folder / 'take.json').write_text(json.dumps(manifest, indent=2) + '\n')


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_take(path: Path | str) -> Take:
    """Read a take after checking that every file is what was written."""
    path = Path(path)
    manifest = _read_manifest(path)
    try:
        cameras, made = tuple(map(str, manifest['cameras'])), dict(manifest['made'])
        words = {n: manifest[n] for n in ('name', 'seed', 'description')}
        rate, hashes = float(manifest['rate']), dict(manifest['sha256'])
        muscles = tuple(manifest['muscles'])
    except (KeyError, TypeError, ValueError) as error:
        raise TakeError(f'{path / "take.json"} lacks or garbles {error}; make it again') from error
    if muscles != MUSCLES:
        raise TakeError(f'{path}: expected the muscles {MUSCLES}, found {muscles}')
    videos = {name: path / f'{name}.mp4' for name in cameras}
    _check_files(path, [*videos.values(), *(path / n for n in FILES)], hashes)
    rig = load_rig(path / 'rig.yaml').select(cameras)
    performance = Performance(**_read_truth(path / 'truth.npz'), **words)
    return Take(path, performance, rig, videos, path / 'keys.mid', rate, made)


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((path / 'take.json').read_text())
    except OSError as error:
        raise TakeError(
            f'asked for the take {path}: take.json: {error.strerror}; name the folder of a take or '
            'make one with `pianokpm studio`'
        ) from error
    except ValueError as error:
        raise TakeError(f'{path / "take.json"} is no JSON file: {error}') from error
    if not isinstance(manifest, dict) or manifest.get('schema') != SCHEMA:
        raise TakeError(f'{path / "take.json"}: expected the schema {SCHEMA!r}; is this a take?')
    if manifest.get('version') != VERSION:
        raise TakeError(
            f'{path}: expected version {VERSION}, found {manifest.get("version")!r}; use a matching pianokpm'
        )
    return manifest


def _check_files(path: Path, files: list[Path], hashes: Mapping[str, str]) -> None:
    for file in files:
        if not file.is_file():
            raise TakeError(f'{path}: {file.name} is missing; copy or make the take again')
        if hashes.get(file.name) != _hash(file):
            raise TakeError(
                f'{path}: {file.name} is not the file this take was made with (SHA-256 differs); '
                'copy or make the take again'
            )


def _read_truth(path: Path) -> dict[str, NDArray]:
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in TRUTH}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise TakeError(f'{path} is no truth file of a take: {error}; make it again') from error
