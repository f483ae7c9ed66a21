import dataclasses

import numpy as np
import pytest

from pianokpm_ros.capture.multi_capture import MultiCapture
from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.capture.video_set import prepare_videos
from pianokpm_ros.geometry.rig import Rig

from ..geometry.conftest import look_at
from .conftest import RATE, SIZE, read_number

PERIOD = 1_000_000_000 // RATE


def open_all(*sources):
    capture = MultiCapture(sources)
    capture.open()
    return capture


def test_frames_of_one_moment_come_together(video):
    path = video(count=10)
    # b starts three frames and a quarter after a: its frame i belongs to frame i + 3 of a.
    capture = open_all(VideoFile('a', path), VideoFile('b', path, start=3 * PERIOD + PERIOD // 4))
    sets = [{n: read_number(f.image) for n, f in s.items()} for s in capture.read_all()]
    capture.close()
    assert sets[:3] == [{'a': i} for i in range(3)]
    assert sets[3:10] == [{'a': i + 3, 'b': i} for i in range(7)]
    assert sets[10:] == [{'b': i} for i in range(7, 10)]


def test_pacing_drops_whole_sets_and_counts_them(video):
    path = video(count=12)
    capture = open_all(VideoFile('a', path), VideoFile('b', path))
    clock = [0]

    def wait(seconds):
        clock[0] += max(1, round(seconds * 1e9))

    seen = []
    for frames in capture.read_paced(lambda: clock[0], wait=wait):
        seen.append(frames)
        clock[0] += round(2.5 * PERIOD)  # the consumer takes two and a half periods a set
    capture.close()
    assert all(set(s) == {'a', 'b'} for s in seen)
    stamps = [s['a'].stamp for s in seen]
    assert stamps == sorted(set(stamps))
    assert len(seen) + capture.dropped == 12 and 4 <= len(seen) <= 6


class SlowFile(VideoFile):
    """A file whose decoder takes longer for a frame than the frame lasts, on a clock of its own."""

    def __init__(self, *arguments, clock, periods):
        super().__init__(*arguments)
        self._clock, self._periods = clock, periods

    def read(self):
        self._clock[0] += round(self._periods * PERIOD)
        return super().read()


@pytest.mark.parametrize('periods', [1.05, 1.5, 5.0])
def test_a_decoder_that_is_slower_than_the_film_still_shows_something_of_it(video, periods):
    """Each set is overdue when it is decoded; to wait for one in time would be to wait to the end."""
    clock = [0]
    capture = open_all(SlowFile('a', video(count=90), clock=clock, periods=periods))
    seen = [f['a'].sequence for f in capture.read_paced(lambda: clock[0], wait=lambda _: None)]
    capture.close()
    # A set each second at the least, and at most five frames decoded ahead.
    assert max(np.diff(seen)) <= RATE / periods + 6
    assert len(seen) + capture.dropped == 90 and capture.late > 80 * (periods - 1) / RATE


def test_doubled_names_are_refused(video):
    with pytest.raises(CaptureError, match='distinct names'):
        MultiCapture([VideoFile('a', video()), VideoFile('a', video())])


def test_a_lagging_camera_is_put_right_by_its_delay(video):
    path = video(count=8)
    plain = look_at('a', (0, 0, 1), size=SIZE)
    late = dataclasses.replace(look_at('b', (0.5, 0, 1), size=SIZE), delay=2 * PERIOD / 1e9)
    sources = prepare_videos({'a': str(path), 'b': str(path)}, Rig((plain, late)))
    capture = open_all(*sources)
    sets = [{n: read_number(f.image) for n, f in s.items()} for s in capture.read_all()]
    capture.close()
    # b shows at its frame 2 what a showed at its frame 0.
    assert sets[2:8] == [{'b': i + 2, 'a': i} for i in range(6)]
