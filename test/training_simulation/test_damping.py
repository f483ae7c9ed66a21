"""Fingers that are seen to move less than they do, and with others."""

import numpy as np
import pytest
from pianokpm_training.simulation.damping import FINGERS, PLAIN, damp, measure_gains, palm_axes
from pianokpm_training.simulation.sight import SightModel, see
from scipy.spatial.transform import Rotation

from pianokpm_ros.anatomy import PALM

STILL = SightModel((0.0,) * 21, (0.0,) * 21, 0.2, (0.0,) * 21, 0.3, 0.0, 0.1, 'test')
HAND = np.array([[0.0, 0.0, 0.0]] + [
    [0.02 * (f - 2), 0.05 + 0.03 * j, -0.005 * j**2] for f in range(5) for j in range(4)
])  # fmt: skip


@pytest.fixture(scope='module')
def playing():
    """A hand whose fingers move, that also turns and travels, (T, 21, 3)."""
    random = np.random.default_rng(3)
    time = np.arange(600) / 60.0
    local = np.repeat(HAND[None], len(time), axis=0)
    for finger, marks in enumerate(FINGERS):
        phase = random.uniform(0, 6.28, 3)
        local[:, marks] += 0.01 * np.sin((3.0 + 0.9 * finger) * time[:, None, None] + phase)
    turn = Rotation.from_euler('z', 0.3 * np.sin(time)).as_matrix()
    return local @ turn.transpose(0, 2, 1) + 0.1 * np.sin(0.5 * time)[:, None, None]


def test_axes_of_the_palm_are_a_right_angled_frame(playing):
    axes = palm_axes(playing)
    np.testing.assert_allclose(
        axes @ axes.transpose(0, 2, 1), np.tile(np.eye(3), (600, 1, 1)), atol=1e-9
    )


def test_plain_gains_change_nothing_and_the_palm_is_never_damped(playing):
    np.testing.assert_allclose(damp(playing, PLAIN), 0.0, atol=1e-12)
    error = damp(playing, 0.4 * np.array(PLAIN))
    np.testing.assert_array_equal(error[:, list(PALM)], 0.0)
    assert np.abs(error).max() > 0.004


def test_a_finger_takes_its_neighbour_along(playing):
    gains = np.array(PLAIN)
    gains[:, 2, 3] = 0.5
    error = damp(playing, gains)
    middle, ring = FINGERS[2], FINGERS[3]
    assert np.abs(error[:, middle]).max() > 0.004
    others = [i for i in range(21) if i not in middle]
    np.testing.assert_allclose(error[:, others], 0.0, atol=1e-12)
    still = with_still_finger(playing, ring)
    np.testing.assert_allclose(damp(still, gains), 0.0, atol=1e-9)


def with_still_finger(playing, marks):
    """Return the hand with a finger that does not move in the palm's frame."""
    axes, still = palm_axes(playing), playing.copy()
    local = (still - still[:, [0]]) @ axes.transpose(0, 2, 1)
    local[:, list(marks)] = local[0, list(marks)]
    return local @ axes + still[:, [0]]


def test_gains_are_found_again(playing):
    gains = 0.5 * np.array(PLAIN) + np.linspace(-0.2, 0.4, 75).reshape(3, 5, 5)
    found = measure_gains(playing, playing + damp(playing, gains))
    np.testing.assert_allclose(found, gains, atol=0.1)


def test_what_is_seen_of_a_finger_at_rest_is_unknown(playing):
    still = with_still_finger(playing, FINGERS[1])
    found = measure_gains(still, still)
    assert np.isnan(found[:, :, 1]).all() and np.isfinite(found[:, :, [0, 2, 3, 4]]).all()


def test_frames_without_a_hand_are_left_out(playing):
    seen = playing.copy()
    seen[100:150] = np.nan
    np.testing.assert_allclose(measure_gains(playing, seen), PLAIN, atol=1e-3)


def test_the_sight_model_draws_them(playing):
    gain, spread = 0.6 * np.array(PLAIN) + 0.1, np.full((3, 5, 5), 0.1)
    damped = SightModel(**(vars(STILL) | {'gain': gain, 'gain_spread': spread}))
    found = np.stack([
        measure_gains(playing, see(playing, 60.0, damped, np.random.default_rng(seed)))
        for seed in range(40)
    ])  # fmt: skip
    np.testing.assert_allclose(found.mean(axis=0), gain, atol=0.07)
    assert found.std(axis=0).mean() == pytest.approx(0.1, abs=0.02)
