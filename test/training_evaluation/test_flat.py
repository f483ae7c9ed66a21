"""The PianoKPM release, imported: the rebuilt network, the baselines and ours in 2D, with nobody's hand in space."""

import argparse
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.commands import evaluate as command
from pianokpm_training.commands import train as train_command
from pianokpm_training.datasets.collection import open_data
from pianokpm_training.datasets.recording import DataError, ViewTrack
from pianokpm_training.evaluation.flat_model import (
    WEIGHTS,
    FlatEstimator,
    check_lookaheads,
    load_flat,
)
from pianokpm_training.evaluation.scores import score_estimate
from pianokpm_training.evaluation.takes import Estimate, is_flat, load_takes
from pianokpm_training.importing.pianokpm import import_pianokpm
from pianokpm_training.model.flat import COUNT, FLAT, PER_VIEW, flat_stretch
from pianokpm_training.model.windows import hide_keys
from pianokpm_training.sessions.ticks import read_released

from pianokpm_ros.anatomy import Side
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.muscle.batch import no_keys
from pianokpm_ros.muscle.timebase import KeyTicks

from ..training_importing.makers import make_playable_release
from ..training_model.makers import make_data

QUICK = 'variants: 0\nexact_hand: 0\nwidth: 32\nlayers: 1\nsteps: 80\nbatch: 8\nwindow: 128\nrate: 0.01\n'


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('release')
    make_playable_release(folder / 'release')
    return import_pianokpm(folder / 'release', folder / 'set').data


def parse(*words):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args([str(w) for w in words])


