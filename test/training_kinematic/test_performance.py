import numpy as np
import pytest
from pianokpm_training.kinematic.performance import perform
from pianokpm_training.kinematic.person import random_person

from pianokpm_ros.anatomy import FINGERTIPS
from pianokpm_ros.keyboard.key_samples import positions_at
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_CENTRES

MS = 1_000_000


def position(performance, key, seconds):
    stamps = np.array([round(seconds * 1e9)], np.int64)
    return float(positions_at(performance.sensor_keys(), stamps)[0, key - FIRST_KEY])


def test_a_key_goes_down_with_its_note_and_up_after_it(performance, piece):
    for note in piece.notes:
        assert position(performance, note.key, note.onset + 0.001) == 1.0
        assert position(performance, note.key, note.end - 0.001) == 1.0
        others = [n for n in piece.notes if n.key == note.key and n is not note]
        if all(n.onset > note.end + 0.35 or n.end < note.end for n in others):
            assert position(performance, note.key, note.end + 0.15) == 0.0


def test_a_key_goes_down_only_under_a_fingertip(performance):
    """To within a third of a white key. Up it springs by itself, when a hand that leaps is on its way already."""
    down = (performance.key_position > 0.2) & (performance.key_velocity > 1.0)
    frame = np.searchsorted(performance.stamp, performance.key_stamp).clip(
        0, len(performance.stamp) - 1
    )
    shown = np.abs(performance.stamp[frame] - performance.key_stamp) <= MS // 2
    chosen = np.flatnonzero(down & shown)
    assert len(chosen) > 30
    tips = performance.landmarks[frame[chosen]][:, :, list(FINGERTIPS), 0].reshape(len(chosen), 10)
    keys = KEY_CENTRES[performance.key[chosen].astype(int) - FIRST_KEY]
    assert np.abs(tips - keys[:, None]).min(axis=1).max() < 0.008


def test_key_velocity_is_the_slope_of_the_position(performance):
    key = performance.key[0]
    own = (performance.key == key) & (performance.key_stamp < performance.key_stamp[0] + 300 * MS)
    stamp, course = performance.key_stamp[own], performance.key_position[own].astype(float)
    inner = (np.diff(stamp)[:-1] == MS) & (np.diff(stamp)[1:] == MS)
    slope = (course[2:] - course[:-2]) / 0.002
    np.testing.assert_allclose(performance.key_velocity[own][1:-1][inner], slope[inner], atol=0.01)
    assert np.abs(slope).max() < 150  # 1.5 m/s at the fingertip is beyond anybody


def test_rates_and_lengths(piece):
    fast = perform(piece, rate=119.88, seed=1)
    assert fast.rate == pytest.approx(119.88, rel=1e-4) and fast.envelope_rate == 1000
    assert len(fast.envelope_stamp) == round(piece.duration * 1000) + 1
    slow = perform(piece, rate=60.0, seed=1)
    np.testing.assert_array_equal(fast.envelope, slow.envelope)  # muscles don't know of cameras


def test_the_same_seed_is_the_same_performance(piece, performance):
    again, other = perform(piece, seed=3), perform(piece, seed=4)
    np.testing.assert_array_equal(again.landmarks, performance.landmarks)
    np.testing.assert_array_equal(again.envelope, performance.envelope)
    assert not np.array_equal(other.envelope, performance.envelope)


def test_it_says_that_it_is_simulated(performance):
    assert (
        performance.description.startswith('Simulated') and 'Beethoven' in performance.description
    )


def test_people_play_differently(piece):
    rng = np.random.default_rng(0)
    one, other = (perform(piece, random_person(rng), rate=30.0) for _ in range(2))
    sizes = [np.linalg.norm(p.landmarks[0, 1, 9] - p.landmarks[0, 1, 0]) for p in (one, other)]
    assert abs(sizes[0] - sizes[1]) > 0.001
    assert not np.allclose(one.envelope.mean(axis=1), other.envelope.mean(axis=1), rtol=0.05)
