"""Build a data set from the bags of recording sessions.

Letters: N samples, C channels, M muscles.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.collection import (
    INDEX,
    DataSet,
    find_recordings,
    index_data,
)
from pianokpm_training.datasets.folder import MANIFEST, read_manifest, save_recording
from pianokpm_training.datasets.recording import (
    DataError,
    KeyTrack,
    NoteTrack,
    Recording,
    RecordingInfo,
    SignalTrack,
)
from pianokpm_training.sessions.clocks import ClockCheck, check_emg, check_keys
from pianokpm_training.sessions.notes import find_notes
from pianokpm_training.sessions.quality import check_emg_quality, summarise
from pianokpm_training.sessions.reading import SessionData, read_session

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.processing import (
    RAW,
    describe,
    envelope,
    find_line_peaks,
    fit_settings,
    normalize_to_mvc,
    normalize_to_percentile,
)
from pianokpm_ros.outputs import whole_file
from pianokpm_ros.recording.emg import EmgSignal, measure_mvc
from pianokpm_ros.recording.events import PSEUDONYM, Trial
from pianokpm_ros.recording.reader import find_files
from pianokpm_ros.records import NANOSECONDS, EmgOrigin, Normalization
from pianokpm_ros.takes import SIMULATED_KEYS

FloatArray = NDArray[np.floating]

ENVELOPE_STEP = 1_000_000
"""Time between envelope samples [ns]."""

REPORT = 'quality'


@dataclass(frozen=True)
class BuildSettings:
    """How sessions become recordings.

    Attributes:
        cutoff: of the envelope's low-pass [Hz].
        key_offset: how late the keys' stamps are [s]; it is subtracted.
        emg_offset: likewise of the EMG.
        force: also take sessions whose clocks do not agree.
    """

    cutoff: float = 10.0
    key_offset: float = 0.0
    emg_offset: float = 0.0
    force: bool = False


@dataclass(frozen=True, eq=False)
class Built:
    """What became of one bag."""

    bag: Path
    recordings: tuple[str, ...]
    clocks: tuple[ClockCheck, ...]
    report: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A session ready to be cut: shifted, filtered, with its notes."""

    data: SessionData
    notes: NoteTrack | None
    envelope: FloatArray | None
    processing: str
    normalization: str
    scale: FloatArray | None
    clocks: tuple[ClockCheck, ...]


