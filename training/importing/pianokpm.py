"""Import the PianoKPM release: two 2D views, key positions and EMG envelopes of the left hand.

Its folders hold one pickle a take, `t{task}_p{person}_{trial}.pkl`: `keyp_top` and `keyp_right`
(T, 21, >= 2), `keystroke_data` (N, 88), `emg_data` (N, 6). Letters: T frames, N samples, K keys (88).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.collection import Splits
from pianokpm_training.datasets.recording import (
    DataError,
    KeyTrack,
    Recording,
    RecordingInfo,
    SignalTrack,
    ViewTrack,
)
from pianokpm_training.importing.pickles import read_array
from pianokpm_training.importing.results import Imported, Progress, uniform_stamps, write_data

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.keyboard.layout import FIRST_KEY

FloatArray = NDArray[np.floating]

NAME = re.compile(r't(\d+)_p(\d+)_(\d+)')
VIEWS = {'top': 'keyp_top', 'right': 'keyp_right'}
KEYS, EMG = 'keystroke_data', 'emg_data'
POSE_RATE = 60.0
RATES = (1000.0, 1024.0)
"""What the release's samples may be: 1 kHz as recorded, or 1024 a second as its authors pair them [Hz]."""

TOLERANCE = 0.01
"""How far the number of samples to a frame may be from one of these; the two differ by 2.4 %."""

IMAGE_SIZE = (1920, 1080)
"""Assumed of the views [px]: the release does not say."""

ON_THE_WAY = (-0.95, -0.05)
"""Readings between these show that a key's way begins at -1: a sensor's noise reaches neither from rest nor from 0."""

BEYOND = 0.1
"""How far beyond the image a point may be guessed, as part of its width."""

USUAL = 99.0
"""Percentile of the points that tells how large the images are."""

SPLITS = {'dataset_architectural.json': 'within', 'dataset_held_out.json': 'held_out'}
ROLES = {
    'train': 'train',
    'val': 'validation',
    'validation': 'validation',
    'test': 'test',
    'test_cross_user': 'test_users',
    'test_cross_task': 'test_tasks',
}
PROCESSING = (
    'as released by the PianoKPM authors: smooth, clipped, normalised envelope in about [-1, 1]; '
    'its filters and what 1 stands for are not published; channel APB is called PB there'
)


@dataclass(frozen=True)
class PianoKpmSettings:
    """What the release leaves open.

    Attributes:
        side: the recorded hand; the figures of the paper show left hands.
        pose_rate: of the frames [Hz].
        signal_rate: of EMG and keys [Hz]; None = found from the numbers of samples.
        key_range: values of a key at rest and at its bottom; None = found from the values.
        image_size: (width, height) of the views [px]; points within 0 to 1 are in units of the image instead.
    """

    side: Side = Side.LEFT
    pose_rate: float = POSE_RATE
    signal_rate: float | None = None
    key_range: tuple[float, float] | None = None
    image_size: tuple[int, int] = IMAGE_SIZE

    def __post_init__(self) -> None:
        for name in ('pose_rate', 'signal_rate'):
            rate = getattr(self, name)
            if rate is not None and not 0 < rate < np.inf:
                raise DataError(f'asked for {name} = {rate:g} Hz; it must be positive')
        if min(self.image_size) < 1:
            raise DataError(f'asked for images of {self.image_size}; both must be at least 1 px')
        span = np.diff(self.key_range or (0.0, 1.0))
        if not np.isfinite(span).all() or not span.all():
            raise DataError(
                f'asked for a key range of {self.key_range}; rest and bottom must be two different numbers'
            )


@dataclass
class _Findings:
    """What is counted over all takes."""

    rates: dict[float, list[str]] = field(default_factory=dict)
    ranges: dict[tuple[float, float], list[str]] = field(default_factory=dict)
    ratios: list[float] = field(default_factory=list)
    unseen: int = 0
    values: int = 0
    sizes: set[tuple[int, int]] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)


def import_pianokpm(
    source: Path,
    out: Path,
    settings: PianoKpmSettings | None = None,
    progress: Progress = lambda *_: None,
) -> Imported:
    """Make a data set of an unpacked release."""
    folders = {name: find_folder(source, name) for name in (*VIEWS.values(), KEYS, EMG)}
    takes = sorted(p.stem for p in folders[EMG].glob('*.pkl'))
    if not takes:
        raise DataError(f'{folders[EMG]} has no .pkl file; unpack the release there')
    found, settings = _Findings(), settings or PianoKpmSettings()
    recordings = (_read_take(take, folders, settings, found) for take in takes)
    data = write_data(
        out,
        recordings,
        len(takes),
        lambda: read_splits(source, takes, found.missing),
        'PianoKPM data set as released (two 2D views, no 3D)',
        {'program': 'pianokpm dataset import pianokpm', 'source': Path(source).name},
        progress,
    )
    return Imported(data, tuple(_report(found, settings.pose_rate)))


