"""The ChArUco board: found in pictures, and drawn to be printed in true size.

Letters: C corners of the board.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.errors import PianokpmError

FloatArray = NDArray[np.floating]

MIN_CORNERS = 6
"""Fewer corners fix a board's pose only loosely."""

STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-3)


class CalibrationError(PianokpmError, RuntimeError):
    """A calibration can't be good; the message says why and what to do."""


def list_dictionaries() -> list[str]:
    """Return the names of the marker dictionaries that OpenCV knows."""
    return sorted(n for n in dir(cv2.aruco) if n.startswith('DICT_'))


@dataclass(frozen=True)
class BoardView:
    """A board seen in one picture.

    Attributes:
        ids: (C,) numbers of the corners seen.
        pixels: (C, 2) [px], raw image.
        markers: how many markers were recognised.
    """

    ids: NDArray[np.int64]
    pixels: FloatArray
    markers: int


@dataclass(frozen=True)
class Board:
    """A ChArUco board.

    Attributes:
        columns: squares along x.
        rows: squares along y.
        square: side of a square, measured on the print [m].
        marker: side of a marker in parts of a square.
        dictionary: such as `DICT_4X4_50`.
        inverted: white and black are exchanged.
        legacy: pattern of OpenCV before 4.6 (white corner square with an even number of rows).
    """

    columns: int = 7
    rows: int = 5
    square: float = 0.03
    marker: float = 0.75
    dictionary: str = 'DICT_4X4_50'
    inverted: bool = False
    legacy: bool = False

    def __post_init__(self) -> None:
        if self.dictionary not in list_dictionaries():
            raise CalibrationError(
                f'asked for the dictionary {self.dictionary!r}; there are '
                f'{", ".join(list_dictionaries())}'
            )
        if min(self.columns, self.rows) < 3:
            raise CalibrationError(
                f'asked for a board of {self.columns} x {self.rows} squares; 3 x 3 is the least'
            )
        if not (0.001 < self.square < 2 and 0.3 <= self.marker <= 0.95):
            raise CalibrationError(
                f'asked for squares of {self.square * 1e3:g} mm with markers of {self.marker:g} of '
                'them; expected 1 mm to 2 m and 0.3 to 0.95'
            )
        available = len(self._dictionary.bytesList)
        if self.columns * self.rows // 2 > available:
            raise CalibrationError(
                f'a board of {self.columns} x {self.rows} squares needs '
                f'{self.columns * self.rows // 2} markers, {self.dictionary} has {available}'
            )

    @cached_property
    def _dictionary(self) -> cv2.aruco.Dictionary:
        return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, self.dictionary))

    @cached_property
    def _board(self) -> cv2.aruco.CharucoBoard:
        board = cv2.aruco.CharucoBoard(
            (self.columns, self.rows), self.square, self.square * self.marker, self._dictionary
        )
        board.setLegacyPattern(self.legacy)
        return board

    @cached_property
    def _detector(self) -> cv2.aruco.CharucoDetector:
        charuco, markers = cv2.aruco.CharucoParameters(), cv2.aruco.DetectorParameters()
        charuco.minMarkers = 2
        markers.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        return cv2.aruco.CharucoDetector(self._board, charuco, markers)

    @cached_property
    def points(self) -> FloatArray:
        """Return the (C, 3) inner corners [m]; x along the columns, y along the rows, z into the board."""
        return np.asarray(self._board.getChessboardCorners(), np.float64)

    def find(self, image: NDArray[np.uint8]) -> BoardView | None:
        """Find the board in a (height, width[, 3]) picture, BGR or grey.

        Returns:
            None with fewer than `MIN_CORNERS` corners that are not all in a line.
        """
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
        shown = 255 - grey if self.inverted else grey
        corners, ids, _, markers = self._detector.detectBoard(shown)
        count = 0 if markers is None else len(markers)
        if ids is None or len(ids) < MIN_CORNERS:
            return None
        ids = ids.ravel().astype(np.int64)
        grid = np.stack([ids % (self.columns - 1), ids // (self.columns - 1)])
        if np.ptp(grid, axis=1).min() < 1:
            return None
        return BoardView(ids, _refine(shown, corners), count)

    def find_markers(self, image: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the (M,) numbers of all markers of the dictionary in a picture, on this board or not."""
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
        detector = cv2.aruco.ArucoDetector(self._dictionary)
        _, ids, _ = detector.detectMarkers(255 - grey if self.inverted else grey)
        return np.zeros(0, np.int64) if ids is None else ids.ravel().astype(np.int64)

    def draw(self, pixels_per_square: int, margin: int = 0) -> NDArray[np.uint8]:
        """Return the board as a grey (height, width) picture; `margin` around it in pixels."""
        size = (
            self.columns * pixels_per_square + 2 * margin,
            self.rows * pixels_per_square + 2 * margin,
        )
        picture = self._board.generateImage(size, marginSize=margin)
        return 255 - picture if self.inverted else picture


def _refine(grey: NDArray[np.uint8], corners: FloatArray) -> FloatArray:
    """Find corners anew, (C, 2) [px].

    OpenCV 4.11's ChArUco corners are half a pixel too far right and down (seen on drawn boards);
    `cornerSubPix` is right, in a window that reaches no marker.
    """
    flat = np.asarray(corners, np.float32).reshape(-1, 2) - np.float32(0.5)
    distance = np.linalg.norm(flat[:, None] - flat[None], axis=-1)
    spacing = float(np.median(np.sort(distance, axis=1)[:, 1]))
    half = int(np.clip(round(0.12 * spacing), 2, 8))
    start = np.ascontiguousarray(flat.reshape(-1, 1, 2))
    refined = cv2.cornerSubPix(grey, start.copy(), (half, half), (-1, -1), STOP)
    moved = np.linalg.norm(refined - start, axis=-1) > half
    return np.where(moved[..., None], start, refined)[:, 0].astype(np.float64)