def build_data(
    bags: Sequence[Path],
    out: Path,
    settings: BuildSettings,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> tuple[DataSet, list[Built]]:
    """Add the sessions of some bags to a data set, new or one that was built here before.

    Raises:
        DataError: where clocks do not agree, or nothing can be learned.

    Whatever ends it, a full disk or Ctrl-C, nothing of these bags is left.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise DataError(f'asked to build in {out}, which is a file; name a new folder')
    if out.exists() and any(out.iterdir()) and not (out / INDEX).is_file():
        raise DataError(
            f'asked to build in {out}, which exists and is no data set; name a new folder'
        )
    fresh = not out.exists() or not any(out.iterdir())
    written: list[Path] = []
    try:
        return _build_bags(bags, out, settings, progress, written)
    except BaseException:
        for path in [out] if fresh else written:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        raise


def _build_bags(
    bags: Sequence[Path],
    out: Path,
    settings: BuildSettings,
    progress: Callable[[str, int, int], None],
    written: list[Path],
) -> tuple[DataSet, list[Built]]:
    names = Subjects(out)
    built = []
    for i, bag in enumerate(bags):
        progress('read', i, len(bags))
        built.append(_build_bag(Path(bag), out, settings, names, written))
    progress('read', len(bags), len(bags))
    simulated = any(entry.simulated for entry in find_recordings(out))
    words = 'Recording sessions' + ('; holds simulated signals' if simulated else '')
    made = index_data(out, make_splits(out), words, {'program': 'pianokpm dataset build'})
    return made, built


def _build_bag(
    bag: Path, out: Path, settings: BuildSettings, names: 'Subjects', written: list[Path]
) -> Built:
    digest = hash_bag(bag)
    if digest in names.digests:
        raise DataError(f'{bag} is in {out} already; to build it again, build a new data set')
    prepared = prepare(read_session(bag), settings)
    # A check that can't tell is no refusal, but often the cause of the other's figure.
    if any(not c.fine and np.isfinite(c.offset) for c in prepared.clocks) and not settings.force:
        words = '; '.join(c.words for c in prepared.clocks if not c.fine)
        raise DataError(
            f'{bag}: {words}; or build a data set all the same: `pianokpm dataset build BAG -o DATA --force`'
        )
    subject = names.pseudonym(str(prepared.data.about.get('subject', '')), bag)
    session = f'{subject}-{names.next_session(subject)}'
    recordings = list(cut(prepared, subject, session, settings, digest))
    names.digests.add(digest)
    if not recordings:
        raise DataError(f'{bag} has no task with a hand in space; record poses, or mark the tasks')
    written += [out / subject / recording.info.name for recording in recordings]
    written += [out / 'quality' / f'{session}{kind}' for kind in ('.json', '.png')]
    for recording in recordings:
        save_recording(recording, out / subject / recording.info.name)
    report = write_report(prepared, session, out)
    return Built(bag, tuple(r.info.name for r in recordings), prepared.clocks, report)


def hash_bag(bag: Path) -> str:
    """Return the SHA-256 of a bag's files, by which it is known again."""
    found = hashlib.sha256()
    for file in find_files(bag):
        with file.open('rb') as stream:
            while block := stream.read(1 << 22):
                found.update(block)
    return found.hexdigest()


def prepare(data: SessionData, settings: BuildSettings) -> Prepared:
    """Shift the clocks as told, find notes, make envelopes, check everything."""
    keys, emg = data.keys, data.emg
    if keys is not None:
        shifted = keys.stamp - round(settings.key_offset * NANOSECONDS)
        keys = replace(keys, stamp=shifted)
    if emg is not None:
        emg = replace(emg, stamp=emg.stamp - round(settings.emg_offset * NANOSECONDS))
    data = replace(data, keys=keys, emg=emg)
    notes = find_notes(keys, data.velocities, data.poses) if keys is not None else None
    clocks = [check_keys(notes, data.poses)] if notes is not None and data.poses else []
    if emg is None:
        return Prepared(data, notes, None, '', '', None, tuple(clocks))
    values, words, name, scale = make_envelope(emg, data.trials, settings.cutoff)
    if notes is not None:
        tasks = _inside_tasks(emg.stamp, data.trials)
        for side in (Side.LEFT, Side.RIGHT):
            own = emg.side == side
            if own.any():
                clocks.append(check_emg(notes, side, emg.stamp[tasks], values[tasks][:, own]))
    return Prepared(data, notes, values, words, name, scale, tuple(clocks))


def _inside_tasks(stamp: NDArray[np.int64], trials: list[Trial]) -> NDArray[np.bool_]:
    tasks = [t for t in trials if t.kind == 'task']
    if not tasks:
        return np.ones(len(stamp), bool)
    return np.any([(stamp >= t.begin) & (stamp <= t.end) for t in tasks], axis=0)


def make_envelope(
    emg: EmgSignal, trials: list[Trial], cutoff: float
) -> tuple[FloatArray, str, str, FloatArray]:
    """Make (N, C) normalised envelopes; returns them, how, what 1.0 stands for, and the (C,) scale."""
    notch = find_line_peaks(emg.samples, emg.rate)
    settings = fit_settings(emg.rate, cutoff, notch)
    raw = emg.processing == RAW
    values = envelope(emg.samples, emg.rate, settings) if raw else emg.samples.astype(np.float64)

    def say(scale: str) -> str:
        """Say what was done: what came processed was not filtered again."""
        done = f'{emg.processing}; normalisation {scale}'
        return describe(settings, False, scale) if raw else done

    mvc = measure_mvc(emg, values, trials)
    if np.isfinite(mvc).all():
        return normalize_to_mvc(values, mvc), say('MVC'), Normalization.MVC.name, mvc
    scaled, scale = normalize_to_percentile(values)
    return scaled, say('percentile 99.5 of the session'), Normalization.PERCENTILE.name, scale


def cut(
    prepared: Prepared, subject: str, session: str, settings: BuildSettings, digest: str = ''
) -> Iterator[Recording]:
    """Make one recording for each task and hand in space; without marked tasks the whole session is one."""
    data = prepared.data
    tasks = [t for t in data.trials if t.kind == 'task'] or [_whole(data)]
    seen: dict[str, int] = {}
    for trial in tasks:
        task = name_task(str(trial.details.get('task', 'free')))
        number = seen.get(task, 0)
        seen[task] = number + 1
        for side, pose in data.poses.items():
            inside = (pose.stamp >= trial.begin) & (pose.stamp <= trial.end)
            if inside.sum() < 2:
                continue
            about = {'settings': asdict(settings), 'bag_sha256': digest}
            yield _make(prepared, trial, side, subject, session, task, number, about)


def name_task(said: str) -> str:
    """Return what a bag calls a task as a part of folder names, which must not lead anywhere else."""
    return re.sub(r'[^\w-]+', '-', said).strip('-_') or 'free'


def _whole(data: SessionData) -> Trial:
    stamps = [p.stamp for p in data.poses.values()] or [np.zeros(1, np.int64)]
    return Trial('task', min(int(s[0]) for s in stamps), max(int(s[-1]) for s in stamps), {})


def _make(
    prepared: Prepared,
    trial: Trial,
    side: Side,
    subject: str,
    session: str,
    task: str,
    number: int,
    about: dict[str, Any],
) -> Recording:
    data, emg = prepared.data, prepared.data.emg
    own = np.flatnonzero(emg.side == side) if emg is not None else np.zeros(0, int)
    views = {camera: _cut(view, trial) for (camera, s), view in data.views.items() if s == side}
    info = RecordingInfo(
        name=f'{session}_{task}_{number}_{side.label}',
        subject=subject,
        task=task,
        trial=number,
        side=side,
        session=session,
        simulated=is_simulated(data),
        normalization=prepared.normalization if len(own) else '',
        description=str(trial.details.get('description', trial.details.get('task', task))),
        provenance={
            'program': 'pianokpm dataset build',
            **about,
            'emg_source': emg.source if emg is not None else '',
            'emg_origin': emg.origin.name.lower() if emg is not None else '',
            'clocks': [asdict(c) for c in prepared.clocks],
        },
    )
    keys = _cut_keys(data.keys, trial) if data.keys is not None else None
    return Recording(
        info,
        pose=_cut(data.poses[side], trial),
        views=views,
        keys=keys,
        notes=_cut_notes(prepared.notes, trial) if prepared.notes is not None else None,
        emg=_cut_emg(emg, trial, own) if len(own) else None,
        envelope=_cut_envelope(prepared, trial, own) if len(own) else None,
    )


def is_simulated(data: SessionData) -> bool:
    """Tell whether the session says it of itself, or its EMG, or its keys, as those of a take do."""
    said = bool(data.about.get('simulated', False))
    keys = data.keys is not None and data.keys.source.startswith(SIMULATED_KEYS)
    return said or keys or (data.emg is not None and data.emg.origin is not EmgOrigin.MEASURED)


def _cut(part: Any, trial: Trial) -> Any:
    inside = (part.stamp >= trial.begin) & (part.stamp <= trial.end)
    arrays = {n: a[inside] for n, a in part.arrays().items()}
    return replace(part, **arrays | {'stamp': arrays['stamp'] - trial.begin})


def _cut_keys(keys: KeyTrack, trial: Trial) -> KeyTrack:
    """Cut, and let keys that are already down begin with a sample at time 0; they don't move, if that is measured."""
    part = _cut(keys, trial)
    before = keys.stamp < trial.begin
    held = [
        k
        for k in np.unique(keys.key[before])
        if keys.position[before][keys.key[before] == k][-1] > 0
    ]
    if not held:
        return part
    last = [np.flatnonzero(before & (keys.key == k))[-1] for k in held]
    still = np.where(np.isfinite(keys.velocity[last]), np.float32(0.0), np.float32(np.nan))
    return replace(
        part,
        stamp=np.concatenate([np.zeros(len(held), np.int64), part.stamp]),
        key=np.concatenate([np.array(held, np.uint8), part.key]),
        position=np.concatenate([keys.position[last], part.position]),
        velocity=np.concatenate([still, part.velocity]),
    )


def _cut_notes(notes: NoteTrack, trial: Trial) -> NoteTrack:
    part = _cut(notes, trial)
    return replace(part, release=part.release - trial.begin)


def _cut_emg(emg: EmgSignal, trial: Trial, own: NDArray) -> SignalTrack:
    inside = (emg.stamp >= trial.begin) & (emg.stamp <= trial.end)
    channels = tuple(emg.channel[c] for c in own)
    samples = emg.samples[inside][:, own].astype(np.float32)
    return SignalTrack(
        emg.stamp[inside] - trial.begin, samples, channels, emg.unit, emg.processing
    )


def _cut_envelope(prepared: Prepared, trial: Trial, own: NDArray) -> SignalTrack:
    """Bring the envelope onto whole milliseconds; a lost sample stays lost."""
    emg = prepared.data.emg
    grid = np.arange(0, trial.end - trial.begin + 1, ENVELOPE_STEP, dtype=np.int64)
    at = grid + trial.begin
    values = np.stack(
        [np.interp(at, emg.stamp, prepared.envelope[:, c], np.nan, np.nan) for c in own], axis=1
    )
    channels = tuple(emg.channel[c] for c in own)
    return SignalTrack(grid, values.astype(np.float32), channels, 'mvc', prepared.processing)


class Subjects:
    """Give persons names that say nothing: pseudonyms stay, anything else is numbered and not kept."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._given: dict[str, str] = {}
        self.digests = {
            read_manifest(file.parent)['provenance'].get('bag_sha256', '')
            for file in sorted(out.glob(f'*/*/{MANIFEST}'))
        }

    def pseudonym(self, said: str, bag: Path) -> str:
        """Return a folder name for a person."""
        if PSEUDONYM.fullmatch(said):
            return said.lower().replace('-', '')
        key = said or str(bag)
        if key not in self._given:
            taken = {p.name for p in self._out.glob('s[0-9][0-9]*')} | set(self._given.values())
            self._given[key] = next(
                f's{i:02d}' for i in range(1, 10_000) if f's{i:02d}' not in taken
            )
        return self._given[key]

    def next_session(self, subject: str) -> int:
        """Return the number of a person's next session."""
        folders = (self._out / subject).glob(f'{subject}-*')
        numbers = [int(f.name.split('_')[0].rsplit('-', 1)[1]) for f in folders]
        return max(numbers, default=-1) + 1


def _in_order(name: str) -> list[tuple[int, str]]:
    """Return what to sort names by, so that the tenth session comes after the second."""
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r'(\d+)', name)]


