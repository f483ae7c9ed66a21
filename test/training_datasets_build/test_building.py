"""Built from a session whose truth is known (test/session.py)."""

import errno
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pianokpm_training.commands import dataset as command
from pianokpm_training.datasets.folder import save_recording
from pianokpm_training.datasets.recording import DataError, Recording
from pianokpm_training.model.seeing import hear_keys
from pianokpm_training.sessions import building
from pianokpm_training.sessions.building import (
    BuildSettings,
    Built,
    Subjects,
    build_data,
    cut,
    is_simulated,
    prepare,
)
from pianokpm_training.sessions.clocks import ClockCheck
from pianokpm_training.sessions.reading import join_keys, read_session
from pianokpm_training.sessions.ticks import key_lookup
from rich.console import Console

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.emg.metrics import pearson
from pianokpm_ros.muscle.timebase import stroke_speed
from pianokpm_ros.recording.emg import join_emg
from pianokpm_ros.recording.writer import BagWriter, RecordingError
from pianokpm_ros.records import EmgOrigin

from ..messages.examples import make_emg, make_keys
from ..session import make_pose, make_session, midi_keys

SECOND = 1_000_000_000


def load(data, side):
    (entry,) = [e for e in data.entries.values() if e.side == side]
    return data.load(entry)


def test_poses_keys_notes_and_emg_are_on_one_clock(data, session):
    recording = load(data, 'right')
    truth = session.performance
    index = np.searchsorted(truth.stamp, recording.pose.stamp)
    error = recording.pose.landmarks - truth.landmarks[index, 1]
    # 1 mm of noise was put in.
    assert np.sqrt(np.mean(error**2)) == pytest.approx(0.001, rel=0.1)
    strokes = midi_keys(truth)
    downs = strokes.stamp[strokes.position == 1]
    # KeyMotion's float32 times within 10 ms are exact to a nanosecond.
    np.testing.assert_allclose(np.sort(recording.notes.stamp), np.sort(downs), atol=1000)
    assert recording.emg.rate == pytest.approx(2000, abs=0.01)
    assert set(recording.views) == {'top', 'left'}


def test_the_envelope_is_the_one_put_in_as_a_fraction_of_mvc(data, session):
    recording = load(data, 'right')
    assert recording.info.normalization == 'MVC' and recording.envelope.channel == MUSCLES
    truth = session.performance
    wanted = np.stack(
        [
            np.interp(recording.envelope.stamp, truth.envelope_stamp, truth.envelope[1, :, m])
            for m in range(len(MUSCLES))
        ],
        axis=1,
    )
    found = recording.envelope.samples
    inside = np.isfinite(found).all(axis=1)
    r = pearson(wanted[inside], found[inside])
    # The ceiling of an envelope found in noise is r = 0.9 at 10 Hz; levels that hardly move have less.
    assert np.median(r) > 0.75
    # The best half second of a 2-s contraction is up to 10 % above its mean.
    assert np.mean(found[inside]) == pytest.approx(np.mean(wanted[inside]), rel=0.2)


def test_poses_of_two_cameras_are_not_taken_for_one_frame(tmp_path, caplog):
    """Without a rig each pose is in the frame of the camera that saw the hand best."""
    hand = np.random.default_rng(0).normal(0, 0.03, (21, 3))
    with BagWriter(tmp_path / 'bag') as bag:
        for number in range(40):
            frame = 'left_optical_frame' if number in (0, 17, 18) else 'top_optical_frame'
            pose = replace(make_pose(number * 10**7, Side.RIGHT, hand, number), frame_id=frame)
            bag.write_record('/hands/right', pose, number * 10**7)
    track = read_session(tmp_path / 'bag').poses[Side.RIGHT]
    assert track.frame_id == 'top_optical_frame' and len(track.stamp) == 37
    assert '3 of 40 poses of the right hand are left out' in caplog.text


def test_what_was_done_to_an_envelope_is_said_and_nothing_else(session):
    emg = read_session(session.bag).emg
    rectified = replace(emg, samples=np.abs(emg.samples), processing='rectified, 5 Hz')
    found, words, scale, _ = building.make_envelope(rectified, [], 6.0)
    assert scale == 'PERCENTILE'
    assert words == 'rectified, 5 Hz; normalisation percentile 99.5 of the session'
    # Its course is as it came.
    ratio = found[:, 0] / rectified.samples[:, 0]
    np.testing.assert_allclose(ratio, np.nanmedian(ratio), rtol=1e-4)
    assert 'band-pass' in building.make_envelope(emg, [], 6.0)[1]
    done = replace(rectified, unit='mvc', samples=0.3 * np.ones_like(emg.samples))
    found, _, scale, _ = building.make_envelope(done, [], 6.0)
    assert scale == 'MVC' and found == pytest.approx(0.3)


