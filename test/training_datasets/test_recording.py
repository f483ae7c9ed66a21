"""A recording refuses what doesn't fit."""

from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.datasets.recording import DataError

from pianokpm_ros.errors import PianokpmError


def test_wrong_type_is_refused(recording):
    with pytest.raises(DataError, match='landmarks must be float32, found float64'):
        replace(recording.pose, landmarks=recording.pose.landmarks.astype(np.float64))


def test_wrong_length_is_refused(recording):
    with pytest.raises(DataError, match=r'landmarks must have the shape \(30, 21, 3\)'):
        replace(recording.pose, landmarks=recording.pose.landmarks[:-1])


def test_stamps_must_increase(recording):
    stamp = recording.pose.stamp.copy()
    stamp[4] = stamp[3]
    with pytest.raises(DataError, match='must increase'):
        replace(recording.pose, stamp=stamp)


def test_keys_may_share_a_stamp_but_not_go_back(recording):
    assert recording.keys.stamp[0] == recording.keys.stamp[1]
    with pytest.raises(DataError, match='must not decrease'):
        replace(recording.keys, stamp=recording.keys.stamp[::-1].copy())


def test_channels_need_names(recording):
    with pytest.raises(DataError, match='6 channels need as many names'):
        replace(recording.emg, channel=('ADM',))


def test_exact_pose_without_simulation_is_refused(recording):
    info = replace(recording.info, simulated=False)
    with pytest.raises(PianokpmError, match='no simulation'):
        replace(recording, info=info)


def test_rate_and_duration_come_from_the_stamps(recording):
    assert recording.emg.rate == pytest.approx(2000.0)
    # The last of all parts: pose_truth is not counted, so sample 29 of the pose at 17 ms + jitter or 499.5 ms of EMG.
    assert recording.duration == pytest.approx(0.4995)
