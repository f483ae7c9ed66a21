from dataclasses import replace

import cv2
import numpy as np
import pytest

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.geometry.pose_stream import FramePeriod, PoseStream, StreamSettings
from pianokpm_ros.geometry.rig_formats import scale_rig
from pianokpm_ros.geometry.screening import screen_landmarks
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.records import HandLandmarks
from pianokpm_ros.silence import SilenceWatch

START = 1_764_000_000_123_456_789
MILLISECOND = 1_000_000
FRAME = 16_666_667


def see(camera, hands, stamp, sequence=0):
    pixels = np.stack([camera.project(h) for h in hands])
    world = np.stack([camera.transform(h) - camera.transform(h).mean(axis=0) for h in hands])
    return HandLandmarks(
        stamp, camera.name, camera.frame_id, camera.size, sequence,
        np.array([Side.LEFT, Side.RIGHT], np.uint8), np.full(2, 0.9, np.float32),
        pixels.astype(np.float32), world.astype(np.float32), np.full((2, 21), np.nan, np.float32),
    )  # fmt: skip


@pytest.fixture
def pair(rig):
    return rig.select(('top', 'left'))


def make_stream(rig, **settings):
    return PoseStream(HandTriangulator(rig), rig.names, StreamSettings(**settings))


def feed(stream, rig, hands, first, count, start=START):
    poses = []
    for i in range(first, first + count):
        for camera in rig.cameras:
            stamp = start + i * FRAME
            poses += stream.push(see(camera, hands, stamp, i), stamp + 40 * MILLISECOND)
    return poses


def test_poses_are_the_hands_with_the_stamps_of_the_frames(pair, hands):
    poses = feed(make_stream(pair), pair, hands, 0, 5)
    for side, truth in zip((Side.LEFT, Side.RIGHT), hands, strict=True):
        mine = [p for p in poses if p.side == side]
        assert [p.stamp for p in mine] == [START + i * FRAME for i in range(5)]
        assert [p.sequence for p in mine] == list(range(5))
        # float32 pixels: 2^-15 px at 640, which is micrometres at half a metre.
        assert max(np.abs(p.landmarks - truth).max() for p in mine) < 2e-5


def test_a_camera_whose_clock_is_behind_is_named_while_none_of_its_frames_is_used(pair, hands):
    """Two machines whose clocks differ by half a second: one view alone placed the hands, and all was well."""
    stream, behind = make_stream(pair), 500 * MILLISECOND
    top, left = pair.cameras
    for i in range(60):
        now = START + i * FRAME
        stream.push(see(top, hands, now, i), now)
        poses = stream.push(see(left, hands, now - behind, i), now)
        if i == 20:
            assert not stream.complaints
    assert not poses and stream.counters.complete == 0
    (words,) = stream.complaints
    assert 'camera left are 0.50 s behind' in words and 'clocks' in words
    for i in range(60, 63):  # set right
        now = START + i * FRAME
        for camera in (top, left):
            stream.push(see(camera, hands, now, i), now)
    assert not stream.complaints


def test_silence_is_told_after_the_timeout_and_again_and_never_passes_late_frames(pair, hands):
    stream = make_stream(pair, timeout=100 * MILLISECOND)
    feed(stream, pair, hands, 0, 3)
    last = START + 2 * FRAME
    heard = last + 40 * MILLISECOND
    assert stream.tick(heard + 99 * MILLISECOND) == [] and not stream.silent
    first = stream.tick(heard + 100 * MILLISECOND)
    again = stream.tick(heard + 200 * MILLISECOND)
    assert stream.tick(heard + 250 * MILLISECOND) == []
    assert stream.silent
    for poses in (first, again):
        assert {(p.side, p.status) for p in poses} == {(s, Status.INVALID) for s in (1, 2)}
        assert all(np.isnan(p.landmarks).all() and p.frame_id == 'rig' for p in poses)
    assert [p.stamp for p in first + again] == [last + 1] * 2 + [last + 2] * 2
    # What was late, not lost, is used: the frame right after the last.
    late = [
        p
        for c in pair.cameras
        for p in stream.push(see(c, hands, last + FRAME, 3), heard + 260 * MILLISECOND)
    ]
    assert {p.status for p in late} == {Status.OK} and not stream.silent
    assert [p.sequence for p in late] == [5, 5]


def test_a_rig_in_another_unit_and_a_camera_that_was_moved_are_told(rig, hands):
    stream = make_stream(rig)
    feed(stream, rig, hands, 0, 30)
    assert stream.complaints == () and all(e < 0.1 for e in stream.view_errors.values())
    centimetres = scale_rig(rig, 100.0)
    stream = make_stream(centimetres)
    feed(stream, centimetres, hands * 100, 0, 30)
    assert 'not metres' in stream.complaints[0] and len(stream.complaints) == 1
    stream, moved = make_stream(rig), scale_rig(rig, 1.0)
    left = moved.camera('left')
    shifted = replace(left, translation=left.translation + [0.03, 0, 0])
    moved = replace(moved, cameras=tuple(shifted if c is left else c for c in moved.cameras))
    feed(stream, moved, hands, 0, 30)
    assert 'camera left disagrees' in stream.complaints[0]


