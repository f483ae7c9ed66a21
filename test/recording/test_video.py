import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import av
import numpy as np
import pytest

from pianokpm_ros.capture.video_file import VideoFile, load_timestamps
from pianokpm_ros.recording import video as video_module
from pianokpm_ros.recording.video import QUEUE, CameraVideo, choose_folder, load_frame_index
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.records import Frame

START = 1_764_000_000_123_456_789


def make_frame(number, stamp=None, size=(96, 64)):
    image = np.full((size[1], size[0], 3), 40, np.uint8)
    image[:, : 8 + number % 80] = 200  # a bar as long as the frame's number
    return Frame(START + number * 16_666_667 if stamp is None else stamp, 'top', number, image)


def number_of(image):
    return int((image[:, :, 0].mean(0) > 120).sum()) - 8


def wait_for(video, count):
    wait(lambda: video.written + video.dropped >= count or video.error)


def wait(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.0005)


def film(folder, numbers):
    video = CameraVideo(folder, 'top')
    for i, number in enumerate(numbers):
        video.push(make_frame(number))
        wait_for(video, i + 1)
    video.close()
    return video


def test_every_frame_is_found_again_with_its_stamp(tmp_path):
    numbers = [*range(30), *range(33, 60)]
    video = film(tmp_path, numbers)
    assert (video.written, video.dropped, video.error) == (57, 0, '')
    stamps, sequence = load_frame_index(tmp_path / 'top.csv')
    assert sequence.tolist() == numbers
    assert stamps.tolist() == [START + n * 16_666_667 for n in numbers]
    again = VideoFile('top', video.path)
    again.open()
    for number in numbers:
        frame = again.read()
        # The edge of the bar is blurred by the encoder over a pixel or two.
        assert abs(number_of(frame.image) - number) <= 2
        assert abs(frame.stamp - (number - numbers[0]) * 16_666_667) <= 1000
    assert again.read() is None


def test_the_index_is_what_capture_reads(tmp_path):
    film(tmp_path, range(10))
    stamps = load_timestamps(tmp_path / 'top.csv')['top']
    # Text to float64 keeps an epoch time to a quarter of a microsecond.
    np.testing.assert_allclose(stamps, np.arange(10) * 16_666_667, atol=600)


def test_the_index_tells_the_second_to_the_last_digit_and_may_be_cut_anywhere(tmp_path):
    second = 1_000_000_000
    video = CameraVideo(tmp_path, 'top')
    for i in range(3):
        video.push(make_frame(i, 7 * second + 5 + i * second // 10))
        wait_for(video, i + 1)
    video.close()
    text = (tmp_path / 'top.csv').read_text()
    assert [line.split(',')[2] for line in text.splitlines()[1:]] == [
        '7.000000005', '7.100000005', '7.200000005',
    ]  # fmt: skip
    last = text.rindex('top')
    for end in range(last, len(text)):
        (tmp_path / 'cut.csv').write_text(text[:end])
        stamps, sequence = load_frame_index(tmp_path / 'cut.csv')
        assert sequence[:2].tolist() == [0, 1] and len(stamps) in (2, 3)
        # What is there of the last row is only believed where it is whole.
        assert len(stamps) == 2 or (stamps[2], sequence[2]) == (7 * second + 200_000_005, 2)


def test_odd_pictures_lose_a_row_and_a_column(tmp_path):
    video = CameraVideo(tmp_path, 'top')
    for i in range(3):
        video.push(make_frame(i, size=(97, 65)))
        wait_for(video, i + 1)
    video.close()
    assert (video.written, video.error) == (3, '')
    again = VideoFile('top', video.path)
    again.open()
    assert again.read().image.shape == (64, 96, 3)


def test_an_encoder_that_can_not_keep_up_drops_the_newest_and_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(video_module, 'QUEUE_BYTES', 0)
    go = threading.Event()
    encode = CameraVideo._encode
    monkeypatch.setattr(CameraVideo, '_encode', lambda *a: (go.wait(), encode(*a)))
    video = CameraVideo(tmp_path, 'top')
    video.push(make_frame(0))
    wait(lambda: not video._queue.qsize())
    for number in range(1, QUEUE + 4):
        video.push(make_frame(number))
    assert video.dropped == 3
    go.set()
    video.close()
    assert load_frame_index(tmp_path / 'top.csv')[1].tolist() == list(range(QUEUE + 1))


def test_frames_that_are_not_later_are_dropped_and_counted(tmp_path):
    video = CameraVideo(tmp_path, 'top')
    for i, stamp in enumerate((START, START, START - 5, START + 10_000_000)):
        video.push(make_frame(i, stamp))
        wait_for(video, i + 1)
    video.close()
    assert (video.written, video.dropped) == (2, 2)


def test_a_clock_that_is_set_back_costs_no_frame(tmp_path):
    video, hour, period = CameraVideo(tmp_path, 'top'), 3600 * 10**9, 16_666_667
    stamps = [START + n * period - (hour if n >= 30 else 0) for n in range(60)]
    for n, stamp in enumerate(stamps):
        video.push(make_frame(n, stamp))
        wait_for(video, n + 1)
    video.close()
    assert (video.written, video.dropped) == (60, 0)
    assert load_frame_index(tmp_path / 'top.csv')[0].tolist() == stamps
    again = VideoFile('top', video.path)
    again.open()
    times = [again.read().stamp for _ in range(60)]
    assert np.allclose(np.diff(times), period, atol=2000)


def test_a_killed_recorder_leaves_a_video_that_plays(tmp_path):
    script = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from pianokpm_ros.recording.video import CameraVideo
        from test.recording.test_video import make_frame
        video = CameraVideo(Path({str(tmp_path)!r}), 'top')
        for i in range(10_000):
            video.push(make_frame(i))
            print(video.written, flush=True)
            time.sleep(1 / 60)
    """)
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    process = subprocess.Popen(
        [sys.executable, '-c', script], stdout=subprocess.PIPE, text=True, cwd=root
    )
    written = [int(process.stdout.readline()) for _ in range(150)]
    process.send_signal(signal.SIGKILL)
    written += [int(line) for line in process.stdout.read().split()]
    with av.open(str(tmp_path / 'top.mp4')) as container:
        frames = sum(1 for _ in container.decode(video=0))
    stamps, _ = load_frame_index(tmp_path / 'top.csv')
    # What was encoded, but for half a second until the fragment, and the same again for its index: at most a second.
    assert min(frames, len(stamps)) >= written[-1] - 60 and written[-1] > 60


def test_a_process_that_was_started_again_films_beside_what_is_there(tmp_path):
    assert choose_folder(tmp_path / 'a', ['top', 'left']) == tmp_path / 'a'
    for part in ('a', 'a/part_2'):
        assert choose_folder(tmp_path / 'a', ['top', 'left']) == tmp_path / part
        film(tmp_path / part, range(2))
    assert choose_folder(tmp_path / 'a', ['left']) == tmp_path / 'a'
    assert choose_folder(tmp_path / 'a', ['top', 'left']) == tmp_path / 'a' / 'part_3'


def test_a_place_that_can_not_be_and_an_old_video_are_refused(tmp_path):
    film(tmp_path / 'a', range(2))
    with pytest.raises(RecordingError, match='exists'):
        CameraVideo(tmp_path / 'a', 'top')
    (tmp_path / 'file').touch()
    with pytest.raises(RecordingError, match='choose another place'):
        CameraVideo(tmp_path / 'file' / 'b', 'top')


def test_no_frame_leaves_nothing(tmp_path):
    film(tmp_path, [])
    assert not list(tmp_path.iterdir())
