"""The panel of muscle bars of one hand: activation, its deviation, status and confidence."""

from dataclasses import dataclass

import cv2
import numpy as np

from pianokpm_ros.anatomy import Status
from pianokpm_ros.records import MuscleActivity, Normalization
from pianokpm_ros.view.lettering import BgrImage, shade, write
from pianokpm_ros.view.palette import FAINT, INK, PANEL, SIDE_COLOURS, STATUS_COLOURS, Rgb

FULL_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0)

GUTTER = 27
"""Room for the numbers left of the bars [px at scale 1]."""

NORMALIZATION_WORDS = {
    Normalization.MVC: 'fraction of MVC',
    Normalization.PERCENTILE: 'fraction of P99.5',
    Normalization.MODEL: 'model scale, not MVC',
}


@dataclass(frozen=True)
class BarGeometry:
    """Sizes of a panel [px] for M bars at a drawing scale (1 suits 640x480)."""

    muscles: int
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the whole panel."""
        return round((GUTTER + 5 + 29 * self.muscles) * self.scale), round(104 * self.scale)

    @property
    def bar_area(self) -> tuple[float, float]:
        """(top, bottom) of the bars within the panel."""
        return 24.0 * self.scale, 86.0 * self.scale

    def bar_span(self, index: int) -> tuple[float, float]:
        """(left, right) of a bar within the panel."""
        left = (GUTTER + 29 * index + 7) * self.scale
        return left, left + 15 * self.scale


def choose_full_scale(values: np.ndarray) -> float:
    """Pick the smallest round full scale that holds 99.5 % of some activations; 1.0 when none is known."""
    known = values[np.isfinite(values)]
    top = float(np.percentile(known, 99.5)) if known.size else 1.0
    return next((s for s in FULL_SCALES if top <= s), FULL_SCALES[-1])


def draw_bars(
    image: BgrImage,
    activity: MuscleActivity,
    corner: tuple[int, int],
    scale: float = 1.0,
    full_scale: float = 1.0,
) -> None:
    """Draw one hand's panel, in place; unknown muscles get a dash, never an empty bar that reads as rest.

    Args:
        image: (height, width, 3) BGR.
        activity: newest estimate.
        corner: top left of the panel [px].
        scale: 1 suits 640x480.
        full_scale: activation at the top of the bars.
    """
    geometry = BarGeometry(len(activity.muscle), scale)
    left, top = corner
    width, height = geometry.size
    shade(image, (left, top, left + width, top + height), PANEL, 0.72)
    _write_heading(image, activity, corner, geometry)
    _draw_grid(image, corner, geometry, full_scale)
    for index, name in enumerate(activity.muscle):
        _draw_bar(image, activity, index, corner, geometry, full_scale)
        a, b = geometry.bar_span(index)
        write(
            image,
            name,
            (left + (a + b) / 2, top + 87 * scale),
            max(8, round(10 * scale)),
            INK,
            anchor='centre',
        )


def describe_bars(activity: MuscleActivity) -> str:
    """Say in a few words what bars and whiskers are."""
    return (
        f'bars: {NORMALIZATION_WORDS.get(activity.normalization, "unknown scale")}, whiskers: 1 σ'
    )


def _write_heading(
    image: BgrImage, activity: MuscleActivity, corner: tuple[int, int], geometry: BarGeometry
) -> None:
    left, top = corner
    scale = geometry.scale
    size = max(9, round(10.5 * scale))
    write(
        image,
        activity.side.name,
        (left + 7 * scale, top + 4 * scale),
        size,
        SIDE_COLOURS[activity.side],
        bold=True,
    )
    words = activity.status.name
    if activity.status >= Status.DEGRADED and np.isfinite(activity.confidence):
        words += f', confidence {activity.confidence:.2f}'
    at = (left + geometry.size[0] - 6 * scale, top + 4 * scale)
    write(
        image,
        words,
        at,
        max(9, round(9.5 * scale)),
        STATUS_COLOURS[activity.status],
        anchor='right',
    )


def _draw_grid(
    image: BgrImage, corner: tuple[int, int], geometry: BarGeometry, full_scale: float
) -> None:
    top, bottom = geometry.bar_area
    scale, size = geometry.scale, max(8, round(9 * geometry.scale))
    left, right = corner[0] + GUTTER * scale, corner[0] + geometry.size[0] - 5 * scale
    for part, opacity in ((0.0, 0.5), (0.5, 0.25), (1.0, 0.25)):
        y = corner[1] + bottom - part * (bottom - top)
        shade(image, (left, y, right, y + max(1, round(scale_line(scale)))), FAINT, opacity)
        write(
            image,
            f'{part * full_scale:g}',
            (left - 3 * scale, y - 0.65 * size),
            size,
            FAINT,
            anchor='right',
        )


def scale_line(scale: float) -> float:
    """Return the thickness of a hair line [px]."""
    return max(1.0, 0.8 * scale)


def _draw_bar(
    image: BgrImage,
    activity: MuscleActivity,
    index: int,
    corner: tuple[int, int],
    geometry: BarGeometry,
    full_scale: float,
) -> None:
    top, bottom = (corner[1] + v for v in geometry.bar_area)
    left, right = (corner[0] + v for v in geometry.bar_span(index))
    value, deviation = float(activity.activation[index]), float(activity.deviation[index])
    if activity.status == Status.INVALID or not np.isfinite(value):
        write(
            image,
            '–',
            ((left + right) / 2, bottom - 20 * geometry.scale),
            max(10, round(14 * geometry.scale)),
            FAINT,
            anchor='centre',
        )
        return
    colour = FAINT if activity.status == Status.STALE else SIDE_COLOURS[activity.side]
    level = bottom - np.clip(value / full_scale, 0.0, 1.0) * (bottom - top)
    _fill(image, (left, level, right, bottom), colour)
    if np.isfinite(deviation):
        reach = np.clip((value + np.array([-deviation, deviation])) / full_scale, 0.0, 1.0)
        _draw_whisker(image, (left + right) / 2, bottom - reach * (bottom - top), geometry.scale)


def _fill(image: BgrImage, box: tuple[float, float, float, float], colour: Rgb) -> None:
    """Fill a box whose top edge is anti-aliased, so that slow changes are seen."""
    left, top, right, bottom = box
    whole = float(np.ceil(top))
    shade(image, (left, whole, right, bottom), colour, 0.95)
    shade(image, (left, whole - 1, right, whole), colour, 0.95 * (whole - top))


def _draw_whisker(image: BgrImage, x: float, reach: np.ndarray, scale: float) -> None:
    cap = 3.5 * scale
    segments = [((x, reach[0]), (x, reach[1])), *(((x - cap, y), (x + cap, y)) for y in reach)]
    # dark below light: to be seen on the bar as well as above it
    for ink, width in ((PANEL, round(3 * scale)), (INK, round(1 * scale))):
        for start, end in segments:
            a, b = ((round(px * 16), round(py * 16)) for px, py in (start, end))
            cv2.line(image, a, b, ink[::-1], max(1, width), cv2.LINE_AA, 4)
