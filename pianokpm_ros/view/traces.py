"""The last seconds of all muscles of a hand as small curves, one above the other, now at the right edge."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Side
from pianokpm_ros.stretches import finite_stretches
from pianokpm_ros.view.lettering import BgrImage, write
from pianokpm_ros.view.palette import FAINT, INK, PANEL, SIDE_COLOURS, mix

FloatArray = NDArray[np.floating]
Box = tuple[int, int, int, int]

DEVIATION_PART = 0.35
"""How much of the side's colour the band of one deviation has."""

DASH, DASH_LENGTH = 6, 4
"""Points from one dash of a simulated curve to the next, and in a dash."""

SHIFT = 4


@dataclass(frozen=True, eq=False)
class Traces:
    """Curves of one hand.

    Attributes:
        side: hand.
        muscle: M names.
        seconds: (N,) times relative to now, negative.
        envelope: (N, M), NaN = unknown.
        deviation: (N, M).
        simulated_seconds: (K,) likewise, for the simulation's curves; empty = none known.
        simulated: (K, M).
    """

    side: Side
    muscle: Sequence[str]
    seconds: FloatArray
    envelope: FloatArray
    deviation: FloatArray
    simulated_seconds: FloatArray
    simulated: FloatArray


def draw_traces(
    image: BgrImage, box: Box, traces: Traces, window: float, full_scale: float, size: int
) -> None:
    """Draw curves into a part of an image, in place.

    Args:
        image: (height, width, 3) BGR.
        box: (left, top, right, bottom) [px].
        traces: what to draw.
        window: how far the left edge lies back [s].
        full_scale: activation at the top of each row.
        size: of the letters [px].
    """
    left, top, right, bottom = box
    gutter = 3 * size
    height = (bottom - top) / len(traces.muscle)
    for index, name in enumerate(traces.muscle):
        base = top + (index + 1) * height - 2
        area = (left + gutter, base - 0.88 * height, right, base)
        write(
            image,
            name,
            (left + gutter - 0.4 * size, base - 1.15 * size),
            size,
            INK,
            anchor='right',
        )
        cv2.line(
            image,
            (left + gutter, round(base)),
            (right, round(base)),
            mix(PANEL, FAINT, 0.35)[::-1],
        )
        _draw_row(image, area, traces, index, window, full_scale)


def _draw_row(
    image: BgrImage,
    area: tuple[float, float, float, float],
    traces: Traces,
    index: int,
    window: float,
    full_scale: float,
) -> None:
    colour = SIDE_COLOURS[traces.side]

    def place(seconds: FloatArray, values: FloatArray) -> FloatArray:
        left, top, right, bottom = area
        x = right + seconds / window * (right - left)
        y = bottom - np.clip(values / full_scale, 0.0, 1.0) * (bottom - top)
        return np.stack([x, y], axis=-1)

    value, deviation = traces.envelope[:, index], traces.deviation[:, index]
    for a, b in finite_stretches(value, 2):
        seconds = traces.seconds[a:b]
        spread = np.nan_to_num(deviation[a:b])
        rim = np.concatenate(
            [
                place(seconds, value[a:b] + spread),
                place(seconds[::-1], (value[a:b] - spread)[::-1]),
            ]
        )
        cv2.fillPoly(
            image, [_fixed(rim)], mix(PANEL, colour, DEVIATION_PART)[::-1], cv2.LINE_AA, SHIFT
        )
        _polyline(image, place(seconds, value[a:b]), colour, 2)
    if len(traces.simulated_seconds):
        line = place(traces.simulated_seconds, traces.simulated[:, index])
        for a in range(0, len(line) - 1, DASH):
            if np.isfinite(dash := line[a : a + DASH_LENGTH]).all():
                _polyline(image, dash, INK, 1)


def _fixed(points: FloatArray) -> NDArray[np.int32]:
    return np.rint(points * (1 << SHIFT)).astype(np.int32)


def _polyline(
    image: BgrImage, points: FloatArray, colour: tuple[int, int, int], width: int
) -> None:
    cv2.polylines(image, [_fixed(points)], False, colour[::-1], width, cv2.LINE_AA, SHIFT)
