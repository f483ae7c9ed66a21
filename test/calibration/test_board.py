import dataclasses

import cv2
import numpy as np
import pytest

from pianokpm_ros.geometry.calibration.board import Board, CalibrationError
from pianokpm_ros.geometry.calibration.diagnosis import diagnose
from pianokpm_ros.geometry.calibration.sheet import DPI, write_sheet
from pianokpm_ros.geometry.calibration.watch import check_seen, watch_board
from pianokpm_ros.records import Frame


def show(board, size=(960, 720)):
    """Return pictures of a board seen somewhat from the side, and the homography of the last."""
    pictures = []
    for k in range(3):
        flat = board.draw(80, margin=40)
        height, width = flat.shape
        source = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
        target = np.float32([[120 + 20 * k, 100], [820, 60 + 20 * k], [780, 640], [150, 600]])
        matrix = cv2.getPerspectiveTransform(source, target)
        paper = 0 if board.inverted else 255
        pictures.append(cv2.warpPerspective(flat, matrix, size, borderValue=paper))
    return pictures, matrix


@pytest.mark.parametrize('inverted', [False, True])
def test_corners_are_found_where_they_are(board, inverted):
    board = dataclasses.replace(board, inverted=inverted)
    pictures, matrix = show(board)
    view = board.find(cv2.cvtColor(pictures[-1], cv2.COLOR_GRAY2BGR))
    # Pixel centres: a corner between two squares of the drawing lies half a pixel before the next.
    flat = board.points[view.ids, :2] / board.square * 80 + 40 - 0.5
    expected = cv2.perspectiveTransform(flat[:, None], matrix)[:, 0]
    assert len(view.ids) == (board.columns - 1) * (board.rows - 1)
    # Subpixel refinement of a sharp, noiseless corner: a tenth, with the interpolation of the warp.
    assert np.abs(view.pixels - expected).max() < 0.3


def test_a_picture_without_a_board(board):
    assert board.find(np.full((480, 640, 3), 127, np.uint8)) is None


@pytest.mark.parametrize(
    ('shown', 'words'),
    [
        ({'inverted': True}, 'recognised with --inverted'),
        ({'columns': 5, 'rows': 7}, '5 columns x 7 rows'),
        ({'columns': 9, 'rows': 6}, '9 columns x 6 rows'),
        ({'dictionary': 'DICT_5X5_1000'}, 'DICT_5X5_1000'),
    ],
)
def test_another_board_is_named(board, shown, words):
    pictures, _ = show(dataclasses.replace(board, **shown))
    assert words in diagnose(board, pictures)


def test_mirrored_pictures_are_named(board):
    pictures, _ = show(board)
    assert 'mirrored' in diagnose(board, [p[:, ::-1] for p in pictures])


def test_no_board_at_all_is_named(board):
    assert 'no marker of DICT_4X4_50' in diagnose(board, [np.full((480, 640), 127, np.uint8)])


@pytest.mark.parametrize(
    ('wrong', 'words'),
    [
        ({'dictionary': 'DICT_3X3'}, 'DICT_4X4_50'),
        ({'columns': 2}, '3 x 3 is the least'),
        ({'square': 35.0}, 'expected 1 mm to 2 m'),
        ({'columns': 12, 'rows': 12}, 'needs 72 markers'),
    ],
)
def test_impossible_boards_are_refused(wrong, words):
    with pytest.raises(CalibrationError, match=words):
        Board(**wrong)


def test_the_sheet_has_its_true_size(board, tmp_path):
    write_sheet(board, tmp_path / 'board.png')
    picture = cv2.imread(str(tmp_path / 'board.png'), cv2.IMREAD_GRAYSCALE)
    # A4 landscape at 300 dots an inch, to the whole pixel below.
    assert picture.shape == (int(210 / 25.4 * DPI), int(297 / 25.4 * DPI))
    view = board.find(picture)
    x = board.points[view.ids, 0]
    slope = np.polyfit(x, view.pixels[:, 0], 1)[0]
    # Over 175 mm a pixel is 0.05 %: the drawing snaps to whole pixels.
    assert slope * 25.4e-3 / DPI == pytest.approx(1.0, abs=1e-3)


def test_the_pdf_page_is_a4(board, tmp_path):
    write_sheet(board, tmp_path / 'board.pdf')
    content = (tmp_path / 'board.pdf').read_bytes()
    box = content.split(b'/MediaBox [', 1)[1].split(b']', 1)[0].split()
    np.testing.assert_allclose(
        [float(b) for b in box], [0, 0, 297 / 25.4 * 72, 210 / 25.4 * 72], atol=0.1
    )
    assert [p.name for p in tmp_path.iterdir()] == ['board.pdf']


def test_a_board_too_large_for_the_paper_is_refused(tmp_path):
    with pytest.raises(CalibrationError, match=r'squares of at most 36\.0 mm'):
        write_sheet(Board(7, 5, 0.05), tmp_path / 'board.pdf')


class Pictures:
    """A source of some pictures."""

    name, rate, count = 'phone', None, None

    def __init__(self, pictures, first=0, step=1):
        self._frames = [Frame(i, 'phone', first + step * i, p) for i, p in enumerate(pictures)]

    def open(self):
        pass

    def read(self):
        return self._frames.pop(0) if self._frames else None

    def close(self):
        pass


def test_a_phone_that_is_turned_while_it_is_calibrated_is_named(board):
    """Corners in pictures of both sizes were taken for those of one camera."""
    across, upright = show(board)[0], show(board, (720, 960))[0]
    assert len(watch_board(board, Pictures(across)).sightings) == 3
    with pytest.raises(CalibrationError, match="'phone'.* from 960 x 720 to 720 x 960"):
        watch_board(board, Pictures([*across, *upright]))


def test_a_live_camera_whose_frames_are_overtaken_is_diagnosed_by_what_it_showed(board):
    """Of every seventh of its frames none was kept, and pictures of no board passed for mirrored ones."""
    source = Pictures([np.full((48, 64, 3), 99, np.uint8)] * 20, first=1, step=7)
    seen = watch_board(board, source)
    assert len(seen.samples) == 3
    with pytest.raises(CalibrationError, match='no marker of DICT_4X4_50'):
        check_seen(board, {'phone': seen}, 8)
