"""Videos carry the stamps they were given, and are there as a whole or not at all."""

import av
import numpy as np
import pytest

from pianokpm_ros.view.mosaic import Mosaic, choose_columns
from pianokpm_ros.view.video_writer import VideoWriteError, VideoWriter

START = 1_700_000_000_000_000_000


def read_times(path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]


def test_times_are_kept_to_the_microsecond_also_when_uneven(tmp_path):
    offsets = np.cumsum([0, 16_666_667, 16_666_666, 40_000_001, 100_000_500, 8_333_333])
    with VideoWriter(tmp_path / 'a.mp4', (64, 48)) as writer:
        for i, offset in enumerate(offsets.tolist()):
            writer.write(np.full((48, 64, 3), 20 * i, np.uint8), START + offset)
    # rounding to the file's microsecond clock is at most half a microsecond, plus float noise
    np.testing.assert_allclose(read_times(tmp_path / 'a.mp4'), offsets * 1e-9, rtol=0, atol=0.6e-6)


def test_pictures_survive(tmp_path):
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, 32:] = (200, 120, 40)
    with VideoWriter(tmp_path / 'a.mp4', (64, 48)) as writer:
        writer.write(image, START)
    with av.open(str(tmp_path / 'a.mp4')) as container:
        seen = next(container.decode(video=0)).to_ndarray(format='bgr24')
    # lossy, and limited-range 8-bit YUV: a few grey values away from the edge
    assert np.abs(seen[8:40, 40:56].astype(int) - image[8:40, 40:56]).max() < 16


def test_nothing_is_left_after_an_error(tmp_path):
    with (
        pytest.raises(RuntimeError, match='boom'),
        VideoWriter(tmp_path / 'a.mp4', (64, 48)) as writer,
    ):
        writer.write(np.zeros((48, 64, 3), np.uint8), START)
        raise RuntimeError('boom')
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_a_video_that_can_not_be_finished(tmp_path):
    writer = VideoWriter(tmp_path / 'a.mp4', (64, 48))
    writer.write(np.zeros((48, 64, 3), np.uint8), START)
    (tmp_path / 'a.mp4').mkdir()
    with pytest.raises(IsADirectoryError):
        writer.close()
    assert [p.name for p in tmp_path.iterdir()] == ['a.mp4']


def test_an_empty_video_is_no_video(tmp_path):
    assert VideoWriter(tmp_path / 'a.mp4', (64, 48)).close() is None
    assert list(tmp_path.iterdir()) == []


def test_the_target_appears_only_when_complete(tmp_path):
    writer = VideoWriter(tmp_path / 'a.mp4', (64, 48))
    writer.write(np.zeros((48, 64, 3), np.uint8), START)
    assert not (tmp_path / 'a.mp4').exists()
    assert writer.close() == tmp_path / 'a.mp4'
    assert [p.name for p in tmp_path.iterdir()] == ['a.mp4']


def test_odd_sizes_wrong_sizes_and_repeated_stamps_are_refused(tmp_path):
    with pytest.raises(VideoWriteError, match='63x48'):
        VideoWriter(tmp_path / 'a.mp4', (63, 48))
    with VideoWriter(tmp_path / 'b.mp4', (64, 48)) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), START)
        with pytest.raises(VideoWriteError, match='must increase'):
            writer.write(np.zeros((48, 64, 3), np.uint8), START)
        with pytest.raises(VideoWriteError, match='32x48'):
            writer.write(np.zeros((48, 32, 3), np.uint8), START + 10_000_000)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(VideoWriteError, match='nowhere'):
        VideoWriter(tmp_path / 'nowhere' / 'a.mp4', (64, 48))


@pytest.mark.parametrize(('count', 'columns'), [(1, 1), (2, 2), (3, 3), (4, 2), (6, 3), (8, 3)])
def test_columns(count, columns):
    assert choose_columns(count) == columns


def test_views_land_in_their_cells():
    names = ('top', 'front', 'left', 'right')
    mosaic = Mosaic(names, [(64, 48)] * 4)
    assert mosaic.size == (128, 96)
    canvas = mosaic.compose(
        {name: np.full((48, 64, 3), 50 * (i + 1), np.uint8) for i, name in enumerate(names)}
    )
    assert [int(canvas[y, x, 0]) for y, x in ((24, 32), (24, 96), (72, 32), (72, 96))] == [
        50,
        100,
        150,
        200,
    ]


@pytest.mark.parametrize(
    ('sizes', 'canvas'),
    [
        ([(64, 48)], (960, 720)),
        ([(1080, 1920)], (960, 960)),
        ([(640, 480), (640, 480)], (1280, 480)),
        ([(300, 600)] * 2, (960, 960)),
    ],
)
def test_a_narrow_canvas_is_made_wide_enough_to_read(sizes, canvas):
    names = [f'cam{i}' for i in range(len(sizes))]
    mosaic = Mosaic(names, sizes, (1280, 960), narrowest=960)
    assert mosaic.size == canvas
    light = mosaic.compose({names[0]: np.full((*sizes[0][::-1], 3), 255, np.uint8)}).min(axis=2)
    height, width = np.argwhere(light > 200).max(axis=0) - np.argwhere(light > 200).min(axis=0) + 1
    assert width / height == pytest.approx(sizes[0][0] / sizes[0][1], rel=0.02)


def test_views_of_other_sizes_keep_their_shape_and_missing_ones_stay_dark():
    mosaic = Mosaic(('a', 'b'), [(641, 481), (300, 600)], largest=(800, 600))
    assert mosaic.size[0] % 2 == 0 and mosaic.size[1] % 2 == 0
    assert mosaic.size[0] <= 800 and mosaic.size[1] <= 600
    canvas = mosaic.compose({'b': np.full((600, 300, 3), 255, np.uint8)})
    light = np.argwhere(canvas.min(axis=2) > 200)
    height, width = light.max(axis=0) - light.min(axis=0) + 1
    assert height / width == pytest.approx(2.0, rel=0.02)  # a pixel of rounding in about 100
    assert canvas[:, : mosaic.size[0] // 2].max() < 60