def make_splits(out: Path) -> dict[str, dict[str, list[str]]]:
    """Hold out whole takes: the last of each person's tasks for test, the one before for validation."""
    takes: dict[str, dict[str, list[str]]] = {}
    for entry in sorted(find_recordings(out), key=lambda e: _in_order(e.name)):
        take = entry.name.rsplit('_', 1)[0]
        takes.setdefault(entry.subject, {}).setdefault(take, []).append(entry.name)
    roles: dict[str, list[str]] = {'train': [], 'validation': [], 'test': []}
    for own in takes.values():
        names = list(own)
        kept = len(names) - (2 if len(names) >= 3 else 1 if len(names) == 2 else 0)
        for i, take in enumerate(names):
            role = 'train' if i < kept else 'test' if i == len(names) - 1 else 'validation'
            roles[role] += own[take]
    return {'within': roles}


def write_report(prepared: Prepared, session: str, out: Path) -> dict[str, Any]:
    """Write the quality report of a session as JSON and, where there is EMG, a picture."""
    from pianokpm_training.sessions.pictures import draw_session

    emg = prepared.data.emg
    channels = check_emg_quality(emg, prepared.data.trials) if emg is not None else []
    unheard = int((prepared.notes.side == 0).sum()) if prepared.notes is not None else 0
    report = {
        'session': session,
        'simulated': is_simulated(prepared.data),
        'normalization': prepared.normalization,
        'clocks': [asdict(c) for c in prepared.clocks],
        'notes': len(prepared.notes.key) if prepared.notes is not None else 0,
        'notes_without_a_finger': unheard,
        **summarise(prepared.data, channels),
    }
    folder = out / REPORT
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / f'{session}.json') as part:
        part.write_text(json.dumps(report, indent=1) + '\n')
    draw_session(prepared, channels, folder / f'{session}.png')
    return report
