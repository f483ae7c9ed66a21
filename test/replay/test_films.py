"""Hands found again in what the cameras filmed beside a bag."""

import shutil

import numpy as np
import pytest

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.geometry.rig import load_rig
from pianokpm_ros.hands.choice import HandSettings
from pianokpm_ros.recording.layout import RIG, VIDEOS
from pianokpm_ros.recording.reader import read_raw
from pianokpm_ros.recording.video import CameraVideo
from pianokpm_ros.recording.writer import BagWriter, RecordingError
from pianokpm_ros.records import EmgBlock, EmgOrigin, HandLandmarks, HandPose, MuscleActivity
from pianokpm_ros.replay.films import find_films
from pianokpm_ros.replay.recompute import (
    Recomputation,
    read_others,
    recompute,
    write_recomputation,
)
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import load_take

from ..recording.test_video import wait_for

START = 1_764_000_000_123_456_789
FIRST, COUNT, STEP = 120, 12, 2
VIEWS = ('top', 'front')


def film(source, folder, first=FIRST, count=COUNT):
    """Keep every second frame, as a camera does that is short of time."""
    video, made = VideoFile(source.name, source.path, START), None
    video.open()
    made = CameraVideo(folder, video.name, 30.0)
    while (frame := video.read()) is not None and frame.sequence < first + count * STEP:
        if frame.sequence >= first and not frame.sequence % STEP:
            made.push(frame)
            wait_for(made, (frame.sequence - first) // STEP + 1)
    video.close()
    made.close()


@pytest.fixture(scope='module')
def take():
    return load_take(find_asset('takes/demo'))


@pytest.fixture(scope='module')
def filmed(take, tmp_path_factory):
    """Return a bag with EMG, and videos of two cameras beside it."""
    bag = tmp_path_factory.mktemp('filmed') / 'bag'
    for view in VIEWS:
        film(VideoFile(view, take.videos[view]), bag / VIDEOS)
    with BagWriter(bag) as writer:
        for number in range(4):
            writer.write_record('/emg', make_block(number))
    shutil.copy(take.path / 'rig.yaml', bag / RIG)
    return bag


def make_block(number):
    stamp = START + (FIRST * 1_000_000_000 // 60) + number * 100_000_000
    return EmgBlock(
        stamp, number, EmgOrigin.SIMULATED, 2000.0, MUSCLES, np.full(6, Side.RIGHT, np.uint8), 'V',
        'raw', 'lsl:test', np.full((200, 6), number, np.float32), publish_stamp=stamp,
    )  # fmt: skip


def again(filmed, bundle, out, **hands):
    wanted = Recomputation(bundle, 'video', load_rig(filmed / RIG), hands=HandSettings(**hands))
    return write_recomputation(recompute(filmed, wanted), out, read_others(filmed))


def test_the_whole_chain_runs_again_on_the_videos(filmed, bundle, take, tmp_path):
    wanted = Recomputation(bundle, 'video', load_rig(filmed / RIG))
    records = list(recompute(filmed, wanted))
    hands = [r for r in records if isinstance(r, HandLandmarks) and r.camera == 'top']
    assert [h.sequence for h in hands] == list(range(FIRST, FIRST + COUNT * STEP, STEP))
    assert [h.stamp for h in hands] == find_films(filmed)[1].pieces[0].stamp.tolist()
    poses = [r for r in records if isinstance(r, HandPose) and r.side == Side.RIGHT]
    truth = take.performance
    errors = [
        np.linalg.norm(
            p.landmarks - truth.landmarks[np.searchsorted(truth.stamp, p.stamp - START), 1], axis=1
        )
        for p in poses
    ]
    # MediaPipe on rendered hands: some mm; a wrong stamp, rig or camera would be centimetres.
    assert len(poses) == COUNT and np.nanmedian(errors) < 0.015
    assert sum(isinstance(r, MuscleActivity) for r in records) == 2 * COUNT


def test_the_same_bytes_twice_and_others_with_another_detector(filmed, bundle, tmp_path):
    first, second = (again(filmed, bundle, tmp_path / n) for n in 'ab')
    assert first == second and first[0]['/emg'] == 4
    lite = again(filmed, bundle, tmp_path / 'c', hand_model='lite')
    assert lite[0] == first[0] and lite[1] != first[1]
    kept = [e for e in read_raw(tmp_path / 'a') if e[0] == '/emg']
    assert kept == list(read_raw(filmed))
    times = [time for *_, time in read_raw(tmp_path / 'a')]
    assert np.diff(times).min() >= -100_000_000, 'about in the order of time'


def test_a_bag_without_videos_says_how_to_record_some(session, bundle):
    with pytest.raises(RecordingError, match='--film'):
        list(recompute(session.bag, Recomputation(bundle, 'video')))


def test_what_was_filmed_after_another_start_is_read_too(filmed, take, bundle, tmp_path):
    folder = tmp_path / 'bag'
    shutil.copytree(filmed, folder)
    # One of the cameras went on; the other's process died and was started again, the second time in vain.
    (folder / VIDEOS / 'part_2').mkdir()
    for name in ('top.mp4', 'top.csv'):
        shutil.move(folder / VIDEOS / name, folder / VIDEOS / 'part_2' / name)
    first = FIRST - 4 * STEP
    film(VideoFile('top', take.videos['top']), folder / VIDEOS, first, 4)
    CameraVideo(folder / VIDEOS / 'part_3', 'top').close()
    wanted = Recomputation(bundle, 'video', load_rig(folder / RIG))
    hands = [r for r in recompute(folder, wanted) if isinstance(r, HandLandmarks)]
    both = {view: [h for h in hands if h.camera == view] for view in VIEWS}
    numbers = [*range(first, FIRST + COUNT * STEP, STEP)]
    assert [h.sequence for h in both['top']] == numbers
    assert [h.sequence for h in both['front']] == numbers[4:]
    assert np.diff([h.stamp for h in both['top']]).min() > 30_000_000
    assert [h.stamp for h in both['front']] == [h.stamp for h in both['top'][4:]]


def test_a_later_piece_that_is_no_video_is_refused_at_once(filmed, tmp_path):
    folder = tmp_path / 'bag'
    shutil.copytree(filmed, folder)
    shutil.copytree(filmed / VIDEOS, folder / VIDEOS / 'part_2')
    (folder / VIDEOS / 'part_2' / 'top.mp4').write_bytes(b'no video')
    with pytest.raises(CaptureError, match='part_2/top.mp4 is no video'):
        find_films(folder)[1].open()
