"""A whole run, tiny; the bundle it makes is loaded and compared with the network it came from."""

import argparse
import importlib
import json
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pianokpm_training.commands import export as export_command
from pianokpm_training.commands import train as command
from pianokpm_training.datasets.collection import DataSet, Entry, index_data
from pianokpm_training.datasets.folder import save_recording
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.model import pipeline
from pianokpm_training.model.card import write_card
from pianokpm_training.model.export import ExportError, check_parity, read_model
from pianokpm_training.model.loading import deal, list_jobs
from pianokpm_training.model.settings import (
    CONFIGS,
    SettingsError,
    TrainSettings,
    find_config,
    load_settings,
)
from safetensors.numpy import load_file

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.muscle.batch import estimate_batch
from pianokpm_ros.muscle.bundle import load_bundle
from pianokpm_ros.shares import find_asset

from .makers import make_data, without

TINY = TrainSettings(
    variants=1, width=16, layers=2, steps=30, batch=4, window=64, validate=10, rate=1e-2,
    dropout=0.1,
)  # fmt: skip


def run(data, settings, out, work, stage=lambda *_: None):
    return pipeline.train([data], settings, out, work, stage, workers=1)


@pytest.fixture(scope='module')
def trained(data, tmp_path_factory):
    folder, stages = tmp_path_factory.mktemp('trained'), []
    model = run(data, TINY, folder / 'model', folder / 'work', lambda *a: stages.append(a))
    return folder, model, stages


def test_runtime_and_torch_say_the_same(trained, tmp_path):
    for folder in (trained[0] / 'model', find_asset('models/small')):
        check_parity(folder, read_model(folder).network)
    spoiled = read_model(trained[0] / 'model').network
    spoiled.mean.bias.data += 1.0
    with pytest.raises(ExportError, match='differs from the network'):
        check_parity(trained[0] / 'model', spoiled)


def test_the_bundle_says_what_it_is(trained):
    folder, model, _ = trained
    training = load_bundle(folder / 'model').manifest['training']
    assert training['simulated'] is True and training['persons'] == 2 and training['seed'] == 1
    assert training['steps'] == 30 and training['split'] == 'held_out'
    assert training['hardware'].startswith('CPU') and training['recordings'] == 4
    card = (folder / 'model' / 'README.md').read_text()
    assert 'simulated muscles only' in card and 'never the truth of a person' in card
    assert '2 GRUs' in card and 'Not evaluated' in card
    curve = [
        json.loads(row) for row in (folder / 'model' / 'curve.jsonl').read_text().splitlines()
    ]
    assert [row['step'] for row in curve] == [10, 20, 30]
    assert not (folder / 'work').exists() and model.scores['validation_crps'] > 0


def test_the_score_gets_better(trained):
    """Losses scatter with the levels that are drawn for each window; the validation recordings stay the same."""
    words = [word for n, _, _, word in trained[2] if n == 'fit']
    scores = [float(word.split()[-1]) for word in words if 'validation' in word]
    assert len(words) == 30 and len(scores) >= 3 and scores[-1] < 0.97 * scores[0]


def test_the_bundle_estimates(trained, recording):
    bundle = load_bundle(trained[0] / 'model')
    poses = pipeline_poses(recording)
    stamps, mean, deviation = estimate_batch(bundle, recording.info.side, poses)
    assert len(stamps) > 5_000 and np.isfinite(mean).all() and (deviation > 0).all()
    assert (mean >= 0).all() and (mean <= 1).all()


def pipeline_poses(recording):
    from pianokpm_training.sessions.ticks import pose_series

    return pose_series(recording.pose)


def test_an_interrupted_run_goes_on_to_the_same_model(data, trained, tmp_path):
    def stop(name, done, *_):
        if name == 'fit' and done == 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(data, TINY, tmp_path / 'model', tmp_path / 'work', stop)
    assert not (tmp_path / 'model').exists()
    steps = []
    run(data, TINY, tmp_path / 'model', tmp_path / 'work', lambda n, d, *_: steps.append((n, d)))
    assert min(d for n, d in steps if n == 'fit') == 21
    again, first = (load_file(f / 'model' / 'weights.safetensors') for f in (tmp_path, trained[0]))
    for name, value in first.items():
        np.testing.assert_allclose(again[name], value, atol=1e-6, err_msg=name)


def test_tasks_that_are_kept_to_test_on_are_not_learned(data):
    """What is learned from whole may hold no task of the test roles alone."""
    names = {
        t: [e.name for e in data.entries.values() if e.task == t] for t in ('scales', 'chords')
    }
    kept = {'held_out': {'train': names['scales'], 'test_tasks': names['chords']}}
    source = replace(data, splits=kept)
    with pytest.raises(SettingsError, match='holds chords.*keeps these tasks to test on'):
        list_jobs([source], TINY, None, [data])
    scales = replace(data, entries={n: data.entries[n] for n in names['scales']})
    jobs = list_jobs([source], TINY, None, [scales])
    # One of the three takes is validated on.
    assert [len(j.entries) for j in jobs if j.part == 'train'] == [4, len(names['scales'])]


