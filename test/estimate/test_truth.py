import numpy as np
import pytest

from pianokpm_ros.anatomy import MUSCLES, Side, Status
from pianokpm_ros.offline.truth import (
    LandmarkError,
    landmarks_at,
    score_tracks,
    simulated_envelopes,
)
from pianokpm_ros.records import HandPose
from pianokpm_ros.takes import Performance
from pianokpm_ros.tracks import join_estimates

from . import scene
from .test_playing_back import make_activities

MS = 1_000_000
OFFSET = scene.START


@pytest.fixture
def truth():
    """One second: the left hand drifts 0.1 m/s sideways, the right is absent from 0.6 s on."""
    stamp = np.arange(11) * 100 * MS
    landmarks = np.stack([[scene.make_hand(s) for s in (Side.LEFT, Side.RIGHT)]] * 11)
    landmarks[:, 0, :, 0] += 0.1 * (stamp * 1e-9)[:, None]
    landmarks[6:, 1] = np.nan
    envelope_stamp = np.arange(1000) * MS
    course = 0.3 + 0.2 * np.sin(2 * np.pi * envelope_stamp * 1e-9)
    envelope = np.stack([np.tile(course[:, None], 6)] * 2)
    none = np.zeros(0)
    return Performance(
        stamp, landmarks, none, none, none, none, envelope_stamp, envelope, 'test', 0, 'A drift.'
    )


def make_pose(landmarks, stamp, side, status=Status.OK):
    invalid = HandPose.invalid(stamp, 'rig', 0, side, status)
    fields = {**vars(invalid), 'landmarks': np.asarray(landmarks, np.float32)}
    return HandPose(**fields)


def test_truth_is_interpolated_and_never_beyond_what_is_known(truth):
    left = landmarks_at(truth, 250 * MS, Side.LEFT)
    # float32 of half a metre: 3e-8 m.
    np.testing.assert_allclose(left[:, 0] - truth.landmarks[0, 0, :, 0], 0.025, atol=1e-6)
    np.testing.assert_array_equal(landmarks_at(truth, 0, Side.LEFT), truth.landmarks[0, 0])
    assert np.isnan(landmarks_at(truth, 550 * MS, Side.RIGHT)).all()
    assert np.isnan(landmarks_at(truth, -1, Side.LEFT)).all()
    assert np.isnan(landmarks_at(truth, 1000 * MS + 1, Side.LEFT)).all()


def test_error_is_the_distance_and_absent_hands_do_not_count(truth):
    error = LandmarkError(truth, OFFSET)
    for i in range(10):
        stamp = OFFSET + i * 100 * MS
        left = landmarks_at(truth, i * 100 * MS, Side.LEFT) + (0.003, 0.004, 0.0)
        error.add(make_pose(left, stamp, Side.LEFT))
        error.add(make_pose(np.full((21, 3), np.nan), stamp, Side.RIGHT, Status.INVALID))
    assert (error.present[Side.LEFT], error.compared[Side.LEFT]) == (10, 10)
    assert (error.present[Side.RIGHT], error.compared[Side.RIGHT]) == (6, 0)
    # Bins are 0.1 mm wide.
    assert error.distances[Side.LEFT].quantile(0.5)[0] == pytest.approx(0.005, abs=1e-4)
    assert np.isnan(error.distances[Side.RIGHT].quantile(0.5)[0])


def test_scores_compare_the_same_moments(truth, rng):
    made = make_activities(rng, 60)
    for activity in made:
        t = (
            activity.envelope[:, :1].astype(float) * 0 + _times(activity)[:, None]
        ) - OFFSET * 1e-9
        activity.envelope[:] = 0.35 + 0.2 * np.sin(2 * np.pi * t)
    tracks = join_estimates(made)
    simulated = simulated_envelopes(truth, OFFSET)
    score = score_tracks(tracks, simulated)[Side.RIGHT]
    assert score.muscle == MUSCLES
    # 0.05 too high, otherwise equal; linear interpolation of a slow sine errs by 1e-5.
    np.testing.assert_allclose(score.error, 0.05, atol=1e-4)
    np.testing.assert_allclose(score.correlation, 1.0, atol=1e-4)
    # 60 estimates of 20 ms, of which the truth covers the second after the offset.
    assert score.seconds == pytest.approx(1.0, abs=0.002)
    shifted = score_tracks(tracks, simulated_envelopes(truth, OFFSET + 250 * MS))[Side.RIGHT]
    assert (shifted.correlation < 0.5).all()


def _times(activity):
    return (activity.envelope_stamp + MS * np.arange(len(activity.envelope))) * 1e-9
