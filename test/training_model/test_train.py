"""A whole run, tiny; the bundle it makes is loaded and compared with the network it came from."""

import argparse
import importlib
import json
import shutil

import numpy as np
import pytest
import torch
from pianokpm_training.commands import train as command
from pianokpm_training.model import fit, pipeline
from pianokpm_training.model.dataset import Conditions, see_poses
from pianokpm_training.model.export import ExportError
from pianokpm_training.model.network import MuscleNetwork
from pianokpm_training.model.settings import MINI, SettingsError, TrainSettings, load_settings
from safetensors.numpy import load_file

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.muscle.batch import estimate_batch
from pianokpm_ros.muscle.bundle import load_bundle
from pianokpm_ros.muscle.features import FEATURE_COUNT
from pianokpm_ros.shares import find_asset

TINY = TrainSettings(
    persons=2,
    validation=1,
    test=1,
    seconds=8.0,
    variants=1,
    width=16,
    steps=30,
    batch=4,
    window=64,
)


def run(settings, out, work, stage=lambda *_: None):
    return pipeline.train(settings, out, work, stage, workers=1)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    folder, stages = tmp_path_factory.mktemp('trained'), []
    scores = run(TINY, folder / 'model', folder / 'work', lambda *a: stages.append(a))
    return folder, scores, stages


def rebuild(folder):
    """The torch network of a bundle, from its weights."""
    bundle = load_bundle(folder)
    network = MuscleNetwork(FEATURE_COUNT, 3, 6, bundle.network.shape.state).eval()
    tensors = load_file(folder / 'weights.safetensors')
    network.load_state_dict(
        {
            n.removeprefix('network.'): torch.from_numpy(v)
            for n, v in tensors.items()
            if n.startswith('network.')
        }
    )
    return bundle, network


@pytest.mark.parametrize('which', ['trained', 'shipped'])
def test_runtime_and_torch_say_the_same(trained, which):
    bundle, network = rebuild(
        trained[0] / 'model' if which == 'trained' else find_asset('models/small')
    )
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, FEATURE_COUNT)).astype(np.float32)
    state = rng.uniform(-1, 1, bundle.network.shape.state).astype(np.float32)
    found = bundle.network.run(features, state)
    with torch.no_grad():
        wanted = network(torch.from_numpy(features)[None], torch.from_numpy(state)[None])
    for have, want in zip(found, wanted, strict=True):
        # float32 sums of 128 terms in two orders: 8e-6 of their size; values of order 1.
        np.testing.assert_allclose(have, want[0].numpy(), rtol=0, atol=2e-5)


def test_the_bundle_says_what_it_is(trained):
    folder, scores, _ = trained
    bundle = load_bundle(folder / 'model')
    training = bundle.manifest['training']
    assert training['simulated'] is True and training['persons'] == 2 and training['seed'] == 1
    assert bundle.manifest['scores'] == json.loads(json.dumps(scores))
    for who in ('model', 'ridge', 'mean'):
        assert set(scores[who]['rmse']) == set(MUSCLES)
    card = (folder / 'model' / 'README.md').read_text()
    assert 'simulated muscles only' in card and 'never the truth of a person' in card
    assert f'{scores["model"]["rmse"]["ADM"]:.3f}' in card
    assert not (folder / 'work').exists()


def test_the_loss_falls(trained):
    losses = [float(word.split()[1]) for name, _, _, word in trained[2] if name == 'fit']
    assert len(losses) == 30 and np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_the_bundle_estimates(trained, performance):
    bundle = load_bundle(trained[0] / 'model')
    conditions = Conditions(60.0, False, True, 'none')
    poses = see_poses(performance, Side.LEFT, conditions, np.random.default_rng(0))
    stamps, mean, deviation = estimate_batch(bundle, Side.LEFT, poses)
    assert len(stamps) > 10_000 and np.isfinite(mean).all() and (deviation > 0).all()
    assert (mean >= 0).all() and (mean <= 1).all()


def test_an_interrupted_run_goes_on_to_the_same_model(trained, tmp_path):
    def stop(name, done, *_):
        if name == 'fit' and done == 20:
            raise KeyboardInterrupt

    assert fit.CHECKPOINT_STEPS == 100
    fit.CHECKPOINT_STEPS = 10
    try:
        with pytest.raises(KeyboardInterrupt):
            run(TINY, tmp_path / 'model', tmp_path / 'work', stop)
        assert not (tmp_path / 'model').exists()
        steps = []
        run(TINY, tmp_path / 'model', tmp_path / 'work', lambda n, d, *_: steps.append((n, d)))
    finally:
        fit.CHECKPOINT_STEPS = 100
    assert min(d for n, d in steps if n == 'fit') == 21
    again, first = (load_file(f / 'model' / 'weights.safetensors') for f in (tmp_path, trained[0]))
    for name, value in first.items():
        np.testing.assert_allclose(again[name], value, atol=1e-6, err_msg=name)


def test_another_run_is_not_mixed_in(tmp_path):
    (tmp_path / 'work').mkdir()
    (tmp_path / 'work' / 'settings.json').write_text('{}')
    with pytest.raises(SettingsError, match='other settings'):
        run(TINY, tmp_path / 'model', tmp_path / 'work')
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'thesis.txt').write_text('x')
    with pytest.raises(SettingsError, match='holds something else'):
        run(TINY, tmp_path / 'model', tmp_path / 'mine')


def test_a_folder_that_is_no_model_is_never_replaced(tmp_path):
    (tmp_path / 'thesis').mkdir()
    (tmp_path / 'thesis' / 'thesis.txt').write_text('x')
    with pytest.raises(ExportError, match='exists and is none'):
        run(TINY, tmp_path / 'thesis', tmp_path / 'work')
    assert (tmp_path / 'thesis' / 'thesis.txt').exists() and not (tmp_path / 'work').exists()


def test_settings_come_from_a_file_and_flags_win(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_text('persons: 7\nlookaheads: [0, 0.05]\ndefault_lookahead: 0.05\n')
    settings = load_settings(path, persons=9, seed=None)
    assert (settings.persons, settings.lookaheads, settings.seed) == (9, (0, 0.05), 1)


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('person: 7', 'unknown person'),
        ('persons: many', 'invalid literal'),
        ('persons: 0', 'must be positive'),
        ('default_lookahead: 0.5', 'none of'),
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


def parse(*arguments):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(arguments)


def test_the_command_trains_and_prints_scores(tmp_path, monkeypatch, capsys):
    for name, value in (TINY.describe() | {'steps': 5}).items():
        if name in MINI:
            monkeypatch.setitem(MINI, name, value)
    assert (
        command.run(parse('--mini', '--out', str(tmp_path / 'm'), '--seed', '3', '--workers', '1'))
        == 0
    )
    printed = capsys.readouterr().out
    assert all(m in printed for m in MUSCLES) and 'in 95 %' in printed
    assert 'simulated muscles only' in printed
    assert load_bundle(tmp_path / 'm').manifest['training']['seed'] == 3


def test_without_the_training_extra_the_command_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(importlib.sys.modules, 'torch', None)
    with pytest.raises(PianokpmError, match='requirements/training.txt'):
        command.run(parse('--out', str(tmp_path / 'm')))
    shutil.rmtree(tmp_path)