def test_each_note_has_its_hand(data, session):
    recording = load(data, 'left')
    known = recording.notes.side > 0
    assert known.mean() > 0.9
    for key, stamp, side in zip(
        recording.notes.key[known],
        recording.notes.stamp[known],
        recording.notes.side[known],
        strict=True,
    ):
        i = int(np.searchsorted(session.performance.stamp, stamp))
        wrists = session.performance.landmarks[i, :, 0, 0]
        x = (int(key) - 60) * 0.0137
        assert abs(wrists[side - 1] - x) <= abs(wrists[2 - side] - x) + 0.1


def test_how_hard_a_midi_keyboard_was_struck_is_heard_by_all_who_learn(data, session):
    recording = load(data, 'right')
    assert np.isnan(recording.keys.velocity).all()
    shortly_after = np.sort(recording.notes.stamp) + 20_000_000
    heard = [
        lookup(shortly_after).struck
        for lookup in (key_lookup(recording), hear_keys(recording, 'midi'))
    ]
    np.testing.assert_array_equal(*heard)
    loudest = stroke_speed(np.full(1, np.nan), recording.notes.velocity.max(keepdims=True))
    assert heard[0].max() == pytest.approx(loudest[0])


def test_a_task_that_begins_with_a_key_held_down_does_not_silence_the_others(session):
    data = read_session(session.bag)
    (task,) = [t for t in data.trials if t.kind == 'task']
    down = data.keys.stamp[data.keys.position == 1]
    late = replace(task, begin=int(down[down > task.begin + SECOND][0]) + 5_000_000)
    prepared = prepare(replace(data, trials=[late], emg=None), BuildSettings())
    (made, *_) = cut(prepared, 'p07', 'p07-0', BuildSettings())
    assert (
        made.keys.stamp[0] == 0
        and made.keys.position[0] == 1
        and np.isnan(made.keys.velocity).all()
    )
    ticks = np.arange(0, 4 * SECOND, 10_000_000)
    assert hear_keys(made, 'midi')(ticks).struck.max() > 1.0


def test_it_says_simulated_and_holds_no_name(data, tmp_path):
    recording = load(data, 'right')
    assert recording.info.simulated and data.simulated
    assert recording.info.subject == 'p07'
    names = Subjects(tmp_path)
    assert names.pseudonym('Clara Schumann', tmp_path) == 's01'
    assert names.pseudonym('Robert', tmp_path) == 's02'
    assert names.pseudonym('Clara Schumann', tmp_path) == 's01'
    text = ''.join(p.read_text() for p in data.folder.rglob('*.json'))
    assert 'Clara' not in text


def test_a_measured_session_added_later_hides_no_simulated_one(data, tmp_path):
    shutil.copytree(data.folder, tmp_path / 'set')
    measured = make_session(tmp_path / 'bag', seconds=6.0, seed=9, origin=EmgOrigin.MEASURED)
    both, built = build_data([measured.bag], tmp_path / 'set', BuildSettings(force=True))
    assert not built[0].report['simulated'] and len(both.entries) > len(data.entries)
    assert both.simulated and 'holds simulated signals' in both.description


def test_that_levels_do_not_compare_is_told():
    def say(normalization):
        report = {
            'normalization': normalization,
            'missing_messages': {},
            'notes': 0,
            'notes_without_a_finger': 0,
            'channels': [],
            'simulated': False,
        }
        console = Console(file=io.StringIO(), width=200)
        command._print_built(Built(Path('bag'), (), (), report), console)
        return console.file.getvalue()

    assert 'own percentile 99.5' in say('PERCENTILE') and 'percentile' not in say('MVC')


def test_keys_of_a_take_make_a_recording_without_emg_a_simulated_one(session):
    own = replace(read_session(session.bag), about={}, emg=None)
    assert not is_simulated(own)
    played = session.performance
    keys, _ = join_keys(list(played.sensor_keys().records(played.duration)))
    assert is_simulated(replace(own, keys=keys))


@pytest.mark.parametrize(
    ('said', 'name'),
    [('../../../../x', 'x'), ('/tmp/x', 'tmp-x'), ('Für Elise', 'Für-Elise'), ('..', 'free')],
)
def test_what_a_bag_calls_a_task_leads_out_of_no_folder(session, said, name):
    """A bag may be a stranger's, and recordings are written to folders called like its tasks."""
    data = read_session(session.bag)
    trials = [replace(t, details={'task': said}) for t in data.trials if t.kind == 'task']
    prepared = prepare(replace(data, trials=trials, emg=None), BuildSettings())
    made = list(cut(prepared, 'p07', 'p07-0', BuildSettings()))
    assert {r.info.name for r in made} == {f'p07-0_{name}_0_left', f'p07-0_{name}_0_right'}
    assert {r.info.description for r in made} == {said}


def test_emg_whose_clock_was_set_is_refused_before_it_fills_the_memory():
    block = make_emg(np.random.default_rng(0), 3)
    blocks = [replace(block, stamp=stamp) for stamp in (0, 1_700_000_000 * SECOND)]
    with pytest.raises(RecordingError, match='as if its clock had been set'):
        join_emg(blocks)


