"""What is read off a bag of a live run."""

from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side
from pianokpm_ros.offline.delays import STAGES, StageDelays
from pianokpm_ros.offline.live_take import TopicCount, count_published
from pianokpm_ros.view.live_state import PlaybackClock

from ..messages.examples import make_activity, make_keys, make_landmarks, make_pose

MS = 1_000_000
T0 = 1_700_000_000_000 * MS


def follow(rng, count=20, rate=0.5, spoil=lambda i, records: records):
    """Send frames of two cameras through stages of 30, 5, 3 and 1 ms."""
    received, clock = {}, PlaybackClock(T0, rate)
    delays = StageDelays(clock, received)
    for i in range(count):
        stamp = T0 + i * 20 * MS
        due = clock.due(stamp)
        hands = [
            replace(make_landmarks(rng, 1), camera=c, stamp=stamp, publish_stamp=due + sent * MS)
            for c, sent in (('a', 12), ('b', 30))
        ]
        pose = replace(make_pose(rng, 1), side=Side.LEFT, stamp=stamp, publish_stamp=due + 35 * MS)
        activity = replace(make_activity(rng, 4), stamp=stamp, publish_stamp=due + 38 * MS)
        received[Side.LEFT, stamp] = due + 39 * MS
        for record in spoil(i, [*hands, pose, activity]):
            delays.add(record)
    return delays


def test_each_stage_is_timed_from_the_stamps_that_records_carry(rng):
    stages = follow(rng).stages
    # Bins of 0.1 ms.
    for stage, expected in zip(STAGES, (0.030, 0.005, 0.003, 0.001, 0.039), strict=True):
        assert stages[stage].quantile(0.5)[0] == pytest.approx(expected, abs=2e-4)
        assert stages[stage].totals[0] == 20


def test_records_whose_way_is_unknown_are_left_out(rng):
    def spoil(i, records):
        if i == 3:  # the pose was lost
            return [r for r in records if not hasattr(r, 'covariance')]
        if i == 5:  # it stands for silence
            empty = np.zeros((0, 6), np.float32)
            return [*records[:3], replace(records[3], envelope=empty, envelope_deviation=empty)]
        return records

    assert {int(s.totals[0]) for s in follow(rng, spoil=spoil).stages.values()} == {18}


def count(rng, make, numbers):
    topic = TopicCount()
    for i, number in enumerate(numbers):
        topic.add(replace(make(rng, 1), sequence=number, publish_stamp=T0 + i * 10 * MS))
    return topic


def test_a_loss_in_the_bag_is_seen_whatever_the_kind_of_stream(rng):
    poses = count(rng, make_pose, [1, 2, 4, 5])
    assert (poses.recorded, count_published('/hands/left', poses, {})) == (4, 6)
    keys = count(rng, make_keys, [207, 208, 210])
    assert (keys.recorded, count_published('/keys', keys, {'/keys': 400})) == (3, 4)
    hands = count(rng, make_landmarks, [0, 2, 4])
    assert count_published('/top/hands', hands, {'/top/hands': 4}) == 4


def test_rates_are_by_the_clock(rng):
    assert count(rng, make_pose, range(50)).rate == pytest.approx(100.0)
    assert np.isnan(count(rng, make_pose, [0]).rate)
