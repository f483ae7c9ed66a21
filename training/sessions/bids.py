"""Write EMG in the form of BIDS-EMG: BDF signals with their descriptions; simulated ones under `derivatives/`.

Letters: N samples, C channels.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.collection import DataSet
from pianokpm_training.datasets.recording import DataError, Recording, SignalTrack
from pianokpm_training.sessions.ticks import inside_gaps
from scipy import interpolate

from pianokpm_ros.anatomy import MUSCLE_NAMES
from pianokpm_ros.outputs import whole_folder

FloatArray = NDArray[np.floating]
BIDS_VERSION = '1.11.0'
MICROVOLT = 1e6
NOT_MEASURED = 'Simulated EMG; never a measurement of a person'
ABOUT = """Surface EMG of hand muscles during piano playing, exported by `pianokpm dataset export --bids`.
Persons are known by pseudonyms. What lies under `derivatives/simulated` was never measured: it
comes from simulated muscles. `acq` names the hand. Events are the notes that were played, by both
hands; their times are those of the EMG's clock. BDF holds whole seconds and no gaps: samples that did not
arrive are zeros, counted as LostSamples in the sidecar, and the rest of the last second is zeros too.
"""
COLUMNS = {
    'trial_type': {'Description': 'kind of event', 'Levels': {'note': 'a key was played'}},
    'key': {'Description': 'MIDI number of the key, 21 to 108'},
    'velocity': {'Description': 'MIDI velocity, 0 = unknown'},
    'finger': {'Description': '1 thumb to 5 little finger, as the hand in space tells'},
}
"""What the columns of an events file mean."""


def export_bids(
    data: DataSet, folder: Path, progress: Callable[[int, int], None] = lambda *_: None
) -> list[Path]:
    """Write every recording that has EMG to a new folder, complete or not at all; returns the signal files.

    Raises:
        DataError: where there is nothing to write, or two recordings would have one name: BIDS knows letters and
            digits alone.
    """
    folder = Path(folder)
    if folder.exists():
        raise DataError(f'asked to export to {folder}, which exists; name a new folder')
    with whole_folder(folder) as part:
        part.mkdir()
        files = []
        entries = list(data.entries.values())
        for i, entry in enumerate(entries):
            progress(i, len(entries))
            recording = data.load(entry)
            if recording.emg is not None and len(recording.emg.stamp) > 1:
                files += _write_recording(recording, part)
        progress(len(entries), len(entries))
        if not files:
            raise DataError(f'{data.folder} has no recording with EMG; nothing to export')
        _write_top(data, part)
    return [folder / f.relative_to(part) for f in files]


def _root(recording: Recording, top: Path) -> Path:
    if not recording.info.simulated:
        return top
    root = top / 'derivatives' / 'simulated'
    root.mkdir(parents=True, exist_ok=True)
    if not (root / 'dataset_description.json').exists():
        _dump(_describe(NOT_MEASURED, True), root)
        (root / 'README').write_text(f'{NOT_MEASURED}.\n\n{ABOUT}')
    return root


def _write_recording(recording: Recording, top: Path) -> list[Path]:
    info = recording.info
    subject, session = (''.join(c for c in t if c.isalnum()) for t in (info.subject, info.session))
    task = ''.join(c for c in info.task if c.isalnum())
    folder = _root(recording, top) / f'sub-{subject}' / f'ses-{session}' / 'emg'
    folder.mkdir(parents=True, exist_ok=True)
    hand = info.side.label
    # `desc` would say it better, but BIDS 1.11 knows it for no file of EMG.
    hand += 'simulated' if info.simulated else ''
    base = f'sub-{subject}_ses-{session}_task-{task}_acq-{hand}_run-{info.trial + 1}'
    samples, rate = resample(recording.emg)
    path = folder / f'{base}_emg.bdf'
    if path.exists():
        raise DataError(
            f'{info.name} and another recording would both be {path.name}: subject, session, task, hand and trial are '
            'the same but for signs that BIDS does not know; rename one'
        )
    lost = write_bdf(path, samples, rate, recording.emg)
    sidecar = _sidecar(recording, rate, len(samples), lost)
    _write_json(folder / f'{base}_emg.json', sidecar)
    (folder / f'{base}_channels.tsv').write_text(_channels(recording, rate))
    about = {'Description': NOT_MEASURED} if info.simulated else {}
    if about:
        _write_json(folder / f'{base}_channels.json', about)
    if recording.notes is not None:
        (folder / f'{base}_events.tsv').write_text(_events(recording))
        _write_json(folder / f'{base}_events.json', COLUMNS | about)
    return [path]


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + '\n')


def resample(emg: SignalTrack) -> tuple[FloatArray, float]:
    """Bring (N, C) samples with their own stamps onto the nearest whole rate, which BDF needs."""
    rate = float(max(1, round(emg.rate)))
    count = int((emg.stamp[-1] - emg.stamp[0]) * 1e-9 * rate) + 1
    at = emg.stamp[0] + np.arange(count) * (1e9 / rate)
    samples = np.full((count, emg.samples.shape[1]), np.nan)
    for c in range(samples.shape[1]):
        column = emg.samples[:, c].astype(np.float64)
        known = np.isfinite(column)
        if known.sum() < 4:
            continue
        samples[:, c] = interpolate.CubicSpline(
            emg.stamp[known], column[known], extrapolate=False
        )(at)
        nearest = np.clip(np.searchsorted(emg.stamp, at), 0, len(column) - 1)
        samples[~known[nearest], c] = np.nan
    samples[inside_gaps(at, emg.stamp)] = np.nan
    return samples, rate


def write_bdf(path: Path, samples: FloatArray, rate: float, emg: SignalTrack) -> int:
    """Write (N, C) samples as 24-bit BDF; returns how many were lost, which BDF can only hold as zeros."""
    try:
        from edfio import Bdf, BdfSignal
    except ImportError as error:
        raise DataError(
            f'BIDS needs edfio ({error}); install it with `pip install -r requirements/bids.txt`'
        ) from error
    factor = MICROVOLT if emg.unit == 'V' else 1.0
    unit = 'uV' if emg.unit == 'V' else ''
    lost = int(np.isnan(samples).any(axis=1).sum())
    # BDF holds whole seconds; the rest of the last one repeats nothing and says nothing.
    padded = np.zeros((int(np.ceil(len(samples) / rate) * rate), samples.shape[1]))
    padded[: len(samples)] = np.nan_to_num(samples) * factor
    signals = [
        BdfSignal(padded[:, c], rate, label=name, physical_dimension=unit)
        for c, name in enumerate(emg.channel)
    ]
    Bdf(signals).write(path)
    return lost


def _sidecar(recording: Recording, rate: float, count: int, lost: int) -> dict[str, Any]:
    emg, info = recording.emg, recording.info
    muscles = all(name in MUSCLE_NAMES for name in emg.channel)
    return {
        'TaskName': info.task,
        'TaskDescription': info.description,
        **({'Description': NOT_MEASURED} if info.simulated else {}),
        'SamplingFrequency': rate,
        'EMGChannelCount': len(emg.channel),
        'EMGReference': 'n/a',
        'EMGGround': 'n/a',
        'EMGPlacementScheme': 'Measured' if muscles else 'Other',
        'EMGPlacementSchemeDescription': 'over the muscles named in channels.tsv'
        if muscles
        else 'not known',
        'PowerLineFrequency': 'n/a',
        'SoftwareFilters': 'n/a'
        if emg.processing == 'raw'
        else {'Chain': {'words': emg.processing}},
        'RecordingType': 'continuous',
        'RecordingDuration': round(count / rate, 6),
        'BodyPart': f'{info.side.label} hand',
        'Simulated': info.simulated,
        'LostSamples': lost,
        'LostSamplesDescription': 'samples that did not arrive; BDF holds them as zeros',
        'StartTime': float(emg.stamp[0]) * 1e-9,
    }


def _channels(recording: Recording, rate: float) -> str:
    emg, info = recording.emg, recording.info
    unit = 'uV' if emg.unit == 'V' else 'n/a'
    rows = ['name\ttype\tunits\tsampling_frequency\ttarget_muscle\tdescription\tstatus']
    for c, name in enumerate(emg.channel):
        share = float(np.isnan(emg.samples[:, c]).mean())
        status = 'bad' if share > 0.01 else 'good'
        muscle = MUSCLE_NAMES.get(name, 'n/a')
        rows.append(f'{name}\tEMG\t{unit}\t{rate:g}\t{muscle}\t{info.side.label} hand\t{status}')
    return '\n'.join(rows) + '\n'


def _events(recording: Recording) -> str:
    notes = recording.notes
    rows = ['onset\tduration\ttrial_type\tkey\tvelocity\tfinger']
    for i in range(len(notes.key)):
        onset = (int(notes.stamp[i]) - int(recording.emg.stamp[0])) * 1e-9
        length = (int(notes.release[i]) - int(notes.stamp[i])) * 1e-9
        finger = int(notes.finger[i]) or 'n/a'
        rows.append(
            f'{onset:.6f}\t{length:.6f}\tnote\t{notes.key[i]}\t{notes.velocity[i]}\t{finger}'
        )
    return '\n'.join(rows) + '\n'


def _describe(name: str, derivative: bool) -> dict[str, Any]:
    made = {
        'Name': name,
        'BIDSVersion': BIDS_VERSION,
        'DatasetType': 'derivative' if derivative else 'raw',
    }
    return made | {'GeneratedBy': [{'Name': 'pianokpm dataset export'}]}


def _dump(content: dict[str, Any], folder: Path) -> None:
    _write_json(folder / 'dataset_description.json', content)


def _write_top(data: DataSet, top: Path) -> None:
    _dump(_describe(data.description or 'Piano recordings', False), top)
    for root in (top, top / 'derivatives' / 'simulated'):
        people = sorted(p.name for p in root.glob('sub-*'))
        if people:
            (root / 'participants.tsv').write_text('\n'.join(['participant_id', *people]) + '\n')
    (top / 'README').write_text(f'{data.description}\n\n{ABOUT}')