def test_the_last_of_ten_and_more_sessions_is_tested_with(data, tmp_path):
    (entry,) = [e for e in data.entries.values() if e.side == 'right']
    bare = Recording(data.load(entry).info)
    for number in range(12):
        info = replace(bare.info, name=f'p07-{number}_free_0_right')
        save_recording(replace(bare, info=info), tmp_path / info.name)
    roles = building.make_splits(tmp_path)['within']
    assert roles['test'] == ['p07-11_free_0_right'] and roles['validation'] == [
        'p07-10_free_0_right'
    ]
    assert len(roles['train']) == 10


def test_the_report_names_what_is_wrong(tmp_path):
    session = make_session(tmp_path / 'bag', seconds=8.0, seed=6, hum=2e-4, drop=(1200, 40))
    data, (built,) = build_data([session.bag], tmp_path / 'set', BuildSettings())
    report = json.loads((data.folder / 'quality' / 'p07-0.json').read_text())
    assert report['missing_messages']['/emg'] == 40 and report['emg_gaps'] == 1
    assert all('mains hum' in ' '.join(c['warnings']) for c in report['channels'])
    assert report['channels'][0]['lost'] == pytest.approx(40 * 0.02 / 28, rel=0.05)
    assert (data.folder / 'quality' / 'p07-0.png').stat().st_size > 30_000
    envelope = load(data, 'right').envelope
    lost = np.isnan(envelope.samples).any(axis=1)
    # 0.8 s are missing from 24.0 s of the session on, 4.0 s into the playing.
    assert lost[4100:4700].all() and not lost[:3900].any() and built.report['simulated']


def test_a_clock_that_is_off_is_found_refused_and_set_right(tmp_path):
    session = make_session(tmp_path / 'bag', seconds=8.0, key_shift=0.06)
    with pytest.raises(DataError, match=r'keys are \+(59|60|61)\.\d .* ms late'):
        build_data([session.bag], tmp_path / 'set', BuildSettings())
    assert not (tmp_path / 'set' / 'dataset.json').exists()
    _, (built,) = build_data([session.bag], tmp_path / 'set', BuildSettings(key_offset=0.06))
    assert built.clocks[0].fine and abs(built.clocks[0].offset) < 0.002


@pytest.mark.parametrize('error', [KeyboardInterrupt(), OSError(errno.ENOSPC, 'full')])
def test_what_is_broken_off_leaves_nothing_in_the_way(tmp_path, monkeypatch, error):
    first = make_session(tmp_path / 'first', seconds=8.0)
    second = make_session(tmp_path / 'second', seconds=8.0, seed=2)
    real = building.write_report

    def broken_off(prepared, session, out):
        real(prepared, session, out)
        raise error

    monkeypatch.setattr(building, 'write_report', broken_off)
    with pytest.raises(type(error)):
        build_data([first.bag], tmp_path / 'set', BuildSettings())
    assert not (tmp_path / 'set').exists()
    monkeypatch.setattr(building, 'write_report', real)
    build_data([first.bag], tmp_path / 'set', BuildSettings())
    before = files_of(tmp_path / 'set')
    monkeypatch.setattr(building, 'write_report', broken_off)
    with pytest.raises(type(error)):
        build_data([second.bag], tmp_path / 'set', BuildSettings())
    assert files_of(tmp_path / 'set') == before


def files_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob('*') if path.is_file()}


def test_a_refusal_also_says_what_could_not_be_told(tmp_path, monkeypatch):
    rare = ClockCheck(
        'keys against cameras', np.nan, np.nan, 0, False, 'hands are seen too rarely'
    )
    monkeypatch.setattr(building, 'check_keys', lambda *_: rare)
    session = make_session(tmp_path / 'bag', seconds=8.0, emg_shift=0.4)
    with pytest.raises(DataError, match='too rarely; muscles are most active .* --force'):
        build_data([session.bag], tmp_path / 'set', BuildSettings())


def test_the_same_bag_twice_and_bags_without_anything_are_refused(data, session, tmp_path):
    with pytest.raises(DataError, match='already'):
        build_data([session.bag], data.folder, BuildSettings())
    with BagWriter(tmp_path / 'keys') as bag:
        bag.write_record('/keys', make_keys(np.random.default_rng(0), 3))
    with pytest.raises(RecordingError, match='nothing can be learned'):
        build_data([tmp_path / 'keys'], tmp_path / 'new', BuildSettings())
    with pytest.raises(DataError, match='which is a file'):
        build_data([session.bag], tmp_path / 'keys' / 'metadata.yaml', BuildSettings())
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'x').touch()
    with pytest.raises(DataError, match='no data set'):
        build_data([session.bag], tmp_path / 'other', BuildSettings())
