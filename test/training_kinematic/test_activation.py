import numpy as np
import pytest
from pianokpm_training.kinematic.activation import (
    activate,
    smooth_noise,
    stroke_forces,
    tempo,
)
from pianokpm_training.kinematic.curves import Drift, follow, minimum_jerk
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.kinematic.person import Muscles

from pianokpm_ros.anatomy import MUSCLES, Side

AT = np.arange(0, 3, 0.001)
QUIET = Muscles(noise=0.0)
RNG = np.random.default_rng(0)


def press(finger=2, velocity=64, duration=0.8, onset=1.0):
    return (Note(onset, duration, 60, Side.RIGHT, finger, velocity),)


def envelope(notes=(), angles=None, muscles=QUIET):
    angles = np.zeros((len(AT), 5, 2)) if angles is None else angles
    forces = stroke_forces(notes, muscles, AT)
    return activate(forces, angles, tempo(notes, AT), muscles, 1000.0, np.random.default_rng(0))


def test_muscles_lead_the_key():
    force = stroke_forces(press(), QUIET, AT)[:, 1]
    assert AT[force.argmax()] == pytest.approx(1.0 - QUIET.lead, abs=0.002)
    begin = AT[np.argmax(force > 0.02 * force.max())]
    assert 0.03 <= 1.0 - begin <= 0.14  # pre-activation
    course = envelope(press())[:, MUSCLES.index('1DI')]
    assert 0.90 < AT[course.argmax()] < 1.0
    assert course[AT > 2.2].max() < 0.04  # over after letting go


def test_a_held_key_is_held():
    force = stroke_forces(press(), QUIET, AT)[:, 1]
    middle = force[(AT > 1.2) & (AT < 1.7)]
    np.testing.assert_allclose(middle, QUIET.hold * force.max(), rtol=1e-6)


def test_louder_is_more():
    peaks = [envelope(press(velocity=v))[:, 2].max() for v in (20, 50, 80, 127)]
    assert (np.diff(peaks) > 0.02).all() and peaks[-1] < 0.7


@pytest.mark.parametrize(
    ('finger', 'muscle'), [(1, 'APB'), (2, '1DI'), (3, '2DI'), (4, '4DI'), (5, 'ADM')]
)
def test_each_finger_has_its_muscle(finger, muscle):
    rise = envelope(press(finger, 100)).max(axis=0) - envelope().max(axis=0)
    assert MUSCLES[rise.argmax()] == muscle


@pytest.mark.parametrize(
    ('finger', 'sign', 'muscle'),
    [(0, -1, 'APB'), (1, -1, '1DI'), (2, -1, '2DI'), (2, 1, '3DI'), (3, 1, '4DI'), (4, 1, 'ADM')],
)
def test_spreading_works_the_muscle_of_that_side(finger, sign, muscle):
    angles = np.zeros((len(AT), 5, 2))
    angles[:, finger, 0] = sign * np.deg2rad(25)
    rise = (envelope(angles=angles) - envelope()).mean(axis=0)
    index = MUSCLES.index(muscle)
    assert rise[index] > 0.1 and np.abs(np.delete(rise, index)).max() < 1e-9


def test_rest_is_rest():
    np.testing.assert_allclose(envelope(), 1 - np.exp(-QUIET.rest), rtol=1e-6)


def test_fast_playing_stiffens_the_hand():
    slow = tuple(Note(0.5 + i * 0.5, 0.1, 60, Side.RIGHT, 1, 1) for i in range(4))
    fast = tuple(Note(0.5 + i * 0.1, 0.04, 60, Side.RIGHT, 1, 1) for i in range(20))
    far = MUSCLES.index('4DI')  # which has nothing to do with the thumb
    assert envelope(fast)[:, far].max() > envelope(slow)[:, far].max() + 0.03


def test_what_no_movement_explains_is_as_large_as_said():
    noise = smooth_noise(200_000, 1000.0, RNG)
    # 200 s of noise below 6 Hz hold about 2 * 6 * 200 independent samples: 1 / sqrt(2 * 2400) = 1.5 %, three of them.
    np.testing.assert_allclose(noise.std(axis=0), 1.0, atol=0.05)
    power = np.abs(np.fft.rfft(noise[:, 0])) ** 2
    frequency = np.fft.rfftfreq(len(noise), 0.001)
    assert power[frequency > 20].sum() < 0.01 * power.sum()
    clean, noisy = envelope(press()), envelope(press(), muscles=Muscles(noise=0.16))
    ratio = noisy / clean - 1
    assert 0.11 < ratio.std() < 0.21
    assert 0 <= noisy.min() and noisy.max() <= 1


def test_minimum_jerk_rests_at_both_ends():
    part = np.linspace(-0.5, 1.5, 2001)
    course = minimum_jerk(part)
    assert course[0] == 0 and course[-1] == 1 and (np.diff(course) >= 0).all()
    # Acceleration of 10 t^3 - 15 t^4 + 6 t^5 peaks at 10 / sqrt(3); a step of 1e-3 tells it to a per mille.
    assert np.abs(np.diff(course, 2)).max() / 0.001**2 == pytest.approx(10 / np.sqrt(3), rel=0.01)


def test_courses_pass_through_their_knots():
    times, values = [0.0, 1.0, 1.5], np.array([[0.0, 1.0], [2.0, 0.0], [2.0, 3.0]])
    np.testing.assert_allclose(follow(times, values, times), values)
    np.testing.assert_allclose(follow(times, values, [-1.0, 9.0]), values[[0, -1]])
    assert follow([1.0], [5.0], [0.0, 2.0]).tolist() == [5.0, 5.0]


def test_drift_has_unit_deviation():
    drift = Drift(np.random.default_rng(0), 200, (0.1, 1.0))(np.arange(0, 200, 0.1))
    assert drift.std() == pytest.approx(1.0, abs=0.02)
