import hashlib
import io
import json
import os
import pickle
import re
import shutil
import zipfile

import numpy as np
import onnx
import pytest
from safetensors.numpy import load_file, save_file

from pianokpm_ros.emg.metrics import COVERAGE_LEVELS
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.muscle.bundle import INTERVALS, BundleError, load_bundle
from pianokpm_ros.muscle.features import FEATURE_COUNT, FEATURE_NAMES
from pianokpm_ros.records import Normalization
from pianokpm_ros.shares import find_asset


@pytest.fixture
def folder(tmp_path):
    """A copy of the shipped model to damage."""
    return shutil.copytree(find_asset('models/small'), tmp_path / 'model')


def edit_manifest(folder, change):
    path = folder / 'manifest.json'
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def replace(folder, name, data):
    """Replace a file and its hash: what somebody would do who doesn't mean well."""
    (folder / name).write_bytes(data)
    edit_manifest(folder, lambda m: m['files'].update({name: hashlib.sha256(data).hexdigest()}))


def refusal(folder):
    with pytest.raises(BundleError) as caught:
        load_bundle(folder)
    assert isinstance(caught.value, PianokpmError)
    return str(caught.value)


def test_the_shipped_model_says_what_it_is(folder):
    bundle = load_bundle(folder)
    assert re.fullmatch('small@[0-9a-f]{8}', bundle.model_id)
    assert bundle.muscle == ('ADM', 'APB', '1DI', '2DI', '3DI', '4DI')
    assert bundle.lookaheads == (0.0, 0.033, 0.067) and bundle.default_lookahead == 0.033
    assert tuple(f'{level:g}' for level in COVERAGE_LEVELS) == INTERVALS
    assert 0 < bundle.reach[0] < 1 < bundle.reach[1] < bundle.reach[2]
    assert bundle.simulated_training and bundle.normalization == Normalization.MODEL
    assert bundle.manifest['training']['persons'] >= 16
    assert bundle.manifest['training']['calibrated_on'] >= 4  # persons it did not learn from
    assert bundle.manifest['parameters'] <= 300_000
    assert 'simulated' in (folder / 'README.md').read_text()


def test_a_model_keeps_its_name_when_it_is_scored_again(folder):
    """A person's file belongs to one model; what is written of it does not change the model, all else does."""
    before = load_bundle(folder).model_id
    edit_manifest(folder, lambda m: m.update(scores={'validation_crps': 0.01}))
    assert load_bundle(folder).model_id == before
    edit_manifest(folder, lambda m: m['intervals'].update({'0.5': 0.7123}))
    assert load_bundle(folder).model_id != before


def test_the_shipped_scores_beat_a_constant_and_a_linear_model(folder):
    rows = load_bundle(folder).manifest['scores']['rows']
    asked = {(r['role'], r['keys']) for r in rows}
    assert {role for role, _ in asked} == {'test_users', 'test_tasks'}
    for role, keys in asked:
        by_name = {r['name']: r for r in rows if (r['role'], r['keys']) == (role, keys)}
        ours = max(
            (r for r in rows if (r['role'], r['keys'], r['name']) == (role, keys, 'ours')),
            key=lambda r: r['lookahead'],
        )
        assert ours['r']['mean'] > by_name['lagged ridge']['r']['mean']
        assert ours['pooled_rmse']['mean'] < by_name['mean per muscle']['pooled_rmse']['mean']


@pytest.mark.parametrize('name', ['manifest.json', 'weights.safetensors', 'model.onnx'])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert name in refusal(folder) and 'No such file' in refusal(folder)


def test_no_folder_is_no_model(tmp_path):
    assert 'pianokpm train' in refusal(tmp_path / 'nowhere')


