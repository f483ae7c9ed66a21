import dataclasses
import re
import threading
import time

import pytest

from pianokpm_ros.capture.playback import LEAD, Playback, PlaybackSettings, PlaybackState
from pianokpm_ros.capture.preview import Preview
from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.capture.video_set import prepare_videos
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.single_view import assume_camera
from pianokpm_ros.records import Frame

from .conftest import SIZE, paint, read_number, write_video

COUNT = 20


class Scene:
    """A playback of one or two cameras and what it said."""

    def __init__(self, videos, rate=0.0, loop=False, clock=time.time_ns, ready=lambda: True,
                 wait_timeout=5.0, work=0.0, kind=VideoFile):  # fmt: skip
        self.starts, self.ends, self.taken, self.filmed = [], [], [], []
        self.finished = threading.Event()
        self.work = work
        sources = [kind(n, p) for n, p in videos.items()]
        settings = PlaybackSettings(rate, loop, wait_timeout)
        self.playback = Playback(sources, settings, clock, ready, self._take)
        self.playback.on_start, self.playback.on_end = self.starts.append, self.ends.append
        self.playback.on_finish = self.finished.set
        self.playback.on_frames = lambda frames: self.filmed.append(frames['a'].sequence)

    def _take(self, frames):
        self.taken.append({n: (f.stamp, read_number(f.image)) for n, f in frames.items()})
        time.sleep(self.work)

    def play(self, timeout=60.0):
        self.playback.start()
        assert self.finished.wait(timeout)
        return self.taken


@pytest.fixture
def videos(tmp_path):
    return {n: write_video(tmp_path / f'{n}.mp4', COUNT) for n in ('a', 'b')}


def test_stamps_are_the_announced_origin_plus_the_files_own_time(videos):
    scene = Scene(videos)
    taken = scene.play()
    assert len(taken) == COUNT and len(scene.starts) == 1
    for number, frames in enumerate(taken):
        for stamp, shown in frames.values():
            assert shown == number
            assert stamp == scene.starts[0] + round(number * 1e9 / 30)
    assert scene.ends == [taken[-1]['a'][0]]
    assert scene.playback.state is PlaybackState.ENDED and scene.playback.dropped == 0
    assert scene.filmed == list(range(COUNT))


def test_what_a_late_camera_shows_is_older_by_its_delay_than_its_stamps_say(videos):
    """As in `estimate`: the origin, which keys begin at too, is the first frame of a camera without delay."""
    delay, starts, taken, finished = 3 / 30, [], [], threading.Event()
    prompt, late = (assume_camera(n, SIZE) for n in videos)
    rig = Rig((prompt, dataclasses.replace(late, delay=delay)))
    sources = prepare_videos({n: str(p) for n, p in videos.items()}, rig)
    playback = Playback(sources, PlaybackSettings(0.0), time.time_ns, lambda: True, taken.append)
    playback.on_start, playback.on_finish = starts.append, finished.set
    begun = time.time_ns()
    playback.start()
    assert finished.wait(60.0)
    own = {n: [f[n].stamp - starts[0] for f in taken if n in f] for n in videos}
    assert own['a'][:2] == [0, 33_333_333]
    assert own['b'][:4] == [-100_000_000, -66_666_667, -33_333_333, 0]
    assert {n: read_number(f.image) for n, f in taken[3].items()} == {'a': 0, 'b': 3}
    assert taken[0]['b'].stamp >= begun + LEAD, 'also the late one has time to get ready'


def test_frames_come_when_it_is_their_time(videos):
    """At double speed 20 frames of 30 fps take 0.32 s from the origin; nothing comes before its time."""
    arrived = []
    scene = Scene({'a': videos['a']}, rate=2.0)
    take = scene.playback._handle
    scene.playback._handle = lambda frames: (arrived.append(time.time_ns()), take(frames))
    scene.play()
    origin = scene.starts[0]
    for at, frames in zip(arrived, scene.taken, strict=True):
        assert at >= origin + (frames['a'][0] - origin) / 2


def test_a_slow_taker_gets_the_newest_and_the_others_are_counted(videos):
    scene = Scene(videos, rate=1.0, work=0.1)
    scene.play()
    assert scene.playback.sets + scene.playback.dropped == COUNT
    # 0.63 s of video, 0.1 s a set: fewer where the machine is slow too, never more.
    assert 2 <= scene.playback.sets <= 10
    last = scene.taken[-1]['a'][1]
    assert last == COUNT - 1
    assert scene.filmed == list(range(COUNT)), 'films have every frame all the same'


