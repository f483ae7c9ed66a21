from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.sessions.clocks import check_emg, check_keys, key_lag
from pianokpm_training.sessions.notes import find_notes
from pianokpm_training.sessions.reading import read_session

from pianokpm_ros.anatomy import Side
from pianokpm_ros.recording.emg import join_emg
from pianokpm_ros.records import EmgBlock, EmgOrigin

from ..session import make_session

SECOND = 1_000_000_000


@pytest.mark.parametrize('shift', [-0.05, 0.0, 0.03])
def test_the_offset_of_the_keys_is_known_to_two_milliseconds(tmp_path, shift):
    session = make_session(tmp_path / 'bag', seconds=12.0, seed=5, key_shift=shift)
    data = read_session(session.bag)
    check = check_keys(find_notes(data.keys, data.velocities, data.poses), data.poses)
    assert check.offset == pytest.approx(shift, abs=0.002) and check.error < 0.001
    assert check.fine == (abs(shift) < 0.02)


def test_a_rig_that_was_brought_to_the_keys_counts_as_one_and_a_camera_does_not(session):
    """`calibrate --keyboard` calls its frame `keyboard`, older rigs at a piano are called `rig`."""
    data = read_session(session.bag)

    def look(frame_id):
        poses = {side: replace(t, frame_id=frame_id) for side, t in data.poses.items()}
        notes = find_notes(data.keys, data.velocities, poses)
        return notes, check_keys(notes, poses)

    (notes, check), (other, same) = look('rig'), look('keyboard')
    assert check.fine and same == check and (other.side == notes.side).all()
    by_camera, unknown = look('top_optical_frame')
    assert not by_camera.side.any() and not unknown.fine


def test_hands_seen_too_rarely_tell_nothing_about_clocks(session):
    data = read_session(session.bag)
    rare = {
        side: replace(
            t, stamp=t.stamp[::10], landmarks=t.landmarks[::10], deviation=t.deviation[::10]
        )
        for side, t in data.poses.items()
    }
    check = check_keys(find_notes(data.keys, data.velocities, data.poses), rare)
    assert not check.fine and np.isnan(check.offset) and '6 times a second' in check.words


def test_activity_that_follows_the_keys_is_another_clock(session):
    data = read_session(session.bag)
    notes = find_notes(data.keys, data.velocities, data.poses)
    downs = notes.stamp[notes.side == Side.RIGHT]
    stamp = np.arange(int(downs[0]) - 2 * SECOND, int(downs[-1]) + 2 * SECOND, 1_000_000)

    def activity(delay):
        apart = (stamp[:, None] - downs[None] - round(delay * SECOND)) * 1e-9
        return np.exp(-0.5 * (apart / 0.04) ** 2).max(axis=1)[:, None]

    assert key_lag(stamp, activity(-0.06), downs)[0] == pytest.approx(-0.06, abs=0.012)
    assert check_emg(notes, Side.RIGHT, stamp, activity(-0.06)).fine
    late = check_emg(notes, Side.RIGHT, stamp, activity(0.09))
    assert not late.fine and 'clocks differ' in late.words
    for nothing in (np.nan, 0.0):  # an electrode that came off leaves the others as they are
        both = np.concatenate([activity(-0.06), np.full((len(stamp), 1), nothing)], axis=1)
        assert key_lag(stamp, both, downs) == key_lag(stamp, activity(-0.06), downs)
        assert not check_emg(notes, Side.RIGHT, stamp, both[:, 1:]).fine
    noise = np.random.default_rng(0).random((len(stamp), 1))
    assert not check_emg(notes, Side.RIGHT, stamp, noise).fine


def test_the_devices_true_rate_and_its_gaps_are_found():
    rate, true = 2000.0, 2000.0 * (1 + 8e-5)
    blocks, number = [], 0
    for i in range(1000):
        first = i * 40
        if not 400 <= i < 420:
            stamp = 10**18 + round(first / true * SECOND)
            values = np.full((40, 1), first, np.float32)
            blocks.append(
                EmgBlock(
                    stamp,
                    number,
                    EmgOrigin.MEASURED,
                    rate,
                    ('a',),
                    np.ones(1, np.uint8),
                    'V',
                    'raw',
                    'x',
                    values,
                )
            )
            number += 1
    emg = join_emg(blocks)
    assert emg.rate == pytest.approx(true, rel=1e-6) and emg.gaps == 1
    assert len(emg.stamp) == 40_000 and np.isnan(emg.samples[:, 0]).sum() == 800
    known = np.isfinite(emg.samples[::40, 0])
    np.testing.assert_array_equal(np.flatnonzero(known) * 40, emg.samples[::40, 0][known])
    truth = 10**18 + np.rint(np.arange(40_000) / true * SECOND).astype(np.int64)
    assert np.abs(emg.stamp - truth).max() < 1e5  # ns