def find_folder(source: Path, name: str) -> Path:
    """Find a folder of the release, at its top or in `hand_data`."""
    places = [Path(source) / name, Path(source) / 'hand_data' / name]
    for place in places:
        if place.is_dir():
            return place
    raise DataError(
        f'asked to import the PianoKPM release {source}, which has no folder {name}; unpack '
        'hand_data.zip, keystroke_data.zip and emg_data.zip in it'
    )


def _read_take(
    take: str, folders: Mapping[str, Path], settings: PianoKpmSettings, found: _Findings
) -> Recording:
    match = NAME.fullmatch(take)
    if match is None:
        raise DataError(
            f'{take}.pkl is not called t<task>_p<person>_<trial>.pkl; rename or remove it'
        )
    task, person, trial = (int(n) for n in match.groups())
    arrays = {n: read_array(folder / f'{take}.pkl') for n, folder in folders.items()}
    emg, keys = (_expect(take, n, arrays[n], w) for n, w in ((EMG, len(MUSCLES)), (KEYS, 88)))
    views = {v: _expect_view(take, arrays[n]) for v, n in VIEWS.items()}
    rate = _check_lengths(take, views, keys, emg, settings, found)
    low, high = settings.key_range or find_key_range(take, keys)
    found.ranges.setdefault((low, high), []).append(take)
    stamp = uniform_stamps(len(emg), rate)
    info = RecordingInfo(
        name=take,
        subject=f'p{person:02d}',
        task=f't{task}',
        trial=max(trial - 1, 0),
        side=settings.side,
        session=take,
        simulated=False,
        normalization='',
        description=f'PianoKPM task {task}, person {person}, trial {trial}',
        provenance=_provenance(rate, len(emg) / len(views['top']), (low, high), settings),
    )
    return Recording(
        info,
        views={n: _make_view(take, v, settings, found) for n, v in views.items()},
        keys=compress_keys((keys - low) / (high - low), rate),
        envelope=SignalTrack(stamp, emg.astype(np.float32), MUSCLES, '1', PROCESSING),
    )


def _provenance(
    rate: float, ratio: float, keys: tuple[float, float], settings: PianoKpmSettings
) -> dict[str, Any]:
    return {
        'program': 'pianokpm dataset import pianokpm',
        'licence': 'none is stated with the release: ask its authors before you hand anything on',
        'samples_a_frame': round(ratio, 4),
        'signal_rate': rate,
        'signal_rate_from': 'the user' if settings.signal_rate else 'the numbers of samples',
        'key_range': list(keys),
    }


def _expect(take: str, name: str, array: NDArray, width: int) -> FloatArray:
    if array.ndim != 2 or array.shape[1] != width or not len(array):
        raise DataError(
            f'{name}/{take}.pkl must hold (samples, {width}) numbers, found {array.shape}'
        )
    return array.astype(np.float64)


def _expect_view(take: str, array: NDArray) -> FloatArray:
    if array.ndim != 3 or array.shape[1] != 21 or array.shape[2] < 2 or not len(array):
        raise DataError(
            f'the views of {take} must hold (frames, 21, 2 or more), found {array.shape}'
        )
    return array[..., :2].astype(np.float64)


def _check_lengths(
    take: str,
    views: Mapping[str, FloatArray],
    keys: FloatArray,
    emg: FloatArray,
    settings: PianoKpmSettings,
    found: _Findings,
) -> float:
    """Return the rate of the signals [Hz], and refuse takes whose parts do not belong together."""
    frames = len(views['top'])
    for name, count, wanted in (
        ('right view', len(views['right']), frames),
        ('keys', len(keys), len(emg)),
    ):
        if abs(count - wanted) > TOLERANCE * wanted:
            raise DataError(
                f'{take}: the {name} have {count} samples where {wanted} are expected; leave it out'
            )
    ratio = len(emg) / frames
    found.ratios.append(ratio)
    rate = settings.signal_rate or find_rate(take, ratio, settings.pose_rate)
    found.rates.setdefault(rate, []).append(take)
    return rate


def find_rate(take: str, ratio: float, pose_rate: float) -> float:
    """Tell 1 kHz from 1024 samples a second by the number of samples to a frame."""
    for rate in RATES:
        if abs(ratio * pose_rate / rate - 1.0) <= TOLERANCE:
            return rate
    words = ' or '.join(f'{r / pose_rate:.2f} ({r:g} Hz)' for r in RATES)
    raise DataError(
        f'{take} has {ratio:.2f} samples of EMG to a frame; expected {words}. Say --pose-rate and '
        '--signal-rate if you know them'
    )


def find_key_range(take: str, keys: FloatArray) -> tuple[float, float]:
    """Find what a key at rest and at its bottom read.

    A key at rest reads -1. Where values well between -1 and 0 occur (`ON_THE_WAY`), as they do in each stroke of a
    key that begins at -1, -1 to 1 is one scale; where none do, -1 only marks rest and positions are 0 to 1.
    """
    known = keys[np.isfinite(keys)]
    if known.size and (known.min() < -1.001 or known.max() > 1.05):
        raise DataError(
            f'{take}: keys read {known.min():g} to {known.max():g}, expected -1 (at rest) to 1; say '
            '--key-range REST BOTTOM'
        )
    between = (known > ON_THE_WAY[0]) & (known < ON_THE_WAY[1])
    return (-1.0, 1.0) if between.any() else (0.0, 1.0)


