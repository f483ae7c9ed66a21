import argparse
import csv
import json
import shutil
import weakref
from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.baselines.published_inputs import STEP, cut_windows, project_views
from pianokpm_training.commands import evaluate as command
from pianokpm_training.datasets.collection import DataSet, index_data
from pianokpm_training.datasets.folder import save_recording
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.evaluation.ablations import VARIANTS, ablate, choose_examples, flatten
from pianokpm_training.evaluation.figures import choose_excerpt, name_truth
from pianokpm_training.evaluation.harness import Plan, evaluate
from pianokpm_training.evaluation.report import make_tables
from pianokpm_training.evaluation.takes import HANDS, load_takes, see_hands
from pianokpm_training.model.dataset import Example
from pianokpm_training.model.settings import TrainSettings

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.muscle.bundle import load_bundle
from pianokpm_ros.muscle.features import KEYS
from pianokpm_ros.shares import find_asset

from ..training_model.makers import make_data, without


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp('data') / 'set', seconds=6.0)


def test_all_are_scored_on_all_roles_with_and_without_keys(data):
    plan = Plan(data, [find_asset('models/small')], lookaheads=(0.067, 0.0), most=2)
    assert plan.test_roles() == ('test_users',)
    rows = [row.describe() for row in evaluate(plan)]
    names = [(r['keys'], r['name'], r['lookahead']) for r in rows]
    # No second EMG can be made of these hands, so there is no ceiling; nobody averages over keys unheard.
    assert names == [
        ('none', 'ours', 0.067),
        ('none', 'ours', 0.0),
        ('none', 'mean per muscle', 0.067),
        ('none', 'lagged ridge', 0.067),
        ('none', 'nearest neighbours', 0.067),
        ('recorded', 'ours', 0.067),
        ('recorded', 'ours', 0.0),
        ('recorded', 'mean per muscle', 0.067),
        ('recorded', 'keystroke average', 0.067),
        ('recorded', 'lagged ridge', 0.067),
        ('recorded', 'nearest neighbours', 0.067),
    ]
    assert all(np.isfinite(r['pooled_rmse']['mean']) and r['persons'] == 1 for r in rows)
    tables = '\n'.join(make_tables(rows, {'main': 0.067, 'unit': 'MVC'}))
    assert '`test_users`), pose only' in tables and 'ours, 67 ms' in tables
    with pytest.raises(DataError, match='no role to test on'):
        Plan(data, [], split='nothing').test_roles()
    roles = dict(data.splits['held_out'])
    mixed = {'held_out': roles | {'train': [*roles['train'], roles['test_users'][0]]}}
    leaky = replace(data, splits=mixed)
    with pytest.raises(DataError, match='s03 is also learned from'):
        Plan(leaky, []).test_roles()
    with pytest.raises(DataError, match='s03 is also learned from'):
        ablate(leaky, TrainSettings(), 1, 1, 1, lambda *_: None)


def test_of_many_recordings_one_is_in_memory(data):
    held, most = [], []

    class Watched(DataSet):
        def load(self, entry, only=None):
            recording = super().load(entry, only)
            held.append(weakref.ref(recording.envelope.stamp))
            most.append(sum(r() is not None for r in held))
            return recording

    watched = Watched(data.folder, data.entries, data.splits)
    plan = Plan(watched, [find_asset('models/small')], lookaheads=(0.067,))
    assert len(evaluate(plan)) == 9
    # The one before is let go of once the next one is there.
    assert len(most) > 12 and max(most) == 2


def test_variants_that_see_nothing_anew_learn_from_every_stretch_as_it_was_recorded():
    def example(drawn):
        return Example('s01', np.zeros((2, 3)), np.zeros((2, 1, 6)), drawn)

    group = [example(False), example(False), example(True)]  # a hand was lost for a while
    chosen = {v.anew: choose_examples(v, [group, group]) for v in VARIANTS}
    assert len(chosen[True]) == 6 and [e.drawn for e in chosen[False]] == [False] * 4


def test_what_cannot_be_scored_is_refused_before_a_network_is_trained(data, tmp_path):
    flags = ['--published', tmp_path / 'net', '--out', tmp_path / 'out']
    for wrong, words in (
        (('--lookahead', 0.05), 'look-ahead of 0.05 s'),
        (('--roles', 'test_people'), 'asked for held_out/test_people'),
        (('--model', tmp_path / 'nothing'), 'cannot be read'),
    ):
        with pytest.raises(PianokpmError, match=words):
            command.run(parse(data.folder, *flags, *wrong))
    assert not (tmp_path / 'net').exists()


def test_hands_are_scored_as_recorded_exact_or_seen_by_one_camera(data):
    entries = data.role('held_out', 'test_users')[:1]
    seen = {h: load_takes(data, entries, 'none', h)[0] for h in HANDS}
    exact = seen['exact'].recording.pose_truth
    errors = {}
    for hands, take in seen.items():
        poses = take.poses
        nearest = np.abs(exact.stamp[:, None] - poses.stamp).argmin(axis=0)
        errors[hands] = np.nanmedian(np.abs(poses.landmarks - exact.landmarks[nearest]))
    assert errors['exact'] < 1e-6 < 2 * errors['recorded'] < errors['one_view']
    (again,) = load_takes(data, entries, 'none', 'one_view')
    np.testing.assert_array_equal(again.poses.landmarks, seen['one_view'].poses.landmarks)
    with pytest.raises(DataError, match='nobody knows the exact hand'):
        see_hands(replace(seen['exact'].recording, pose_truth=None), 'exact')


