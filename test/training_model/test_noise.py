import numpy as np
import pytest
from pianokpm_training.model.noise import NoiseSettings, jitter_stamps, lose, show_to_one, wander

STILL = NoiseSettings(lost_frame=0.0, lost_hand=0.0, lost_landmark=0.0)


@pytest.fixture
def hand(recording):
    """A minute of one hand that holds still, 60 poses a second."""
    stamps = np.arange(3600, dtype=np.int64) * 16_666_667
    still = recording.pose_truth.landmarks[200].astype(float)
    return stamps, np.broadcast_to(still, (3600, 21, 3))


def test_wandering_has_unit_deviation_and_forgets_in_time():
    noise = wander(np.random.default_rng(0), 6000, 200, 60.0, 0.5)
    assert noise.std() == pytest.approx(1.0, abs=0.02)
    lag = 30  # half a second
    assert np.mean(noise[lag:] * noise[:-lag]) == pytest.approx(np.exp(-1), abs=0.03)


def test_one_view_is_worse_above_all_along_its_sight(hand):
    seen, doubt = show_to_one(hand[1], np.random.default_rng(1), 60.0, STILL)
    error = (seen - hand[1]).mean(axis=1)
    spread = np.sqrt(np.linalg.eigvalsh(np.cov(error.T)))
    assert spread[-1] > 0.015 and spread[-1] > 3 * spread[0]
    usual = np.log(doubt / STILL.doubt)
    assert np.ptp(usual) == 0 and abs(usual[0, 0]) < 4 * STILL.doubt_spread


def test_a_camera_frame_keeps_the_shape_only(hand):
    doubt = np.full((3600, 21), 0.004)
    seen = lose(*hand, doubt, False, np.random.default_rng(1), STILL)
    assert not seen.placed.any() and len(seen) == 3600
    bones = np.linalg.norm(seen.landmarks[:, 5] - seen.landmarks[:, 0], axis=1)
    assert np.allclose(bones, np.linalg.norm(hand[1][0, 5] - hand[1][0, 0]))
    assert np.abs(seen.landmarks[0] - hand[1][0]).max() > 0.02


def test_frames_hands_and_landmarks_get_lost(hand):
    settings = NoiseSettings(lost_frame=0.05, lost_hand=5.0, lost_landmark=0.02)
    doubt = np.full((3600, 21), 0.004)
    seen = lose(*hand, doubt, True, np.random.default_rng(3), settings)
    assert 0.8 < len(seen) / 3600 < 0.97 and (np.diff(seen.stamp) > 0).all()
    assert np.diff(seen.stamp).max() > 100_000_000
    unknown = np.isnan(seen.landmarks).all(axis=2)
    assert 0.005 < unknown.mean() < 0.04 and not unknown[:, [0, 5, 9, 13, 17]].any()
    assert (np.isnan(seen.deviation) == unknown).all()


def test_cameras_are_a_bit_off():
    stamps = jitter_stamps(np.random.default_rng(0), 10**10, 60.0)
    assert (np.diff(stamps) > 0).all() and stamps[0] >= 0 and stamps[-1] <= 10**10
    assert 58 < len(stamps) / 10 < 62 and np.diff(stamps).std() > 1000
