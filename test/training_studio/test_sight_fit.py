"""A noise model fitted to errors that a known model drew finds that model again."""

import numpy as np
import pytest

pytest.importorskip('numba', reason='needs requirements/training.txt')

from pianokpm_training.simulation.damping import PLAIN
from pianokpm_training.simulation.sight import SightModel, see, state_doubt
from pianokpm_training.studio.check import TakeScore
from pianokpm_training.studio.sight_fit import (
    Course,
    compare_sight,
    find_slips,
    fit_sight,
    imitate,
    measure_errors,
)

RATE = 30.0
KNOWN = SightModel((0.0015,) * 21, (0.004,) * 21, 0.12, (0.005,) * 21, 0.3, 0.0, 0.1, 'known')


def draw(model, takes=12, seconds=6.0, seed=0):
    """Make takes of still hands whose errors a model drew."""
    random = np.random.default_rng(seed)
    truth = np.zeros((int(seconds * RATE), 2, 21, 3))
    return [look(truth, model, random, f't{i}') for i in range(takes)]


def look(truth, model, random, name):
    """See the exact hands of a take as a model says."""
    seen, stated = [], []
    for hand in range(2):
        seen.append(see(truth[:, hand], RATE, model, random))
        stated.append(state_doubt(seen[-1], model, random))
    seen, stated = np.stack(seen, axis=1), np.stack(stated, axis=1)
    return TakeScore({}, truth, seen - truth, stated, RATE, name)


def test_the_parts_of_the_error_are_found_again():
    found = fit_sight(draw(KNOWN), 'test')
    # 24 hands of 6 s: 24 * 6 / (2 * 0.12) = 600 independent values of the wander, 72 of the bias a landmark.
    assert np.mean(found.jitter) == pytest.approx(0.0015, rel=0.2)
    assert np.mean(found.wander) == pytest.approx(0.004, rel=0.15)
    assert found.wander_time == pytest.approx(0.12, rel=0.3)
    # Means of logarithms of three numbers lie some 15 % below the deviation.
    assert 0.75 * 0.005 < np.mean(found.bias) < 1.1 * 0.005
    assert found.common == pytest.approx(0.3, abs=0.1)
    # Nothing lost in 144 s: half a loss is assumed.
    assert (
        found.lost_rate == pytest.approx(0.5 / 144, rel=0.02)
        and found.spread < 0.25
        and found.source == 'test'
    )
    assert found.gain == PLAIN


def test_uneven_fingers_raise_the_spread():
    from dataclasses import replace

    even, uneven = (fit_sight(draw(replace(KNOWN, spread=s)), '').spread for s in (0.0, 0.8))
    assert uneven > even + 0.3


def test_uneven_moments_are_found_again():
    from dataclasses import replace

    assert fit_sight(draw(KNOWN), '').burst < 0.2
    assert fit_sight(draw(replace(KNOWN, burst=0.6)), '').burst == pytest.approx(0.6, abs=0.15)


def test_what_is_stated_is_found_again():
    from dataclasses import replace

    found = fit_sight(draw(replace(KNOWN, stated=0.003, stated_spread=0.2)), '')
    assert found.stated == pytest.approx(0.003, rel=0.15)
    assert found.stated_spread == pytest.approx(0.2, rel=0.4)


def test_losses_are_counted():
    from dataclasses import replace

    found = fit_sight(draw(replace(KNOWN, lost_rate=0.5, lost_time=0.3)), '')
    assert found.lost_rate == pytest.approx(0.5, rel=0.4)
    assert found.lost_time == pytest.approx(0.3, rel=0.4)


def test_slips_of_the_whole_hand_are_told_from_the_rest():
    from dataclasses import replace

    random = np.random.default_rng(1)
    error = see(np.zeros((180, 21, 3)), RATE, replace(KNOWN, wander_time=0.03), random)
    error[60:75] += 0.08
    slipped = find_slips(Course(error, RATE, np.zeros_like(error)))
    assert slipped[60:75].all() and slipped.sum() < 20


def test_a_fitted_model_imitates_what_it_was_fitted_to():
    scores = draw(KNOWN)
    model = fit_sight(scores, 'test')
    real, made = measure_errors(scores), measure_errors(imitate(draw(KNOWN, seed=9), model))
    assert made.size['all'] == pytest.approx(real.size['all'], rel=0.2)
    assert made.step == pytest.approx(real.step, rel=0.15)
    lines = compare_sight(scores[:2], {'fitted': model})
    assert 'fitted' in lines[0] and any('correlation after' in line for line in lines)


def test_damped_fingers_are_found_and_taken_out():
    from dataclasses import replace

    random = np.random.default_rng(2)
    time = np.arange(300) / RATE
    hand = np.zeros((21, 3))
    hand[1:] = [[0.02 * (f - 2), 0.05 + 0.03 * j, 0.0] for f in range(5) for j in range(4)]
    hand = hand + [0.3, 0.1, 0.0]
    scores = []
    for name in 'abcdef':
        truth = np.repeat(hand[None], 300, axis=0)
        truth[:, 1:] += 0.012 * np.sin(
            random.uniform(2, 6) * time[:, None, None] + random.uniform(0, 6, (20, 3))
        )
        truth = np.stack([truth, truth], axis=1)
        gain = np.array(PLAIN) * [[[0.4]], [[0.6]], [[0.8]]]
        gain[:, 2, 3] = 0.3  # the ring finger takes the middle one along
        model = replace(KNOWN, gain=gain, bias=(0.001,) * 21, jitter=(0.001,) * 21)
        scores.append(look(truth, model, random, name))
    found = fit_sight(scores, '')
    np.testing.assert_allclose(found.gain, gain, atol=0.15)
    assert np.mean(found.wander) == pytest.approx(0.004, rel=0.3)


def test_nothing_known_is_said():
    scores = draw(KNOWN, takes=1)
    scores[0].errors[:] = np.nan
    with pytest.raises(ValueError, match='no hand is known'):
        fit_sight(scores, '')
