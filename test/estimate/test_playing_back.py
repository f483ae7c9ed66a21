"""Bags read back: thinned for plots, and in step with pictures."""

from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.offline.feed import AHEAD, BagFeed
from pianokpm_ros.offline.topics import topic_of
from pianokpm_ros.offline.tracks import read_content, thin
from pianokpm_ros.recording.writer import BagWriter

from ..messages.examples import make_activity
from . import scene

LOOKAHEAD = 33_000_000
MILLISECOND = 1_000_000


def make_activities(rng, count, side=Side.RIGHT):
    """Return estimates every 20 ms whose envelope is the time of each sample [s]."""
    made = []
    for i in range(count):
        stamp = scene.START + i * scene.PERIOD
        first = stamp - LOOKAHEAD - 19 * MILLISECOND
        times = (first + MILLISECOND * np.arange(20)) * 1e-9
        envelope = np.repeat(times[:, None], 6, axis=1).astype(np.float32)
        made.append(
            replace(
                make_activity(rng, 20),
                stamp=stamp,
                side=side,
                lookahead=0.033,
                envelope_stamp=first,
                envelope=envelope,
                envelope_deviation=0.1 * envelope,
                publish_stamp=0,
            )
        )
    return made


def write_bag(path, *streams):
    with BagWriter(path) as bag:
        for record in sorted((r for s in streams for r in s), key=lambda r: r.stamp):
            bag.write_record(topic_of(record), record)
    return path


@pytest.fixture
def bag(tmp_path, rig, rng):
    """Three seconds of hands, estimates and keys."""
    hands = [h for views in scene.film(rig, 150) for h in views.values()]
    return write_bag(tmp_path / 'bag', hands, make_activities(rng, 150), scene.press(300))


def test_tracks_and_presses_are_those_of_the_bag(bag):
    content = read_content(bag, 3000, 150)
    track = content.tracks[Side.RIGHT]
    assert tuple(content.tracks) == (Side.RIGHT,)
    np.testing.assert_array_equal(np.diff(track.stamp), MILLISECOND)
    np.testing.assert_allclose(track.envelope[:, 0], track.stamp * 1e-9, rtol=1e-6)
    # Down from 0.25 to 0.5 s of each half second.
    starts = [(p.start - scene.START) // MILLISECOND for p in content.presses]
    assert starts == [250, 750, 1250, 1750, 2250, 2750]
    assert {p.key for p in content.presses} == {64}


def test_long_recordings_are_thinned_evenly(bag, monkeypatch):
    monkeypatch.setattr('pianokpm_ros.offline.tracks.MOST_SAMPLES', 100)
    track = read_content(bag, 3000, 150).tracks[Side.RIGHT]
    assert len(track.stamp) == 100 and track.sample_rate == pytest.approx(1000 / 30)
    np.testing.assert_array_equal(np.diff(track.stamp), 30 * MILLISECOND)


@pytest.mark.parametrize('stride', [2, 7, 25])
def test_thinning_keeps_samples_as_they_are(rng, stride):
    whole = make_activities(rng, 30)
    thinned = [thin(a, stride) for a in whole]
    values = np.concatenate([a.envelope[:, 0] for a in thinned])
    np.testing.assert_allclose(np.diff(values), stride * 1e-3, atol=1e-6)
    assert len(values) == pytest.approx(600 / stride, abs=1)


def test_a_picture_gets_its_own_hands_and_the_muscles_of_its_moment(bag, rig):
    feed = BagFeed(bag, (Side.RIGHT,), back=1.0)
    for i in range(0, 120):
        stamp = scene.START + i * scene.PERIOD
        feed.advance(stamp)
        assert feed.hands('left', i).stamp == stamp
        newest = feed.history[Side.RIGHT].newest(stamp)
        # The newest sample is the muscle at the estimate's stamp less the look-ahead: within a
        # frame of the picture's moment, never after it.
        age = stamp - (newest.stamp - LOOKAHEAD)
        assert 0 <= age < scene.PERIOD
        assert feed.position == (
            {64: 1.0} if (stamp - scene.START) // (250 * MILLISECOND) % 2 else {}
        )
    assert feed.hands('left', 10_000) is None


def test_curves_end_at_the_moment_and_reach_back(bag):
    feed = BagFeed(bag, (Side.RIGHT,), back=1.0)
    stamp = scene.START + 100 * scene.PERIOD
    feed.advance(stamp)
    stamps, values, deviations = feed.history[Side.RIGHT].samples(stamp - 10**9, stamp, 6)
    assert len(stamps) == 1000 and stamps[-1] <= stamp < stamps[-1] + MILLISECOND
    np.testing.assert_allclose(values[:, 3], stamps * 1e-9, rtol=1e-6)
    np.testing.assert_allclose(deviations, 0.1 * values, rtol=1e-6)
    nothing = feed.history[Side.RIGHT].samples(0, 1, 6)
    assert nothing[1].shape == (0, 6)


def test_repeated_estimates_are_not_shown_early(tmp_path, rng):
    made = make_activities(rng, 10)
    late = replace(
        made[-1], stamp=made[-1].stamp + 100 * MILLISECOND, status=Status.STALE, lookahead=0.133
    )
    feed = BagFeed(write_bag(tmp_path / 'bag', [*made, late]), (Side.RIGHT,), 1.0)
    feed.advance(made[-1].stamp)
    assert feed.history[Side.RIGHT].newest(made[-1].stamp).status == Status.OK


def test_what_is_kept_is_bounded_however_long_the_bag(tmp_path, rig, rng):
    count = 1500
    hands = [h for views in scene.film(rig, count) for h in views.values()]
    path = write_bag(tmp_path / 'bag', hands, make_activities(rng, count))
    feed = BagFeed(path, (Side.RIGHT,), back=1.0)
    most = (AHEAD + AHEAD + 10**9) // scene.PERIOD + 3
    for i in range(count):
        feed.advance(scene.START + i * scene.PERIOD)
        assert len(feed._hands) <= 2 * most
        assert len(feed.history[Side.RIGHT].activities) <= most
