"""Anti-aliased lettering and panels on BGR images, quick enough for video: each word is rasterised once and kept."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pianokpm_ros.view.palette import Rgb

BgrImage = NDArray[np.uint8]


@lru_cache(maxsize=64)
def _load_font(size: int, bold: bool) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load DejaVu Sans, which matplotlib carries and which stays legible at 9 px; else Pillow's own font."""
    spec = find_spec('matplotlib')
    if spec is not None and spec.origin:
        name = 'DejaVuSans-Bold.ttf' if bold else 'DejaVuSans.ttf'
        path = Path(spec.origin).parent / 'mpl-data' / 'fonts' / 'ttf' / name
        if path.is_file():
            return ImageFont.truetype(str(path), size)
    return ImageFont.load_default(size)


@lru_cache(maxsize=2048)
def rasterise(text: str, size: int, bold: bool = False) -> NDArray[np.float32]:
    """Draw text as a coverage mask.

    Args:
        text: one line.
        size: font size [px].
        bold: weight.

    Returns:
        (height, width, 1) 0..1; the height depends on the font only, so that lines share a base
        line.
    """
    font = _load_font(size, bold)
    width = max(1, int(np.ceil(font.getlength(text))))
    height = int(np.ceil(size * 1.25))
    mask = Image.new('L', (width, height), 0)
    ImageDraw.Draw(mask).text((0, size), text, fill=255, font=font, anchor='ls')
    return (np.asarray(mask, np.float32) / 255.0)[..., None]


def measure(text: str, size: int, bold: bool = False) -> int:
    """Return the width of a line [px]."""
    return rasterise(text, size, bold).shape[1]


def write(
    image: BgrImage,
    text: str,
    at: tuple[float, float],
    size: int,
    colour: Rgb,
    bold: bool = False,
    anchor: str = 'left',
    halo: Rgb | None = None,
) -> None:
    """Write one line into an image.

    Args:
        image: (height, width, 3) BGR, changed in place.
        text: one line.
        at: (x, y) of the top at the anchor [px].
        size: font size [px].
        colour: RGB.
        bold: weight.
        anchor: `left`, `centre` or `right`.
        halo: RGB of a one-pixel outline, for letters on a picture.
    """
    mask = rasterise(text, size, bold)
    x = at[0] - {'left': 0.0, 'centre': 0.5, 'right': 1.0}[anchor] * mask.shape[1]
    if halo is not None:
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            _blend(image, mask, round(x) + dx, round(at[1]) + dy, halo)
    _blend(image, mask, round(x), round(at[1]), colour)


def shade(
    image: BgrImage, box: tuple[float, float, float, float], colour: Rgb, opacity: float
) -> None:
    """Lay a flat colour over the box (left, top, right, bottom) [px], in place."""
    left, top, right, bottom = (round(v) for v in box)
    cover = np.full((max(0, bottom - top), max(0, right - left), 1), opacity, np.float32)
    _blend(image, cover, left, top, colour)


def _blend(image: BgrImage, mask: NDArray[np.float32], x: int, y: int, colour: Rgb) -> None:
    height, width = image.shape[:2]
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, x + mask.shape[1]), min(height, y + mask.shape[0])
    if right <= left or bottom <= top:
        return
    part = mask[top - y : bottom - y, left - x : right - x]
    region = image[top:bottom, left:right]
    ink = np.array(colour[::-1], np.float32)
    region[...] = np.rint(region + part * (ink - region)).astype(np.uint8)