def compress_keys(position: FloatArray, rate: float) -> KeyTrack:
    """Keep (N, K) positions only where a key moves, with one still sample on either side of each motion."""
    stamps = uniform_stamps(len(position), rate)
    rows = [_compress_key(column, rate) for column in position.T]  # one by one: takes are long
    at = np.concatenate([r[0] for r in rows])
    key = np.repeat(np.arange(len(rows)) + FIRST_KEY, [len(r[0]) for r in rows])
    order = np.lexsort((key, at))
    return KeyTrack(
        stamps[at[order]],
        key[order].astype(np.uint8),
        np.concatenate([r[1] for r in rows])[order].astype(np.float32),
        np.concatenate([r[2] for r in rows])[order].astype(np.float32),
        'sensor:pianokpm',
    )


def _compress_key(position: FloatArray, rate: float) -> tuple[NDArray, FloatArray, FloatArray]:
    """Return the indices, positions and velocities to keep of one key."""
    known = np.isfinite(position)
    position = np.clip(np.where(known, position, 0.0), 0.0, 1.0)
    change = np.diff(position, prepend=position[:1]) != 0.0
    moving = change.copy()
    moving[:-1] |= change[1:]
    moving[1:] |= change[:-1]
    moving[0] |= position[0] > 0
    at = np.flatnonzero(moving & known)
    course = np.where(known, position, np.nan)  # beside lost samples the speed is unknown too
    velocity = np.gradient(course) * rate if len(position) > 1 else np.zeros(1)
    return at, position[at], velocity[at]


def _make_view(
    take: str, points: FloatArray, settings: PianoKpmSettings, found: _Findings
) -> ViewTrack:
    """A point at exactly (0, 0) is one that was not seen."""
    unseen = (points == 0.0).all(axis=2)
    found.unseen += int(unseen.sum())
    found.values += unseen.size
    pixels = np.where(unseen[..., None], np.nan, points).astype(np.float32)
    size = _find_size(take, pixels, settings.image_size)
    found.sizes.add(size)
    return ViewTrack(uniform_stamps(len(pixels), settings.pose_rate), pixels, size, 'imported')


def _find_size(take: str, pixels: FloatArray, assumed: tuple[int, int]) -> tuple[int, int]:
    """Tell points in units of the image from pixels, and refuse those of a larger image than is assumed."""
    known = pixels[np.isfinite(pixels).all(axis=2)]
    # Of a detector's wild guesses none decides.
    largest = np.percentile(known, USUAL, axis=0) if len(known) else np.zeros(2)
    if (largest <= 1.5).all():
        return (1, 1)
    if (largest > np.array(assumed) + BEYOND * assumed[0]).any():
        raise DataError(
            f'{take} has points at {largest[0]:.0f}, {largest[1]:.0f}, outside an image of {assumed[0]} x '
            f'{assumed[1]}; say --image-size WIDTH HEIGHT'
        )
    return assumed


def read_splits(source: Path, takes: list[str], missing: list[str]) -> Splits:
    """Take over the release's split files; names without a take are counted in `missing` and left out."""
    splits: dict[str, dict[str, list[str]]] = {}
    for file, split in SPLITS.items():
        path = Path(source) / file
        if not path.is_file():
            continue
        try:
            content = json.loads(path.read_text())
            roles = {ROLES[role]: [_stem(n) for n in names] for role, names in content.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f'{path} is no split file (roles {", ".join(ROLES)}, each a list of takes): {error!r}'
            ) from error
        splits[split] = {r: [n for n in names if n in takes] for r, names in roles.items()}
        missing += [n for names in roles.values() for n in names if n not in takes]
    return splits


def _stem(name: str) -> str:
    return Path(name).name.removesuffix('.pkl')


def _report(found: _Findings, pose_rate: float) -> Iterator[str]:
    low, high = min(found.ratios), max(found.ratios)
    yield f'{low:.3f} to {high:.3f} samples of EMG to a frame'
    for rate, takes in sorted(found.rates.items()):
        yield f'{len(takes)} takes are taken as {rate:g} Hz, with frames at {pose_rate:g} Hz'
    for (rest, bottom), takes in sorted(found.ranges.items()):
        yield f'keys of {len(takes)} takes are read from {rest:g} (rest) to {bottom:g} (bottom)'
    if len(found.ranges) > 1:
        yield 'that keys of some takes are read otherwise is hardly right: say --key-range REST BOTTOM'
    if 1000.0 in found.rates and pose_rate == POSE_RATE:
        yield (
            'pairing 1024 of these samples with 60 frames, as the published code does, would drift by '
            '24 ms in each 1-s window; here every sample has its own time'
        )
    for width, height in found.sizes:
        if (width, height) != (1, 1):
            yield f'the size of the images is assumed, the release does not say it: {width} x {height}'
    if found.unseen:
        part = 100 * found.unseen / found.values
        yield f'{part:.2f} % of the points lie at (0, 0): taken as not seen'
    if found.missing:
        yield f'{len(found.missing)} takes of the split files are not there, such as {found.missing[0]}'
