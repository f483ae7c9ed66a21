"""Put several views side by side in one picture."""

from collections.abc import Sequence

import cv2
import numpy as np

from pianokpm_ros.view.lettering import BgrImage
from pianokpm_ros.view.palette import PANEL

LARGEST = (1920, 1080)


def choose_columns(count: int) -> int:
    """Return the number of columns for that many views: up to three in a row, then two or more rows."""
    return count if count <= 3 else int(np.ceil(np.sqrt(count)))


class Mosaic:
    """Lay views out on a fixed canvas whose size suits H.264 (even width and height).

    Views keep their shape; what is smaller than its cell is centred. A view that is missing in a
    set stays dark.
    """

    def __init__(
        self,
        cameras: Sequence[str],
        sizes: Sequence[tuple[int, int]],
        largest: tuple[int, int] = LARGEST,
        narrowest: int = 0,
    ) -> None:
        """Plan the canvas.

        Args:
            cameras: names, in reading order.
            sizes: (width, height) of each view [px].
            largest: the canvas is scaled down to fit into this (width, height) [px].
            narrowest: what is narrower is scaled up as far as it fits, and has dark margins beyond that [px].
        """
        if not cameras or len(cameras) != len(sizes):
            raise ValueError(
                f'asked for one size for each of at least one view, found {len(cameras)} views and '
                f'{len(sizes)} sizes'
            )
        self._columns = choose_columns(len(cameras))
        rows = -(-len(cameras) // self._columns)
        cell = max(w for w, _ in sizes), max(h for _, h in sizes)
        width = cell[0] * self._columns
        factor = min(
            max(1.0, narrowest / width), largest[0] / width, largest[1] / (cell[1] * rows)
        )
        wide = max(cell[0] * factor, narrowest / self._columns)
        # even cells give an even canvas, whatever the number of rows and columns
        self._cell = max(2, int(wide) // 2 * 2), max(2, int(cell[1] * factor) // 2 * 2)
        self.size = self._cell[0] * self._columns, self._cell[1] * rows
        self._blank = np.empty((self.size[1], self.size[0], 3), np.uint8)
        self._blank[:] = PANEL[::-1]
        self._place = {camera: divmod(i, self._columns) for i, camera in enumerate(cameras)}

    def compose(self, views: dict[str, BgrImage]) -> BgrImage:
        """Return one (height, width, 3) BGR picture of the views that are there."""
        canvas = self._blank.copy()
        for camera, image in views.items():
            row, column = self._place[camera]
            self._paste(canvas, image, column * self._cell[0], row * self._cell[1])
        return canvas

    def _paste(self, canvas: BgrImage, image: BgrImage, left: int, top: int) -> None:
        width, height = self._cell
        factor = min(width / image.shape[1], height / image.shape[0])
        size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
        if size != (image.shape[1], image.shape[0]):
            image = cv2.resize(
                image, size, interpolation=cv2.INTER_AREA if factor < 0.6 else cv2.INTER_LINEAR
            )
        x, y = left + (width - size[0]) // 2, top + (height - size[1]) // 2
        canvas[y : y + size[1], x : x + size[0]] = image
