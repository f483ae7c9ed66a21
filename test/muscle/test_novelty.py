import numpy as np

from pianokpm_ros.muscle.features import FEATURE_COUNT, SHAPE
from pianokpm_ros.muscle.novelty import FLOOR, Novelty, fit_novelty

DIRECTIONS = np.random.default_rng(9).normal(size=(3, SHAPE.stop))


def shapes(rng, count):
    """Random features whose shape varies in three directions, and by the noise of landmarks."""
    features = np.full((count, FEATURE_COUNT), np.nan)
    noise = FLOOR * rng.normal(size=(count, SHAPE.stop))
    features[:, SHAPE] = 0.3 * rng.normal(size=(count, 3)) @ DIRECTIONS + noise
    return features


def fit(rng):
    return fit_novelty(shapes(rng, 4000), shapes(rng, 4000))


def test_the_usual_is_trusted_and_the_strange_is_not():
    rng = np.random.default_rng(0)
    novelty = fit(rng)
    # Of new shapes 1 % lie beyond either quantile, give or take three times its error of 0.22 %.
    assert 0.004 < np.mean(novelty.trust(shapes(rng, 4000)) < 1) < 0.027
    strange = shapes(rng, 100)
    strange[:, SHAPE] += rng.normal(size=(100, SHAPE.stop))  # into directions never seen
    assert novelty.trust(strange).max() == 0


def test_a_single_landmark_far_off_is_found():
    rng = np.random.default_rng(0)
    novelty, features = fit(rng), shapes(rng, 200)
    features[:, 23] += 0.6  # some nine times what noise and floor let expect
    distance, surprise = novelty.scores(features).T
    assert novelty.trust(features).max() < 0.1
    assert (surprise > 1.6 * novelty.usual[1]).all() and (distance < 1.6 * novelty.usual[0]).all()


def test_surprise_is_what_the_other_features_do_not_explain():
    """Against regression of one feature on all the others, done the long way."""
    rng = np.random.default_rng(0)
    train, other = shapes(rng, 4000), shapes(rng, 50)
    novelty = fit_novelty(train, other)
    x = train[:, SHAPE] - novelty.mean
    covariance = np.cov(x.T) + FLOOR**2 * np.eye(SHAPE.stop)
    rest = np.arange(SHAPE.stop) != 7
    weights = np.linalg.solve(covariance[np.ix_(rest, rest)], covariance[rest, 7])
    deviation = np.sqrt(covariance[7, 7] - weights @ covariance[rest, 7])
    y = other[:, SHAPE] - novelty.mean
    wanted = (y[:, 7] - y[:, rest] @ weights) / deviation
    np.testing.assert_allclose(y @ novelty.surprise[7], wanted, atol=1e-9)
    distance, surprise = novelty.scores(other).T
    square = np.einsum('ti,ij,tj->t', y, np.linalg.inv(covariance), y) / SHAPE.stop
    np.testing.assert_allclose(distance, np.sqrt(square), rtol=1e-6)
    np.testing.assert_allclose(surprise, np.abs(y @ novelty.surprise.T).max(axis=1), rtol=1e-9)


def test_trust_falls_from_the_usual_to_a_quarter_beyond_it():
    one = np.zeros((1, SHAPE.stop))
    one[0, 2] = 1.0
    features = np.zeros((5, FEATURE_COUNT))
    features[:, 2] = [0.9, 1.0, 1.125, 1.25, 1.3]
    by_surprise = Novelty(np.zeros(SHAPE.stop), np.zeros_like(one), one, np.array([1.0, 1.0]))
    by_distance = Novelty(np.zeros(SHAPE.stop), one, np.zeros_like(one), np.array([1.0, 1.0]))
    for novelty in (by_surprise, by_distance):
        np.testing.assert_allclose(novelty.trust(features), [1, 1, 0.5, 0, 0], atol=1e-12)


def test_unknown_features_count_as_the_mean():
    rng = np.random.default_rng(0)
    novelty, features = fit(rng), shapes(rng, 3)
    features[0, SHAPE] = np.nan
    features[1, 5] = np.inf
    assert np.isfinite(novelty.trust(features)).all()
    assert novelty.scores(features)[0].tolist() == [0, 0]


def test_shapes_with_gaps_do_not_enter_the_fit():
    rng = np.random.default_rng(0)
    clean = shapes(rng, 1000)
    spoiled = np.concatenate([clean, shapes(rng, 50)])
    spoiled[1000:, 7] = np.nan
    a, b = (fit_novelty(f, clean) for f in (clean, spoiled))
    np.testing.assert_array_equal(a.mean, b.mean)