def test_two_cameras_that_contradict_each_other_are_told(pair, hands):
    stream = make_stream(pair)
    feed(stream, pair, hands, 0, 30)
    assert stream.complaints == ()
    left = pair.camera('left')
    turned = cv2.Rodrigues(np.array([0, np.deg2rad(4.0), 0]))[0] @ left.rotation
    moved = replace(left, rotation=turned, translation=turned @ left.rotation.T @ left.translation)
    used = replace(pair, cameras=tuple(moved if c is left else c for c in pair.cameras))
    stream = make_stream(used)
    feed(stream, pair, hands, 0, 30)
    (words,) = stream.complaints
    assert ' and '.join(pair.names) in words and 'contradict each other' in words


def test_nothing_is_said_before_anything_was_heard(pair):
    stream = make_stream(pair)
    assert stream.tick(START) == [] and stream.tick(START + 10**10) == []
    assert not stream.heard


def test_a_view_that_waits_for_another_is_given_out_when_all_are_silent(pair, hands):
    stream = make_stream(pair)
    assert stream.push(see(pair.camera('top'), hands, START), START) == []
    poses = stream.tick(START + 200 * MILLISECOND)
    assert [(p.stamp, p.status) for p in poses] == [
        (START, Status.DEGRADED), (START, Status.DEGRADED),
        (START + 1, Status.INVALID), (START + 1, Status.INVALID),
    ]  # fmt: skip


def test_a_clock_that_jumps_back_starts_afresh_with_one_warning(pair, hands, caplog):
    stream = make_stream(pair)
    feed(stream, pair, hands, 0, 5)
    poses = feed(stream, pair, hands, 0, 5, start=START - 10**10)
    assert [p.stamp for p in poses if p.side == Side.LEFT] == [
        START - 10**10 + i * FRAME for i in range(5)
    ]
    assert len([r for r in caplog.records if 'jumped back' in r.message]) == 1


@pytest.mark.parametrize('part', [0.4, 0.6])
@pytest.mark.parametrize('rate', [10, 15, 25, 30, 60, 120])
def test_the_tolerance_becomes_half_of_the_frame_period(pair, hands, rate, part):
    """Frames that are 0.4 periods apart belong together at every rate, and are brought to the same time."""
    stream, period = make_stream(pair), 10**9 // rate
    poses = []
    for i in range(30):
        for camera, shift in zip(pair.cameras, (0, round(part * period)), strict=True):
            stamp = START + i * period + shift
            poses += stream.push(see(camera, hands, stamp, i), stamp)
    mine = [p for p in poses if p.side == Side.LEFT][10:]
    assert all((p.views == 2).all() for p in mine)
    assert {p.status for p in mine} == {Status.OK}
    # Where the second camera is late by more than a half, the first one's next frame is nearer.
    assert {(p.stamp - START) % period for p in mine} == {
        0 if part < 0.5 else round(part * period)
    }


def test_lost_frames_do_not_lengthen_the_period():
    period = FramePeriod()
    for i in [0, 2, 4, 5, 7, 9, 10, 12, 14, 15]:
        period.push('a', i * FRAME)
    assert period.shortest == FRAME
    assert FramePeriod().shortest is None


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 1e30, 1e4])
def test_impossible_numbers_become_nan_before_they_are_used(pair, hands, value):
    record = see(pair.camera('top'), hands, START)
    spoilt = replace(
        record,
        pixels=np.where(np.arange(21)[:, None] == 3, value, record.pixels).astype(np.float32),
        world=np.where(np.arange(21)[:, None] == 5, value, record.world).astype(np.float32),
        score=np.array([value, 0.5], np.float32),
    )
    with np.errstate(all='raise'):
        clean = screen_landmarks(spoilt)
    assert np.isnan(clean.pixels[:, 3]).all() and np.isnan(clean.world[:, 5]).all()
    kept = np.arange(21) != 3
    assert np.array_equal(clean.pixels[:, kept], record.pixels[:, kept])
    assert ((clean.score >= 0) & (clean.score <= 1)).all()


def test_hands_reach_beyond_the_picture_a_little():
    """A detector completes hands at the border: up to a whole picture outside is believed."""
    record = HandLandmarks.empty(0, 'a', 'f', (640, 480), 0)
    assert screen_landmarks(record) is record


def test_a_watch_reports_silence_in_its_period_and_follows_a_clock_set_back():
    watch = SilenceWatch(100, 50)
    assert not watch.is_due(10**9)
    watch.hear(1000)
    due = [t for t in range(1000, 1401, 10) if watch.is_due(t)]
    assert due == [1100, 1150, 1200, 1250, 1300, 1350, 1400]
    assert watch.silent and watch.lasted(1400) == 400
    assert not watch.is_due(500) and not watch.silent
    assert not watch.is_due(599) and watch.is_due(600)
