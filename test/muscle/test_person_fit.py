"""Fitting a person: what is known to differ is found, nothing is made up, and held-out time is never worse."""

import numpy as np
import pytest

from pianokpm_ros.muscle.person import PersonError
from pianokpm_ros.muscle.person_fit import Stretch, fit_person

MUSCLES, FEATURES = 6, 20
DEVIATION = 0.02


def make_person(
    seed, ticks, gain=1.0, offset=0.0, mixing=None, noise=DEVIATION, quiet=(), size=0.08
):
    """Make a model's estimates, smooth as envelopes are, and a person who differs from them as told."""
    random = np.random.default_rng(seed)
    slow = np.cumsum(random.normal(size=(ticks, MUSCLES + FEATURES)), axis=0)
    slow = slow - slow.mean(axis=0)
    slow /= slow.std(axis=0)
    mean = np.maximum(1.875 * size + size * slow[:, :MUSCLES], 0.0)
    mean[:, list(quiet)] = 0.02
    features = slow[:, MUSCLES:]
    mixing = np.eye(MUSCLES) if mixing is None else mixing
    wave = random.normal(size=(ticks // 20 + 2, MUSCLES))
    error = np.stack(
        [np.interp(np.arange(ticks) / 20, np.arange(len(wave)), w) for w in wave.T], axis=1
    )
    target = np.maximum(gain * (mean @ mixing) + offset + noise * error / error.std(), 0.0)
    return Stretch(features, mean, np.full_like(mean, DEVIATION), target)


def error(stretch, own=None):
    mean = stretch.mean
    if own is not None:
        mean = own.apply(stretch.features, mean[:, None], stretch.deviation[:, None])[0][:, 0]
    return np.sqrt(np.nanmean((mean - stretch.target) ** 2, axis=0))


def test_gains_and_offsets_are_found():
    gain, offset = np.linspace(0.4, 1.6, MUSCLES), np.linspace(-0.03, 0.05, MUSCLES)
    fitted = fit_person([make_person(1, 6000, gain, offset)])
    later = make_person(2, 6000, gain, offset)
    # What is left is the noise, and what shrinkage costs: some per cent of it.
    assert (error(later, fitted.map) < 1.15 * DEVIATION).all()
    assert fitted.kind in ('gain', 'mix') and fitted.seconds == 60.0
    assert error(later)[[0, 1, -1]].min() > 2 * DEVIATION
    np.testing.assert_allclose(1 + np.diag(fitted.map.mixing), gain, atol=0.15)


def test_crosstalk_is_found_in_a_minute():
    mixing = np.eye(MUSCLES) + 0.3 * np.eye(MUSCLES, k=1)
    fitted = fit_person([make_person(1, 6000, mixing=mixing)])
    later = make_person(2, 6000, mixing=mixing)
    # Shrinkage leaves a third of 0.3, of muscles that move by 0.08.
    assert fitted.kind == 'mix' and (error(later, fitted.map) < 1.3 * DEVIATION).all()
    assert error(later).max() > 1.5 * DEVIATION


def test_crosstalk_is_found_between_muscles_that_differ_in_strength():
    mixing, size = np.eye(MUSCLES), np.where(np.arange(MUSCLES) % 2, 0.03, 0.15)
    mixing[[0, 1], [1, 0]] = 0.4  # from a strong one to a weak one, and back
    mixing[2, 4] = -0.4
    fitted = fit_person([make_person(1, 6000, mixing=mixing, size=size)])
    assert fitted.kind == 'mix'
    found = fitted.map.mixing
    # Shrinkage leaves a part of it, the right one for either strength.
    assert 0.2 < found[0, 1] < 0.45 and -0.45 < found[2, 4] < -0.2
    assert 0.0 < found[1, 0] < 0.45


@pytest.mark.parametrize('seconds', [5, 12, 25, 60])
def test_who_does_not_differ_is_left_alone_or_hardly_changed(seconds):
    ratios = []
    for seed in range(8):
        fitted = fit_person([make_person(seed, 100 * seconds)])
        later = make_person(100 + seed, 6000)
        ratios.append(error(later, fitted.map).mean() / error(later).mean())
    # A muscle changes only by more than a standard error: by chance one in six does, and shrunk at that.
    assert max(ratios) < 1.12 and np.mean(ratios) < 1.03


def test_a_muscle_that_rests_gets_no_gain_of_its_own():
    gain = np.array([1, 1, 3, 1, 1, 1.0])
    fitted = fit_person([make_person(1, 1200, gain, quiet=(2,))])
    later = make_person(2, 6000)
    assert error(later, fitted.map)[2] < error(later)[2] + 0.05


def test_deviations_are_fitted_to_held_out_errors():
    fitted = fit_person([make_person(1, 6000, noise=2 * DEVIATION)])
    later = make_person(2, 6000, noise=2 * DEVIATION)
    _, deviation = fitted.map.apply(later.features, later.mean[:, None], later.deviation[:, None])
    inside = np.abs(later.target - later.mean) < deviation[:, 0]
    assert 0.6 < inside.mean() < 0.76
    assert 0.25 < (np.abs(later.target - later.mean) < DEVIATION).mean() < 0.45
    # As in every recording, some samples of a muscle are not known.
    some = make_person(1, 6000, noise=2 * DEVIATION)
    some.target[::50, 2] = np.nan
    np.testing.assert_allclose(fit_person([some]).map.spread, fitted.map.spread, rtol=0.05)


def test_a_few_seconds_hardly_change_a_deviation():
    fitted = fit_person([make_person(1, 500, noise=2 * DEVIATION)])
    # Twice as far off, believed to a third: 500 of 500 + 1000.
    assert fitted.map.spread.mean() == pytest.approx(2 ** (1 / 3), rel=0.1)


def test_muscles_that_were_not_recorded_stay_as_they_are():
    some = make_person(1, 3000, gain=0.5)
    some.target[:, 4] = np.nan
    some.target[100:200, 1] = np.nan
    fitted = fit_person([some])
    assert fitted.map.mixing[4, 4] == 0.0 and fitted.map.offset[4] == 0.0
    assert fitted.map.spread[4] == 1.0 and np.isnan(fitted.before[4])
    assert fitted.map.mixing[1, 1] == pytest.approx(-0.5, abs=0.1)
    assert fitted.describe('abcdef')['held_out_rmse_after']['e'] is None


def test_several_stretches_are_as_good_as_one():
    whole = make_person(1, 3000, gain=0.6)
    parts = [whole.part(slice(a, a + 600)) for a in range(0, 3000, 600)]
    assert fit_person(parts).seconds == 30.0
    np.testing.assert_allclose(
        np.diag(fit_person(parts).map.mixing), np.diag(fit_person([whole]).map.mixing), atol=0.05
    )


def test_too_little_is_refused():
    with pytest.raises(PersonError, match=r'from 2\.0 s with poses and EMG'):
        fit_person([make_person(1, 200)])
    nothing = make_person(1, 2000)
    nothing.target[:] = np.nan
    with pytest.raises(PersonError, match='a minute is good'):
        fit_person([nothing])
    hardly = make_person(1, 6000)
    hardly.target[250:] = np.nan  # a minute of poses, but EMG for its first seconds alone
    with pytest.raises(PersonError, match=r'from 2\.5 s with poses and EMG'):
        fit_person([hardly])


def test_time_without_emg_does_not_count():
    whole = make_person(1, 6000, gain=0.6)
    whole.target[1000:] = np.nan
    fitted, same = fit_person([whole]), fit_person([whole.part(slice(1000))])
    assert (fitted.seconds, fitted.kind) == (10.0, 'gain')
    np.testing.assert_array_equal(fitted.map.mixing, same.map.mixing)