def test_what_is_kept_to_test_on_is_not_learned_from_a_second_folder(data):
    """The same data set named as one to learn from whole would bring its test recordings in."""
    with pytest.raises(SettingsError, match='recordings that .* keeps to test on'):
        list_jobs([data], TINY, None, [data])
    with pytest.raises(SettingsError, match='deviation true on .* are learned from or kept'):
        list_jobs([data], TINY, data)


def test_what_one_data_set_keeps_to_test_on_is_not_learned_from_another_one(data):
    roles = data.splits['held_out']
    turned = {'held_out': {'train': roles['test_users'], 'test_users': roles['train']}}
    other = replace(data, splits=turned, folder=data.folder / 'other')
    with pytest.raises(SettingsError, match='of whose recordings another data set keeps'):
        list_jobs([data, other], TINY)
    assert list_jobs([data, data], TINY)


def test_recordings_to_test_on_never_decide_when_to_stop():
    """A set without a role `validation` gives some takes of `train`, both hands together."""
    rows = [(t, s) for t in range(10) for s in ('left', 'right')]
    entries = {
        f'{t}{s}': Entry(f'{t}{s}', '', f'{t}{s}', 's01', 'scales', t, s, False) for t, s in rows
    }
    names = list(entries)
    source = DataSet(Path(), entries, {'within': {'train': names[:16], 'test': names[16:]}})
    known, asked = deal(source, 'within')
    assert {e.trial for e in asked} == {4} and len(asked) == 2 and len(known) == 14
    few = replace(source, splits={'within': {'train': names[:4], 'test': names[4:]}})
    assert [{e.trial for e in part} for part in deal(few, 'within')] == [{0}, {1}]
    one = replace(source, splits={'within': {'train': names[:2], 'test': names[4:]}})
    assert deal(one, 'within') == tuple([entries[n] for n in names[:2]] for _ in range(2))


def test_training_that_comes_apart_is_told_and_makes_no_model(data, tmp_path):
    wild = replace(TINY, rate=1e30, steps=20, validate=2)
    with pytest.raises(SettingsError, match='training came apart; take a lower `rate`'):
        run(data, wild, tmp_path / 'model', tmp_path / 'work')
    assert not (tmp_path / 'model').exists()


def test_a_batch_is_dealt_evenly(monkeypatch):
    from pianokpm_training.model.devices import find_place

    monkeypatch.setenv('WORLD_SIZE', '3')
    with pytest.raises(SettingsError, match='4 windows cannot be dealt to 3'), find_place(TINY):
        pass


def test_a_muscle_that_nobody_measured_is_told_before_the_work(data, tmp_path):
    def forget(recording):
        track = recording.envelope
        few = replace(track, samples=track.samples[:, :5], channel=track.channel[:5])
        return replace(recording, envelope=few)

    lacking = change_data(data, tmp_path / 'set', forget)
    steps = []
    with pytest.raises(DataError, match='part `train` has 4DI; a model needs'):
        run(lacking, TINY, tmp_path / 'model', tmp_path / 'work', lambda n, *_: steps.append(n))
    assert 'fit' not in steps


def test_parts_without_poses_or_envelopes_are_refused_not_passed_over(data, tmp_path):
    def forget(role):
        names = data.splits['held_out'][role]
        return lambda r: without(r, 'envelope') if r.info.name in names else r

    none = change_data(data, tmp_path / 'none', forget('validation'))
    with pytest.raises(
        DataError, match='part `validation` has a pose .* holds pose, .*is stopped by'
    ):
        run(none, TINY, tmp_path / 'model', tmp_path / 'work')
    assert not (tmp_path / 'work').exists()  # and so stands in the way of no other data
    others = change_data(data, tmp_path / 'others', lambda r: without(r, 'pose'))
    with pytest.raises(DataError, match='part `others` .*leave --others out'):
        pipeline.train(
            [data], TINY, tmp_path / 'model', tmp_path / 'w', lambda *_: None, 1, others
        )


def test_hands_that_are_never_whole_are_refused_before_the_work(data, tmp_path):
    def hide(recording):
        landmarks = recording.pose.landmarks.copy()
        landmarks[:, 20] = np.nan
        return replace(
            without(recording, 'pose_truth'), pose=replace(recording.pose, landmarks=landmarks)
        )

    steps = []
    with pytest.raises(DataError, match='whole .* at 0 ticks that are learned from'):
        run(
            change_data(data, tmp_path / 'set', hide),
            TINY,
            tmp_path / 'model',
            tmp_path / 'work',
            lambda name, *_: steps.append(name),
        )
    assert 'fit' not in steps