@pytest.fixture(scope='module')
def scored(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp('scores')
    (folder / 'quick.yaml').write_text(QUICK)
    (folder / 'published.yaml').write_text('seconds: 2\nbatch: 2\ndecoder: parallel\npoints: 32\n')
    published = ('--published', folder / 'net', '--published-config', folder / 'published.yaml')
    flat = ('--flat-config', folder / 'quick.yaml')
    out = folder / 'out'
    assert (
        command.run(
            parse(data.folder, '-o', out, '--most', 1, '--lookahead', 0.067, *flat, *published)
        )
        == 0
    )
    return out


def test_one_command_scores_all_that_can_be_on_the_release(scored):
    content = json.loads((scored / 'scores.json').read_text())
    rows = {(r['role'], r['keys'], r['name']): r for r in content['rows']}
    assert {role for role, _, _ in rows} == {'test_users', 'test_tasks'}
    names = {name for _, keys, name in rows if keys == 'recorded'}
    assert names == {
        'ours, in 2D',
        'PianoKPM Net, rebuilt',
        'mean per muscle',
        'keystroke average',
        'lagged ridge',
        'nearest neighbours',
    }
    # Something is learned that holds for persons and tasks that are not in it.
    for role in ('test_users', 'test_tasks'):
        assert rows[role, 'none', 'ours, in 2D']['r']['mean'] > 0.25
        assert rows[role, 'recorded', 'keystroke average']['r']['mean'] > 0.1
    tables = (scored / 'scores.md').read_text()
    assert 'ours, in 2D, 67 ms' in tables and 'PianoKPM Net, published | 0.209 | 0.264' in tables
    assert 'units of the data, -1 to 1' in tables and 'no noise ceiling' in tables
    assert all((scored / f'{n}.png').stat().st_size > 5000 for n in ('scores', 'excerpt'))


def test_the_model_in_2d_is_read_again_and_says_the_same(data, scored):
    model = load_flat(scored / 'flat')
    (take, *_) = load_takes(data, data.role('held_out', 'test_users'))
    found = FlatEstimator(model, 0.067).estimate(take)
    content = json.loads((scored / 'scores.json').read_text())
    (row,) = [
        r
        for r in content['rows']
        if (r['role'], r['keys'], r['name']) == ('test_users', 'recorded', 'ours, in 2D')
    ]
    error = score_estimate(take, found).values['pooled_rmse']
    assert error == pytest.approx(row['pooled_rmse']['mean'], rel=1e-6)
    assert row['rmse_over_takes'] == pytest.approx(error, rel=1e-6)  # of one recording
    with pytest.raises(DataError, match='has 0, 0.033, 0.067 s'):
        check_lookaheads(model.settings, (0.067, 0.05))
    (scored / 'flat' / WEIGHTS).write_bytes(b'nothing')
    with pytest.raises(DataError, match='remove the folder to train it anew'):
        load_flat(scored / 'flat')


def test_errors_are_told_in_the_units_of_the_release(data):
    (take, *_) = load_takes(data, data.role('held_out', 'test_users'))
    recording = data.load(data.role('held_out', 'test_users')[0])
    released = recording.envelope.samples
    np.testing.assert_allclose(2 * take.truth - 1, released[: len(take.truth)], atol=1e-6)
    estimate = Estimate(np.full(take.truth.shape, 0.5))  # 0 in the release's units
    values = score_estimate(take, estimate).values
    wanted = np.sqrt(np.mean(np.square(released[::5].astype(np.float64))))
    assert values['pooled_rmse'] == pytest.approx(wanted, rel=1e-5)
    for changes, words in (({'unit': 'V'}, "in 'V'"), ({'samples': 100 * released}, 'reaches 9')):
        odd = replace(recording, envelope=replace(recording.envelope, **changes))
        with pytest.raises(DataError, match=words):
            read_released(odd)


def make_view(places, rate=60.0, size=(640, 480)):
    stamp = np.rint(np.arange(len(places)) * 1e9 / rate).astype(np.int64)
    return ViewTrack(stamp, places.astype(np.float32), size)


def test_what_is_seen_in_2d_is_the_same_for_both_hands():
    random = np.random.default_rng(0)
    right = 200 + 200 * random.random((30, 21, 2))
    left = right * [-1, 1] + [640, 0]
    keys = KeyTicks(np.zeros((60, 88)), np.zeros((60, 88)), np.ones(60, bool))
    keys.position[:, 60 - 21] = 1.0
    mirrored = KeyTicks(np.zeros((60, 88)), np.zeros((60, 88)), np.ones(60, bool))
    mirrored.position[:, 64 - 21] = 1.0
    views = [{n: make_view(p) for n in ('top', 'right')} for p in (right, left)]
    one = flat_stretch(views[0], Side.RIGHT, lambda t: keys.part(slice(len(t))))
    other = flat_stretch(views[1], Side.LEFT, lambda t: mirrored.part(slice(len(t))))
    np.testing.assert_allclose(one.features, other.features, atol=1e-4)
    assert one.features.shape[1] == COUNT and np.isfinite(one.features).all()
    assert one.features[0, FLAT.keys.start + 60 - 21] == 1.0
    hidden = hide_keys(one.features, np.ones(len(one.stamp), bool), FLAT)
    unheard = flat_stretch(views[0], Side.RIGHT, no_keys).features
    np.testing.assert_array_equal(hidden, unheard)


def test_a_larger_or_moved_hand_changes_its_place_alone():
    random = np.random.default_rng(1)
    places = 200 + 100 * random.random((30, 21, 2))
    views = [{n: make_view(p) for n in ('top', 'right')} for p in (places, 1.5 * places + 20)]
    one, other = (flat_stretch(v, Side.RIGHT, no_keys).features[:, :PER_VIEW] for v in views)
    np.testing.assert_allclose(one[:, 3:], other[:, 3:], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(other[:, 2], 1.5 * one[:, 2], rtol=1e-4)


def test_what_is_not_seen_is_unknown_and_never_bridged_for_long():
    places = 200 + 100 * np.random.default_rng(2).random((60, 21, 2))
    places[20:40] = np.nan  # a third of a second
    places[50, 7] = np.nan  # one landmark in one frame
    stretch = flat_stretch({n: make_view(places) for n in ('top', 'right')}, Side.RIGHT, no_keys)
    seconds = (stretch.stamp - stretch.stamp[0]) * 1e-9
    away = (seconds > 19.5 / 60) & (seconds < 39.5 / 60)
    assert np.isnan(stretch.features[away][:, :PER_VIEW]).all()
    assert (stretch.features[away][:, FLAT.keys.stop] == 0).all()
    late = seconds > 44 / 60
    assert np.isfinite(stretch.features[late][:, :PER_VIEW]).all()
    with pytest.raises(DataError, match='share no time'):
        late = replace(make_view(places), stamp=make_view(places).stamp + 10**12)
        flat_stretch({'top': make_view(places), 'right': late}, Side.RIGHT, no_keys)


def test_whether_a_data_set_is_in_2d_is_read_once(data, tmp_path):
    shutil.copytree(data.folder, tmp_path / 'set')
    copied = open_data(tmp_path / 'set')
    assert is_flat(copied)
    for manifest in (tmp_path / 'set').rglob('recording.json'):
        manifest.unlink()
    assert is_flat(copied)


def test_2d_and_space_are_not_mixed_up(data, tmp_path):
    placed = make_data(tmp_path / 'set', seconds=3.0)
    assert is_flat(data) and not is_flat(placed)
    with pytest.raises(PianokpmError, match='leave out --flat'):
        command.run(parse(placed.folder, '-o', tmp_path / 'out', '--flat', tmp_path / 'flat'))
    with pytest.raises(PianokpmError, match='no hands in space'):
        command.run(parse(data.folder, '-o', tmp_path / 'out', '--model', tmp_path))
    with pytest.raises(PianokpmError, match='no hands in space'):
        command.run(parse(data.folder, '-o', tmp_path / 'out', '--ablations', 'ablations'))
    with pytest.raises(DataError, match='nobody knows the exact hand'):
        load_takes(data, data.role('held_out', 'test_users'), hands='exact')
    assert not (tmp_path / 'out').exists()
    parser = argparse.ArgumentParser()
    train_command.add_arguments(parser)
    words = [str(data.folder), '--config', 'mini', '-o', str(tmp_path / 'model')]
    with pytest.raises(DataError, match='pianokpm evaluate'):
        train_command.run(parser.parse_args(words))
