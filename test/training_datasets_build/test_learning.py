import numpy as np
import pytest
from pianokpm_training.sessions.building import BuildSettings, build_data

from pianokpm_ros.muscle.bundle import load_bundle

from ..session import make_session

pytest.importorskip('torch', reason='pip install -r requirements/training.txt')
from pianokpm_training.model.settings import load_settings
from pianokpm_training.sessions.learning import make_examples, train_on


def test_targets_lie_where_the_envelope_says(data):
    (entry,) = [e for e in data.entries.values() if e.side == 'right']
    recording = data.load(entry)
    (example,) = make_examples(recording, (0.0, 0.05), 0)
    known = np.isfinite(example.target).all(axis=(1, 2))
    # 50 ms of look-ahead are five ticks.
    np.testing.assert_array_equal(example.target[known][5:-5, 1], example.target[known][:-10, 0])


def test_two_sessions_train_a_model_that_loads_and_says_simulated(session, data, tmp_path):
    other = make_session(tmp_path / 'bag', seconds=6.0, seed=9)
    both, _ = build_data([session.bag, other.bag], tmp_path / 'set', BuildSettings())
    tiny = dict(name='tiny', steps=4, width=8, batch=4, window=32)
    (tmp_path / 'work').mkdir()
    scores = train_on(both, tmp_path / 'model', load_settings(None, **tiny), tmp_path / 'work')
    assert scores['scored_on'] == 'test' and set(scores['model']['r']) == set(
        'ADM APB 1DI 2DI 3DI 4DI'.split()
    )
    bundle = load_bundle(tmp_path / 'model')
    assert bundle.simulated_training and bundle.model_id.startswith('tiny@')
