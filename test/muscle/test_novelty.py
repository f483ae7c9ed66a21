import numpy as np

from pianokpm_ros.muscle.features import FEATURE_COUNT, SHAPE
from pianokpm_ros.muscle.novelty import FLOOR, fit_novelty


def shapes(rng, count):
    """Random features whose shape varies in three directions only."""
    features = np.full((count, FEATURE_COUNT), np.nan)
    directions = np.random.default_rng(9).normal(size=(3, SHAPE.stop))
    features[:, SHAPE] = 0.3 * rng.normal(size=(count, 3)) @ directions
    return features


def test_the_usual_is_trusted_and_the_strange_is_not():
    rng = np.random.default_rng(0)
    novelty = fit_novelty(shapes(rng, 4000), shapes(rng, 4000))
    trust = novelty.trust(shapes(rng, 4000))
    # 0.5 % of new shapes lie beyond the quantile, give or take three times its error of 0.11 %.
    assert 0.0017 < np.mean(trust < 1) < 0.0083
    strange = shapes(rng, 100)
    strange[:, SHAPE] += rng.normal(size=(100, SHAPE.stop))  # into directions never seen
    assert novelty.trust(strange).max() == 0


def test_directions_that_hardly_vary_do_not_rule():
    rng = np.random.default_rng(0)
    novelty = fit_novelty(shapes(rng, 2000), shapes(rng, 2000))
    features = shapes(rng, 500)
    before = novelty.distance(features)
    # Landmark errors of a third of the floor, in all directions, move the distance by a third of a unit at most.
    features[:, SHAPE] += FLOOR / 3 * rng.normal(size=(500, SHAPE.stop))
    assert np.abs(novelty.distance(features) - before).max() < 0.5


def test_unknown_features_count_as_the_mean():
    rng = np.random.default_rng(0)
    novelty = fit_novelty(shapes(rng, 500), shapes(rng, 500))
    features = shapes(rng, 3)
    features[0, SHAPE] = np.nan
    features[1, 5] = np.inf
    assert np.isfinite(novelty.trust(features)).all() and novelty.distance(features)[0] == 0


def test_shapes_with_gaps_do_not_enter_the_fit():
    rng = np.random.default_rng(0)
    clean = shapes(rng, 1000)
    spoiled = np.concatenate([clean, shapes(rng, 50)])
    spoiled[1000:, 7] = np.nan
    a, b = (fit_novelty(f, clean) for f in (clean, spoiled))
    np.testing.assert_array_equal(a.mean, b.mean)
