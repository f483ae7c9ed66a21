import json
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.datasets.collection import index_data
from pianokpm_training.datasets.folder import save_recording
from pianokpm_training.datasets.recording import DataError, SignalTrack
from pianokpm_training.sessions.bids import export_bids, resample
from pianokpm_training.sessions.building import BuildSettings, build_data

from pianokpm_ros.records import EmgOrigin

from ..session import make_session

edfio = pytest.importorskip('edfio', reason='pip install -r requirements/bids.txt')


def test_simulated_emg_lies_under_derivatives_and_reads_back(data, tmp_path):
    (path,) = export_bids(data, tmp_path / 'bids')
    assert 'derivatives/simulated/sub-p07' in str(path) and 'acq-rightsimulated' in path.name
    bdf = edfio.read_bdf(path)
    (entry,) = [e for e in data.entries.values() if e.side == 'right']
    emg = data.load(entry).emg
    assert tuple(s.label for s in bdf.signals) == emg.channel
    found = bdf.signals[2].data[: len(emg.samples)] * 1e-6
    # 24 bits over the range of the signal.
    step = 2 * np.abs(emg.samples[:, 2]).max() / 2**23
    assert np.abs(found - emg.samples[: len(found), 2]).max() < 2 * step + 1e-8
    sidecar = json.loads(path.with_suffix('.json').read_text())
    assert sidecar['SamplingFrequency'] == 2000 and sidecar['Simulated']
    table = path.with_name(path.name.replace('_emg.bdf', '_channels.tsv')).read_text().splitlines()
    assert table[1].split('\t')[:3] == ['ADM', 'EMG', 'uV'] and len(table) == 7
    top = json.loads((tmp_path / 'bids' / 'dataset_description.json').read_text())
    assert top['DatasetType'] == 'raw' and not (tmp_path / 'bids' / 'participants.tsv').exists()
    people = tmp_path / 'bids' / 'derivatives' / 'simulated' / 'participants.tsv'
    assert people.read_text().split() == ['participant_id', 'sub-p07']
    with pytest.raises(DataError, match='exists'):
        export_bids(data, tmp_path / 'bids')


@pytest.mark.parametrize('origin', [EmgOrigin.SIMULATED, EmgOrigin.MEASURED])
def test_the_public_validator_finds_no_error(tmp_path, origin):
    validator = shutil.which('bids-validator-deno')
    if validator is None:
        pytest.skip('pip install -r requirements/bids_validator.txt')
    session = make_session(tmp_path / 'bag', seconds=4.0, origin=origin)
    data, _ = build_data([tmp_path / 'bag'], tmp_path / 'data', BuildSettings())
    export_bids(data, tmp_path / 'bids')
    command = [validator, str(tmp_path / 'bids'), '--recursive', '--format', 'json']
    report = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    parts = [report, *report.get('derivativesSummary', {}).values()]
    issues = [i for part in parts for i in part['issues']['issues']]
    assert not [i for i in issues if i['severity'] == 'error'], issues
    assert any(part['summary']['modalities'] == ['emg'] for part in parts), session


def test_a_recording_without_samples_is_left_out_and_none_is_lost_to_a_name(data, tmp_path):
    (entry,) = [e for e in data.entries.values() if e.side == 'right']
    recording = data.load(entry)

    def add(name, **changes):
        info = replace(recording.info, name=name, **changes)
        save_recording(replace(recording, info=info), tmp_path / 'set' / name)

    none = replace(recording.emg, stamp=recording.emg.stamp[:0], samples=recording.emg.samples[:0])
    add('a', task='a-b')
    empty = replace(recording, emg=none, info=replace(recording.info, name='late', task='late'))
    save_recording(empty, tmp_path / 'set' / 'late')
    (path,) = export_bids(index_data(tmp_path / 'set', {}, 'x', {}), tmp_path / 'bids')
    sidecar = json.loads(path.with_suffix('.json').read_text())
    emg = recording.emg
    assert sidecar['RecordingDuration'] == pytest.approx(len(emg.stamp) / 2000, abs=2 / 2000)
    add('b', task='ab')
    with pytest.raises(DataError, match='b and another recording would both be'):
        export_bids(index_data(tmp_path / 'set', {}, 'x', {}), tmp_path / 'both')


def test_where_electrodes_lie_is_said_of_muscles_alone(data, tmp_path):
    (entry,) = [e for e in data.entries.values() if e.side == 'right']
    recording = data.load(entry)
    wrist = tuple(f'wrist_{i}' for i in range(len(recording.emg.channel)))
    for name, channel in (('muscles', recording.emg.channel), ('band', wrist)):
        own = replace(
            recording,
            info=replace(recording.info, name=name, task=name),
            emg=replace(recording.emg, channel=channel),
        )
        save_recording(own, tmp_path / 'set' / name)
    export_bids(index_data(tmp_path / 'set', {}, 'x', {}), tmp_path / 'bids')
    said = {
        json.loads(p.read_text())['TaskName']: json.loads(p.read_text())['EMGPlacementScheme']
        for p in (tmp_path / 'bids').rglob('*_emg.json')
    }
    assert said == {'muscles': 'Measured', 'band': 'Other'}


def test_a_true_rate_is_brought_to_a_whole_one_and_lost_stays_lost():
    true = 2000.16
    stamp = np.rint(np.arange(40_000) / true * 1e9).astype(np.int64)
    wave = np.sin(2 * np.pi * 50 * stamp * 1e-9).astype(np.float32)
    wave[1000:1100] = np.nan
    samples, rate = resample(SignalTrack(stamp, wave[:, None], ('a',), 'V', 'raw'))
    assert rate == 2000
    at = np.arange(len(samples)) / rate
    known = np.isfinite(samples[:, 0])
    assert 95 < (~known).sum() < 105
    near = np.abs(at - 0.525) > 0.05
    assert (
        np.abs(samples[known & near, 0] - np.sin(2 * np.pi * 50 * at[known & near])).max() < 1e-3
    )


def test_samples_without_stamps_are_lost_too():
    stamp = np.arange(20_000) * 500_000
    kept = (stamp < 3e9) | (stamp > 5e9)
    wave = np.sin(2 * np.pi * 5 * stamp * 1e-9).astype(np.float32)
    track = SignalTrack(stamp[kept], wave[kept, None], ('a',), 'V', 'raw')
    samples, rate = resample(track)
    at = np.arange(len(samples)) / rate
    missing = (at >= 3.0) & (at <= 5.0)
    assert np.isnan(samples[missing]).all() and np.isfinite(samples[~missing]).all()
