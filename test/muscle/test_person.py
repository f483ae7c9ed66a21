"""A person's file: small, checked, bound to its model, and nothing about streaming changes."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.muscle.batch import estimate_batch, stack_poses
from pianokpm_ros.muscle.estimator import MuscleEstimator
from pianokpm_ros.muscle.person import (
    Person,
    PersonError,
    PersonMap,
    load_person,
    load_personal,
    personalise,
    save_person,
)
from pianokpm_ros.records import Normalization

from .streams import join, poses_at, run, steady
from .test_estimator import TOLERANCE


def random_map(bundle, seed=0, features=True):
    random = np.random.default_rng(seed)
    muscles, count = len(bundle.muscle), bundle.network.shape.features if features else 0
    return PersonMap(
        random.normal(0, 0.2, (muscles, muscles)),
        random.normal(0, 0.02, muscles),
        random.normal(0, 0.002, (count, muscles)),
        random.uniform(0.5, 2.0, muscles),
    )


@pytest.fixture
def person(bundle):
    own = random_map(bundle)
    fit = {'from': 'EMG', 'seconds': 25.0}
    return Person('s07', bundle.model_id, bundle.muscle, Normalization.MVC, own, fit)


def test_a_file_is_read_as_it_was_written(person, tmp_path):
    path = save_person(person, tmp_path / 'new' / 's07.json')
    back = load_person(path)
    assert back.digest == person.digest and back.fit == person.fit
    for name in ('mixing', 'offset', 'weights', 'spread'):
        np.testing.assert_array_equal(getattr(back.map, name), getattr(person.map, name))
    assert [p.name for p in path.parent.iterdir()] == ['s07.json']
    assert path.stat().st_size < 60_000


@pytest.mark.parametrize('features', [True, False])
@pytest.mark.parametrize('rate', [30, 60])
def test_frame_by_frame_still_equals_the_whole_take(bundle, person, playing, side, rate, features):
    own = personalise(bundle, replace(person, map=random_map(bundle, rate, features)))
    poses = poses_at(playing, steady(rate, 3.0), side)
    stamps, envelope, deviation = join(run(MuscleEstimator(own, side), poses))
    whole = estimate_batch(own, side, stack_poses(poses))
    np.testing.assert_array_equal(stamps, whole[0])
    # The map multiplies errors of the network by the sum of a row, here below 2, and of the features' weights.
    np.testing.assert_allclose(envelope, whole[1], atol=3 * TOLERANCE)
    np.testing.assert_allclose(deviation, whole[2], atol=3 * TOLERANCE)
    plain = join(run(MuscleEstimator(bundle, side), poses))[1]
    assert np.abs(envelope - plain).max() > 0.02 and envelope.min() >= 0.0


def test_the_map_does_what_it_says(bundle, person):
    own, random = person.map, np.random.default_rng(1)
    features = random.normal(size=(5, bundle.network.shape.features)).astype(np.float32)
    mean, deviation = random.uniform(0, 1, (2, 5, 3, len(MUSCLES))).astype(np.float32)
    found, spread = own.apply(features, mean, deviation)
    for lookahead in range(3):
        m = mean[:, lookahead]
        wanted = np.maximum(m + m @ own.mixing + features @ own.weights + own.offset, 0)
        np.testing.assert_allclose(found[:, lookahead], wanted, atol=1e-5)
    np.testing.assert_allclose(spread, deviation * own.spread, rtol=1e-6)
    same = PersonMap.identity(len(MUSCLES)).apply(features, mean, deviation)
    np.testing.assert_array_equal(same[0], mean)
    np.testing.assert_array_equal(same[1], deviation)
    half = PersonMap.scale(np.full(len(MUSCLES), 0.5)).apply(features, mean, deviation)
    np.testing.assert_allclose(half, (0.5 * mean, 0.5 * deviation), rtol=1e-6)


def test_every_message_tells_whose_it_is(bundle, person, playing):
    own = personalise(bundle, replace(person, normalization=Normalization.MVC))
    record = run(MuscleEstimator(own, Side.RIGHT), poses_at(playing, steady(60, 0.5), Side.RIGHT))[
        -1
    ]
    assert record.model_id == f'{bundle.model_id}+{person.digest[:8]}'
    assert record.calibration_id == f's07@{person.digest[:8]}'
    assert record.normalization == Normalization.MVC != bundle.normalization
    assert record.simulated_training  # the network still learned from simulations
    assert bundle.normalization == Normalization.MODEL


def test_another_model_is_refused(bundle, person):
    with pytest.raises(PersonError, match=r'made for the model other@00000000, with small@'):
        personalise(bundle, replace(person, model_id='other@00000000'))
    with pytest.raises(PersonError, match='for the muscles ADM, X; the model has ADM, APB'):
        personalise(bundle, replace(person, muscle=('ADM', 'X')))
    few = replace(person.map, weights=person.map.weights[:5])
    with pytest.raises(PersonError, match='weights of 5 features'):
        personalise(bundle, replace(person, map=few))
    own = personalise(bundle, person)
    with pytest.raises(PersonError, match='made for the model'):
        personalise(own, person)  # not twice


def _spoil(content, name, value):
    content['map'][name] = value


@pytest.mark.parametrize(
    ('spoil', 'words'),
    [
        (lambda c: c.update(schema='x'), 'no file of the schema'),
        (lambda c: c.update(version=2), 'version 2'),
        (lambda c: c['map']['offset'].__setitem__(0, 0.5), 'changed by hand'),
        (lambda c: c.pop('sha256'), 'changed by hand'),
    ],
)
def test_a_changed_file_is_refused(person, tmp_path, spoil, words):
    path = save_person(person, tmp_path / 'p.json')
    content = json.loads(path.read_text())
    spoil(content)
    path.write_text(json.dumps(content))
    with pytest.raises(PersonError, match=words):
        load_person(path)


@pytest.mark.parametrize(
    ('own', 'words'),
    [
        ({'spread': np.array([1.0] * 5 + [0.0])}, 'spread must be positive'),
        ({'offset': np.array([0.0] * 5 + [np.nan])}, 'within 100'),
        ({'offset': np.array([0.0] * 5 + [1e9])}, 'within 100'),
        ({'mixing': np.zeros((5, 6))}, 'misshapen'),
    ],
)
def test_numbers_that_cannot_be_are_refused(person, tmp_path, own, words):
    path = save_person(replace(person, map=replace(person.map, **own)), tmp_path / 'p.json')
    with pytest.raises(PersonError, match=words):
        load_person(path)


def test_what_is_no_file_of_a_person_is_refused(bundle, tmp_path):
    with pytest.raises(PersonError, match='cannot be read'):
        load_person(tmp_path / 'none.json')
    (tmp_path / 'p.json').write_text('{')
    with pytest.raises(PersonError, match='no JSON'):
        load_person(tmp_path / 'p.json')
    (tmp_path / 'p.json').write_text(' ' * (2 << 20))
    with pytest.raises(PersonError, match='bytes: it is no calibration'):
        load_person(tmp_path / 'p.json')
    assert load_personal(bundle, '') is bundle and load_personal(bundle, None) is bundle