def test_recordings_that_teach_nothing_are_counted_apart(data, tmp_path):
    """A measured recording without EMG must not make a card that speaks of measured muscles."""
    name = data.splits['held_out']['train'][0]

    def empty(recording):
        if recording.info.name != name:
            return recording
        bare = without(recording, 'pose_truth', 'envelope')
        return replace(bare, info=replace(bare.info, simulated=False))

    model = run(
        change_data(data, tmp_path / 'set', empty),
        replace(TINY, steps=2),
        tmp_path / 'model',
        tmp_path / 'work',
    )
    told = model.training
    assert (told['measured'], told['recordings'], told['left_out']) == (0, 3, 1)
    assert told['normalization'] == ['MODEL']
    assert 'simulated muscles only' in (tmp_path / 'model' / 'README.md').read_text()


def change_data(data, folder, change):
    for entry in data.entries.values():
        save_recording(change(data.load(entry)), folder / entry.path)
    return index_data(folder, data.splits, 'changed', {})


def test_parity_does_not_overlook_what_is_no_number(trained):
    spoiled = read_model(trained[0] / 'model').network
    spoiled.calibration[0, 0] = np.nan
    with pytest.raises(ExportError, match='differs from the network by nan'):
        check_parity(trained[0] / 'model', spoiled)


def test_cards_say_whose_muscles_were_learned_from(trained):
    training = trained[1].training
    assert training['measured'] == 0
    both = write_card('a', training | {'measured': 3}, {}, 1, (0.7, 1.3, 2.0))
    assert 'measured ones of 3 recordings' in both and 'No person was measured' not in both
    own = write_card('a', training | {'normalization': ['MVC', 'PERCENTILE']}, {}, 1, ())
    assert "training data's maximum voluntary contraction or percentile 99.5 of each" in own
    assert 'the very recordings' in write_card(
        'a', training | {'calibrated_on': 'train'}, {}, 1, ()
    )
    assert command.describe_muscles(training | {'measured': 3}) == 'simulated and measured muscles'


def test_training_stops_early_when_it_gets_no_better(data, tmp_path):
    stuck = replace(TINY, rate=1e-12, validate=2, patience=2, steps=30)
    model = run(data, stuck, tmp_path / 'model', tmp_path / 'work')
    # The first look is the best there is, or ties with it to the last bits; two more don't help.
    assert model.training['steps'] < 30


def test_another_run_is_not_mixed_in(data, tmp_path):
    (tmp_path / 'work').mkdir()
    (tmp_path / 'work' / 'settings.json').write_text('{}')
    with pytest.raises(SettingsError, match='other settings'):
        run(data, TINY, tmp_path / 'model', tmp_path / 'work')
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'thesis.txt').write_text('x')
    with pytest.raises(SettingsError, match='holds something else'):
        run(data, TINY, tmp_path / 'model', tmp_path / 'mine')


def test_a_run_does_not_go_on_with_other_data(data, tmp_path):
    def stop(name, done, *_):
        if name == 'fit' and done == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(data, TINY, tmp_path / 'model', tmp_path / 'work', stop)
    roles = dict(data.splits['held_out'])
    fewer = replace(data, splits={'held_out': roles | {'train': roles['train'][:-1]}})
    with pytest.raises(SettingsError, match='other settings or data'):
        run(fewer, TINY, tmp_path / 'model', tmp_path / 'work')


def test_a_folder_that_is_no_model_is_never_replaced(data, tmp_path):
    (tmp_path / 'thesis').mkdir()
    (tmp_path / 'thesis' / 'thesis.txt').write_text('x')
    with pytest.raises(ExportError, match='exists and is none'):
        run(data, TINY, tmp_path / 'thesis', tmp_path / 'work')
    assert (tmp_path / 'thesis' / 'thesis.txt').exists() and not (tmp_path / 'work').exists()


