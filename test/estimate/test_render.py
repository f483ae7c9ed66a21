"""Pictures hold what was estimated for them, at their time."""

import numpy as np
import pytest

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.capture.multi_capture import MultiCapture
from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.offline.inputs import ORIGIN
from pianokpm_ros.offline.render import RenderPlan, crop_even, render
from pianokpm_ros.offline.topics import topic_of
from pianokpm_ros.recording.writer import BagWriter
from pianokpm_ros.view.keyboard_strip import PRESSED
from pianokpm_ros.view.palette import SIDE_COLOURS

from . import scene
from .test_playing_back import make_activities

SIZE = (640, 480)
COUNT = 25
LATER = scene.START - ORIGIN
"""The bag was recorded on another clock than the videos'."""


@pytest.fixture
def videos(tmp_path):
    for name in ('top', 'left'):
        scene.save_video(tmp_path / f'{name}.mp4', COUNT, SIZE, scene.PERIOD)
    capture = MultiCapture([VideoFile(n, tmp_path / f'{n}.mp4', ORIGIN) for n in ('top', 'left')])
    capture.open()
    yield capture
    capture.close()


@pytest.fixture
def bag(tmp_path, rig, rng):
    hands = [h for views in scene.film(rig, COUNT) for h in views.values() if h.sequence % 5]
    records = [*hands, *make_activities(rng, COUNT), *scene.press(60)]
    for activity in records:
        if hasattr(activity, 'envelope'):
            activity.envelope[:] = 0.4
            activity.activation[:] = 0.4
            activity.deviation[:] = 0.05
    with BagWriter(tmp_path / 'bag') as bag:
        for record in sorted(records, key=lambda r: r.stamp):
            bag.write_record(topic_of(record), record)
    return tmp_path / 'bag'


def read(path):
    video = VideoFile('v', path)
    video.open()
    frames = []
    while (frame := video.read()) is not None:
        frames.append(frame)
    return frames


def share_of(image, colour, tolerance=60):
    """Return the part of the pixels that nearly have an RGB colour; video changes colours a little."""
    distance = np.abs(image.astype(int) - np.array(colour[::-1])).sum(axis=2)
    return float((distance < tolerance).mean())


def draw(tmp_path, bag, capture, **options):
    out = tmp_path / 'out'
    out.mkdir()
    plan = RenderPlan(bag, out, 'test', (), (Side.RIGHT,), MUSCLES, 0.5, LATER, **options)
    told = []
    files = render(plan, capture, told.append)
    assert told == list(range(1, COUNT + 1))
    return {f.stem: read(f) for f in files}


def test_overlays_show_hands_where_they_were_seen(tmp_path, bag, videos, rig):
    drawn = draw(tmp_path, bag, videos, mosaic=False)
    assert set(drawn) == {'overlay_top', 'overlay_left'}
    for name in ('top', 'left'):
        frames = drawn[f'overlay_{name}']
        assert [f.stamp for f in frames] == [scene.PERIOD * i for i in range(COUNT)]
        pixels = rig.camera(name).project(scene.make_hand(Side.LEFT))
        x, y = np.rint(pixels[[0, 5, 9, 17]].mean(axis=0)).astype(int)
        for i, frame in enumerate(frames):
            around = frame.image[y - 40 : y + 40, x - 40 : x + 40]
            found = (np.abs(around - (40.0 + i)) > 60).any(axis=2).mean() > 0.02
            # Every fifth frame was not looked at: no hand may stand in for it.
            assert found == bool(i % 5)


def test_the_mosaic_has_views_bars_curves_and_keys(tmp_path, bag, videos):
    (frames,) = draw(tmp_path, bag, videos, overlays=False, keys=(60, 71)).values()
    # Half a second at 30 Hz are 15 or 16 pictures; 5 of 25 frames were not looked at and left out.
    assert 10 <= len(frames) <= 16
    first = frames[0].stamp + scene.PERIOD
    assert all((first + f.stamp) // scene.PERIOD % 5 for f in frames)
    height = frames[0].image.shape[0]
    band = [f.image[int(0.5 * height) :] for f in frames]
    assert share_of(band[-1], SIDE_COLOURS[Side.RIGHT]) > 0.01
    curve = [share_of(b[:, b.shape[1] // 2 :], SIDE_COLOURS[Side.RIGHT]) for b in band]
    assert curve[-1] > 3 * curve[1] > 0
    # The key is down in the second quarter second.
    pressed = [share_of(b, PRESSED) > 0.001 for b in band]
    assert pressed == [first + f.stamp >= 250_000_000 for f in frames]


def test_odd_sizes_are_cut_not_refused():
    assert crop_even(np.zeros((481, 643, 3), np.uint8)).shape == (480, 642, 3)