class SlowFile(VideoFile):
    """A file that takes three times as long to decode as to play."""

    def read(self):
        time.sleep(3 / 30)
        return super().read()


def test_a_machine_that_decodes_too_slowly_says_so_and_shows_what_it_can(videos):
    scene, words = Scene({'a': videos['a']}, rate=1.0, kind=SlowFile), []
    take = scene.playback._handle
    scene.playback._handle = lambda f: (words.append(scene.playback.summarise()[:2]), take(f))
    scene.play()
    assert len(scene.taken) >= COUNT / 2
    level, message = words[-1]
    assert level == 'warning' and re.fullmatch(r'playing; decoding is \d+\.\d s late', message)
    assert scene.playback.summarise()[:2] == ('good', 'played to the end')


def test_rounds_follow_each_other_with_a_new_origin_and_rising_stamps(videos):
    scene = Scene({'a': videos['a']}, loop=True)
    scene.playback.start()
    deadline = time.monotonic() + 60
    while scene.playback.rounds < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    scene.playback.stop()
    stamps = [f['a'][0] for f in scene.taken]
    assert len(scene.starts) >= 3
    assert all(b > a for a, b in zip(stamps, stamps[1:], strict=False))
    assert scene.starts[1] >= scene.ends[0] + LEAD


def test_it_waits_for_who_shall_listen_and_for_the_clock(videos):
    clock, listening = [0], threading.Event()
    scene = Scene(videos, clock=lambda: clock[0], ready=listening.is_set)
    scene.playback.start()
    assert not scene.finished.wait(0.3)
    clock[0] = 5_000_000_000
    assert not scene.finished.wait(0.3) and not scene.starts
    listening.set()
    assert scene.finished.wait(60)
    assert scene.starts == [5_000_000_000 + LEAD] and not scene.playback.waited_in_vain


def test_it_does_not_wait_for_ever(videos):
    scene = Scene(videos, ready=lambda: False, wait_timeout=0.2)
    assert len(scene.play()) == COUNT
    assert scene.playback.waited_in_vain


@pytest.mark.parametrize('ready', [False, True])
def test_it_stops_at_once_whatever_it_does(videos, ready, lateness):
    scene = Scene(videos, rate=0.1, ready=lambda: ready, wait_timeout=60.0)
    scene.playback.start()
    time.sleep(0.3)
    begun = time.monotonic()
    scene.playback.stop()
    assert time.monotonic() - begun < lateness.stretch(1.0) and not scene.playback.is_alive()


def test_a_file_that_goes_missing_fails_with_the_reason(videos):
    scene = Scene(videos, ready=lambda: not videos['a'].exists())
    videos['a'].unlink()
    scene.play()
    assert scene.playback.state is PlaybackState.FAILED
    assert 'which is no file' in scene.playback.error


def test_a_file_that_breaks_off_is_told(videos):
    data = videos['a'].read_bytes()
    whole = write_video(videos['a'].with_name('long.mkv'), 200)
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) // 2])
    scene = Scene({'a': whole})
    assert 0 < len(scene.play()) < 200
    assert scene.playback.state is PlaybackState.ENDED


def test_previews_come_at_most_so_often():
    preview, times = Preview(10.0), []
    for i in range(61):
        stamp = 7_000_000_000 + round(i * 1e9 / 60)
        if preview.encode(Frame(stamp, 'a', i, paint(i))) is not None:
            times.append(stamp)
    assert len(times) == 11
    assert min(b - a for a, b in zip(times, times[1:], strict=False)) >= 100_000_000
    # After a pause and after the clock was set back they go on.
    assert preview.encode(Frame(99_000_000_000, 'a', 0, paint(0))) is not None
    assert preview.encode(Frame(1_000_000_000, 'a', 0, paint(0))) is not None


def test_time_stamps_of_a_file_must_cover_each_camera(videos, tmp_path):
    table = tmp_path / 'stamps.csv'
    table.write_text('camera,frame_index,frame_time\na,0,1.0\na,1,1.5\n')
    (source,) = prepare_videos({'a': videos['a']}, None, str(table))
    source.open()
    assert [source.read().stamp for _ in range(2)] == [0, 500_000_000]
    source.close()
    with pytest.raises(CaptureError, match="camera 'b' is not in"):
        prepare_videos(videos, None, str(table))
