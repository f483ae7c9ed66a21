"""MediaPipe's palm detector: finds hands in a whole image, once, so that they can be followed.

Input, anchors, decoding and suppression as in MediaPipe's palm_detection_cpu graph (SSD with 2016
anchors on grids of 24 and 12 cells, letterboxed image of 192 x 192).
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.hands.region import Region, region_of_palm

FloatArray = NDArray[np.floating]

WIDTH = 192
GRIDS = ((24, 2), (12, 6))
"""Cells a side and anchors a cell."""

WRIST, KNUCKLE = 0, 2
SUPPRESSION = 0.3
"""Boxes that overlap more than this are one palm."""


def make_anchors() -> FloatArray:
    """Return the (2016, 2) centres of the anchors, in parts of the input."""
    centres = []
    for cells, count in GRIDS:
        line = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
        centres.append(np.repeat(grid, count, axis=0))
    return np.concatenate(centres)


ANCHORS = make_anchors()


def find_palms(
    image: NDArray[np.uint8],
    run: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
    min_score: float = 0.5,
    count: int = 2,
) -> list[Region]:
    """Return the regions of up to `count` hands, best first.

    Args:
        image: (height, width, 3) BGR.
        run: the model: (1, 192, 192, 3) RGB 0..1 to (2016, 18) boxes with points, (2016,) logits.
        min_score: least probability.
        count: how many palms.
    """
    picture, scale, margin = _letterbox(image)
    boxes, logits = run(picture)
    score = 1 / (1 + np.exp(-np.clip(logits, -100, 100)))
    good = np.flatnonzero(score >= min_score)
    found = _suppress(_decode(boxes[good], ANCHORS[good]), score[good])[:count]
    regions = []
    for values in found:
        pairs = values.reshape(9, 2)
        points, size = (pairs - margin) / scale, pairs[1] / scale
        box = np.concatenate([points[0], size])
        regions.append(region_of_palm(box, points[2 + WRIST], points[2 + KNUCKLE]))
    return regions


def _letterbox(image: NDArray[np.uint8]) -> tuple[FloatArray, float, FloatArray]:
    """Return the model's input, its pixels per image pixel and the (2,) margin in input pixels."""
    height, width = image.shape[:2]
    scale = WIDTH / max(width, height)
    margin = (WIDTH - scale * np.array([width, height])) / 2
    matrix = np.array([[1 / scale, 0, -margin[0] / scale], [0, 1 / scale, -margin[1] / scale]])
    small = cv2.warpAffine(
        image,
        matrix,
        (WIDTH, WIDTH),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )
    picture = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
    return picture[None].astype(np.float32) / 255, scale, margin


def _decode(boxes: FloatArray, anchors: FloatArray) -> FloatArray:
    """Return (P, 18): centre, width and height, then seven points, all in input pixels."""
    values = np.array(boxes, np.float64).reshape(-1, 18)
    moved = np.tile(anchors * WIDTH, (1, 9))
    moved[:, 2:4] = 0
    return values + moved


def _suppress(values: FloatArray, score: FloatArray) -> list[FloatArray]:
    """Merge what overlaps, weighted by score (MediaPipe's weighted non-maximum suppression)."""
    order, merged = np.argsort(-score, kind='stable'), []
    while len(order):
        close = _overlaps(values[order[0]], values[order]) > SUPPRESSION
        close[0] = True
        group = order[close]
        merged.append(np.average(values[group], axis=0, weights=score[group]))
        order = order[~close]
    return merged


def _overlaps(box: FloatArray, others: FloatArray) -> FloatArray:
    low = np.maximum(box[:2] - box[2:4] / 2, others[:, :2] - others[:, 2:4] / 2)
    high = np.minimum(box[:2] + box[2:4] / 2, others[:, :2] + others[:, 2:4] / 2)
    common = np.prod(np.maximum(high - low, 0), axis=1)
    union = box[2:4].prod() + others[:, 2:4].prod(axis=1) - common
    return common / np.maximum(union, 1e-9)