@pytest.mark.parametrize('name', ['weights.safetensors', 'model.onnx'])
def test_a_flipped_bit_is_found(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    assert f'{name} is damaged or was changed' in refusal(folder)


@pytest.mark.parametrize('name', ['weights.safetensors', 'model.onnx'])
@pytest.mark.parametrize('part', [0.0, 0.5, 0.999])
def test_a_truncated_file_is_found(folder, name, part):
    data = (folder / name).read_bytes()
    data = data[: int(part * len(data))]
    (folder / name).write_bytes(data)
    assert 'damaged' in refusal(folder)
    replace(folder, name, data)  # also where the hash was made to fit
    assert name in refusal(folder)


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def as_checkpoint(data):
    """What torch.save writes: a zip with a pickle in it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        archive.writestr('archive/data.pkl', data)
    return stream.getvalue()


@pytest.mark.parametrize('name', ['weights.safetensors', 'model.onnx'])
@pytest.mark.parametrize('wrap', [bytes, as_checkpoint], ids=['pickle', 'checkpoint'])
def test_a_pickle_is_never_unpickled(folder, tmp_path, name, wrap):
    crater = tmp_path / 'crater'
    data = pickle.dumps(Bomb(crater))
    pickle.loads(data)  # the bomb works
    crater.rmdir()
    replace(folder, name, wrap(data))
    assert name in refusal(folder)
    assert not crater.exists()


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'schema': 'something'}, "no manifest of the schema 'pianokpm-model'"),
        ({'version': 1}, 'version 1 of the schema'),
        ({'muscles': None}, 'muscles is missing or of the wrong type'),
        ({'muscles': []}, 'muscles with different names'),
        ({'muscles': ['ADM'] * 6}, 'muscles with different names'),
        ({'muscles': ['ADM']}, 'exported?'),
        ({'state': True}, 'state is missing or of the wrong type'),
        ({'state': 64}, 'state (64)'),
        ({'state': 0}, 'a state of 1 or more'),
        ({'sample_rate': 2000.0}, 'a sample_rate of 1000 Hz'),
        ({'tick': 0.02}, 'a tick of 0.01 s'),
        ({'lookaheads': [0.067, 0.0, 0.033]}, 'ascending lookaheads'),
        ({'lookaheads': [0.0, 0.0333333, 0.067]}, 'whole milliseconds'),
        ({'default_lookahead': 0.05}, 'a default_lookahead that is one'),
        (
            {'intervals': {'0.5': 0.6, '0.8': 0.0, '0.95': 2.0}},
            'positive intervals for 0.5, 0.8, 0.95',
        ),
        ({'intervals': {'0.5': 0.6}}, 'positive intervals'),
        ({'normalization': 'LOUD'}, 'a normalization that is known'),
        ({'features': {'version': 0, 'names': list(FEATURE_NAMES)}}, 'features of version 2'),
        ({'features': {'version': 2, 'names': ['x']}}, 'features of version 2'),
        ({'scaling': {'limit': float('nan')}}, 'a positive scaling.limit'),
        ({'training': {'simulated': 'no'}}, 'training.simulated, true or false'),
    ],
)
def test_a_manifest_that_means_something_else_is_refused(folder, change, words):
    edit_manifest(folder, lambda m: m.update(change))
    found = refusal(folder)
    assert words in found or (words == 'exported?' and 'export the bundle again' in found)


def test_text_that_is_no_manifest_is_refused(folder):
    for text in ('', '[]', '{"schema"', 'null', '"x"'):
        (folder / 'manifest.json').write_text(text)
        assert 'manifest.json' in refusal(folder)
    (folder / 'manifest.json').write_bytes(b'\xff\xfe\x00')
    assert 'no JSON' in refusal(folder)


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('scaling.mean', None, 'found nothing'),
        ('scaling.mean', np.zeros(3, np.float32), 'found (3,)'),
        ('novelty.mean', np.full(75, np.nan, np.float32), 'finite'),
        ('novelty.whitening', np.zeros((75, 2), np.float32), 'found (75, 2)'),
        ('scaling.deviation', np.zeros(FEATURE_COUNT, np.float32), 'must be positive'),
        ('novelty.usual', np.zeros(2, np.float32), 'must be positive'),
    ],
)
def test_weights_of_wrong_shape_or_value_are_refused(folder, tmp_path, name, value, words):
    tensors = load_file(folder / 'weights.safetensors')
    tensors.pop(name)
    if value is not None:
        tensors[name] = np.array(value)
    save_file(tensors, tmp_path / 'other')
    replace(folder, 'weights.safetensors', (tmp_path / 'other').read_bytes())
    assert words in refusal(folder)


def test_a_graph_of_other_inputs_is_refused(folder):
    model = onnx.load(folder / 'model.onnx')
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 84
    replace(folder, 'model.onnx', model.SerializeToString())
    assert 'model.onnx' in refusal(folder)


def test_a_graph_that_reads_other_files_is_refused(folder, tmp_path):
    """External data would let a graph read any file of the machine."""
    model = onnx.load(folder / 'model.onnx')
    onnx.save(
        model, tmp_path / 'm.onnx', save_as_external_data=True, location='secret', size_threshold=0
    )
    replace(folder, 'model.onnx', (tmp_path / 'm.onnx').read_bytes())
    assert 'model.onnx' in refusal(folder)


def test_a_state_too_large_is_refused(folder):
    edit_manifest(folder, lambda m: m.update(state=10**9))
    assert 'a state of 1 or more' in refusal(folder)