def test_ablations_train_every_variant_alike(data, tmp_path, capsys):
    config = tmp_path / 'a.yaml'
    config.write_text(
        'recordings: 2\nvariants: 1\nwidth: 8\nlayers: 1\nsteps: 2\nbatch: 2\nwindow: 32\n'
    )
    flags = ('--out', tmp_path / 'out', '--ablations', config)
    assert command.run(parse(data.folder, *flags)) == 0
    lines = (tmp_path / 'out' / 'ablations.md').read_text().splitlines()
    assert len(lines) == 2 + 2 * len(VARIANTS) and lines[2].startswith('| as shipped | pose only')
    # Two variants that differ learn something else.
    assert len({line.split('|', 3)[3] for line in lines[3::2]}) > 5
    assert '2 steps of 2 windows' in capsys.readouterr().out


def test_figures_show_something_of_short_takes_and_call_measured_emg_so(data):
    for seconds, first in ((4.0, 0.0), (8.0, 2.0), (60.0, 6.0)):
        time = np.arange(0, seconds, 0.001)
        shown = time[choose_excerpt(time)]
        assert shown[0] == pytest.approx(first, abs=2e-3)
        assert shown[-1] - shown[0] == pytest.approx(min(seconds, 6.0), abs=3e-3)
    (take,) = load_takes(data, data.role('held_out', 'test_users')[:1])
    assert name_truth(take) == 'simulated EMG'
    recording = replace(take.recording, pose_truth=None, excitation=None)
    measured = replace(recording, info=replace(recording.info, simulated=False))
    assert name_truth(replace(take, recording=measured)) == 'measured EMG'


def test_a_flat_pose_is_what_two_cameras_see(data):
    (take,) = load_takes(data, data.role('held_out', 'test_users')[:1])
    (example, *_) = flatten(take, (0.0,))
    first = take.stretches[0]
    np.testing.assert_allclose(
        example.features[:, :84], project_views(take, first.stamp), atol=3e-4
    )
    assert np.isnan(example.features[:, 84 : KEYS.start]).all()
    np.testing.assert_allclose(example.features[:, KEYS], first.features[:, KEYS], atol=1e-3)


def parse(*arguments):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args([str(a) for a in arguments])


def test_the_command_writes_tables_and_figures_and_trains_the_published_network(
    data, tmp_path, capsys
):
    config = tmp_path / 'short.yaml'
    config.write_text('seconds: 0.5\nbatch: 2\nrate: 1.0e-3\ndecoder: parallel\npoints: 32\n')
    more = make_data(tmp_path / 'more', seconds=6.0, seed=1)
    flags = ['--published', tmp_path / 'net', '--published-config', config, '--no-baselines']
    flags += ['--published-more', more.folder]
    flags += ['--most', 1, '--keys', 'recorded', '--lookahead', 0.067]
    assert command.run(parse(data.folder, '--out', tmp_path / 'out', *flags)) == 0
    printed = capsys.readouterr().out
    assert 'PianoKPM Net, rebuilt' in printed and 'shuffled fingers' in printed
    out = tmp_path / 'out'
    for name in ('scores.png', 'excerpt.png', 'published_curve.png'):
        assert (out / name).read_bytes().startswith(b'\x89PNG')
    content = json.loads((out / 'scores.json').read_text())
    assert content['about']['models'] == [load_bundle(find_asset('models/small')).model_id]
    assert [r['name'] for r in content['rows']] == ['ours', 'PianoKPM Net, rebuilt']
    rows = list(csv.DictReader((out / 'scores.csv').open()))
    whole = [r for r in rows if r['metric'] == 'pooled_rmse' and r['estimator'] == 'ours']
    assert float(whole[0]['mean']) == content['rows'][0]['pooled_rmse']['mean']
    # A second run reads the network that is there; a folder without one is not written into.
    notes = json.loads((tmp_path / 'net' / 'training.json').read_text())
    learned = load_takes(data, data.role('held_out', 'train'))
    learned += load_takes(more, list(more.entries.values()))
    assert notes['windows'] == sum(len(cut_windows(t, STEP).pose) for t in learned)
    # The other way round it would be scored on what it knows.
    roles = data.splits['held_out']
    turned = {'turned': {'train': roles['test_users'], 'test': roles['train']}}
    shutil.copytree(data.folder, tmp_path / 'turned')
    index_data(tmp_path / 'turned', turned, 'turned round', {})
    with pytest.raises(PianokpmError, match=r'learned from 4 recordings of turned/test'):
        command.run(parse(tmp_path / 'turned', '--split', 'turned', '--out', out, *flags))
    (tmp_path / 'mine').mkdir()
    with pytest.raises(PianokpmError, match='exists and has no'):
        command.run(
            parse(data.folder, '--out', out, '--published', tmp_path / 'mine', '--most', 1)
        )


def test_a_recording_that_lacks_something_ends_no_evaluation_and_another_split_is_told(
    data, tmp_path, capsys
):
    shutil.copytree(data.folder, tmp_path / 'set')
    names = sorted(data.splits['within']['test'])[:3]
    middle = data.entries[names[1]]
    save_recording(without(data.load(middle), 'pose', 'envelope'), tmp_path / 'set' / middle.path)
    index_data(tmp_path / 'set', {'within': {'test': names}}, 'gaps', {})
    flags = ['--split', 'within', '--no-baselines', '--keys', 'none', '--lookahead', 0.067]
    assert command.run(parse(tmp_path / 'set', '--out', tmp_path / 'out', *flags)) == 0
    assert (tmp_path / 'out' / 'excerpt.png').is_file()
    printed = capsys.readouterr().out
    assert '2 recordings of one hand' in printed and 'The ceiling is' not in printed
    assert 'The keystroke average knows' not in printed  # nobody scored it
    assert (
        "RMSE in parts of maximum in a model's training data" in printed
    )  # as these say of themselves
    assert (
        'learned from the split `held_out`: recordings, persons and tasks that `within`' in printed
    )