def test_settings_come_from_a_file_and_flags_win(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_text('steps: 7\nlookaheads: [0, 0.05]\ndefault_lookahead: 0.05\n')
    settings = load_settings(path, steps=9, seed=None)
    assert (settings.steps, settings.lookaheads, settings.seed) == (9, (0, 0.05), 1)


def test_settings_that_ship_are_found_by_name(tmp_path, monkeypatch):
    (tmp_path / 'full').mkdir()  # a data set may be called so
    monkeypatch.chdir(tmp_path)
    for name in ('mini', 'full'):
        assert find_config(name) == CONFIGS / f'{name}.yaml'
        load_settings(find_config(name))


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('step: 7', 'unknown step'),
        ('steps: many', 'invalid literal'),
        ('steps: 0', 'must be positive'),
        ('default_lookahead: 0.5', 'none of'),
        ('steps: 7.5', 'steps = 7.5 is no whole number'),
        ('steps: true', 'steps = True is no int'),
        ('steps:', 'steps = None is no int'),
        ("tensorboard: 'no'", "tensorboard = 'no' is no bool"),
        ('recordings: -3', 'must not be negative'),
        ('dropout: 1.0', 'must be below 1'),
        ('keys_hidden: 0.95', 'together at most 1'),
        ('lookaheads: [0.033, 0.0]', 'and ascend'),
        ('lookaheads: [0.033, 0.0666]', 'whole milliseconds'),
        ("lookaheads: '0.033'", 'is no list'),
        ('device: abacus', 'asked for abacus'),
        ('- 1', 'must hold'),
        ('a: [', 'no YAML file'),
    ],
)
def test_settings_that_mean_nothing_are_refused(tmp_path, text, words):
    (tmp_path / 'a.yaml').write_text(text)
    with pytest.raises(SettingsError, match=words):
        load_settings(tmp_path / 'a.yaml')
    with pytest.raises(SettingsError, match='cannot be read'):
        load_settings(tmp_path / 'none.yaml')


def parse(module, *arguments):
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return parser.parse_args([str(a) for a in arguments])


def test_the_commands_train_and_export_the_mini_configuration(data, tmp_path, capsys):
    flags = ('--config', 'mini', '--out', tmp_path / 'm', '--seed', '3', '--workers', '1')
    assert command.run(parse(command, data.folder, *flags)) == 0
    assert 'simulated muscles only' in capsys.readouterr().out
    assert load_bundle(tmp_path / 'm').manifest['training']['seed'] == 3
    scores = tmp_path / 'scores'
    scores.mkdir()
    content = {'tables': ['| r |', '| --- |'], 'rows': []}
    (scores / 'scores.json').write_text(json.dumps(content))
    flags = ('--out', tmp_path / 'e', '--name', 'mine', '--scores', scores)
    assert export_command.run(parse(export_command, tmp_path / 'm', *flags)) == 0
    assert 'differ by' in capsys.readouterr().out
    made = load_bundle(tmp_path / 'e')
    assert made.name == 'mine' and made.manifest['scores']['tables'] == content['tables']
    assert '| r |' in (tmp_path / 'e' / 'README.md').read_text()
    content['about'] = {'models': ['another@01234567']}
    (scores / 'scores.json').write_text(json.dumps(content))
    with pytest.raises(PianokpmError, match='has the scores of another@01234567, not of mini@'):
        export_command.run(parse(export_command, tmp_path / 'm', *flags))
    first, again = (load_file(tmp_path / n / 'weights.safetensors') for n in 'me')
    for name, value in first.items():
        np.testing.assert_array_equal(again[name], value)


def test_two_processes_train_one_model_from_two_sets(tmp_path):
    """As `torchrun` starts them: both end, one bundle is written, and it is a model."""
    data = make_data(tmp_path / 'set', subjects=2, seconds=4.0)
    shutil.copytree(data.folder, tmp_path / 'more')
    code = (
        'from pathlib import Path\n'
        'from pianokpm_training.datasets.collection import open_data\n'
        'from pianokpm_training.model import pipeline\n'
        'from pianokpm_training.model.settings import TrainSettings\n'
        'tiny = TrainSettings(variants=0, width=8, layers=1, steps=6, batch=4, window=32, validate=3)\n'
        f'here = Path({str(tmp_path)!r})\n'
        'sets = [open_data(here / n) for n in ("set", "more")]\n'
        'pipeline.train(sets, tiny, here / "m", here / "w", lambda *_: None, 1)\n'
    )
    (tmp_path / 'run.py').write_text(code)
    # What `--standalone` does, without asking for the machine's name, which minimal systems don't know.
    here = ['--nnodes=1', '--master-addr=127.0.0.1', '--local-addr=127.0.0.1']
    port = f'--master-port={free_port()}'
    launch = [sys.executable, '-m', 'torch.distributed.run', *here, port, '--nproc-per-node=2']
    done = subprocess.run(
        [*launch, tmp_path / 'run.py'], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    training = load_bundle(tmp_path / 'm').manifest['training']
    assert '2 process(es)' in training['hardware']
    learned = data.role('held_out', 'train')
    assert training['recordings'] == 2 * len(learned)
    assert training['persons'] == 2 * len({e.subject for e in learned})  # of one name in both sets


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def test_without_the_training_extra_the_command_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(importlib.sys.modules, 'torch', None)
    with pytest.raises(PianokpmError, match='requirements/training.txt'):
        command.run(parse(command, tmp_path, '--out', tmp_path / 'm'))
    shutil.rmtree(tmp_path)
