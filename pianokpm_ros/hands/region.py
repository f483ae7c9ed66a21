"""The turned square of an image that a hand is looked for in.

MediaPipe's rules (hand_landmarks_to_rect_calculator, rect_transformation_calculator and
palm_detection_detection_to_roi), so that its models see what they were trained with. Pixels here
are MediaPipe's: 0 is the left edge of the first pixel, half a pixel before its centre.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

OUTLINE = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
"""Landmarks without the last two joints of the fingers: a bending finger hardly moves the region."""

LANDMARK_SCALE, LANDMARK_SHIFT = 2.0, -0.1
PALM_SCALE, PALM_SHIFT = 2.6, -0.5


@dataclass(frozen=True)
class Region:
    """A turned square, or its mirror image.

    Attributes:
        x: centre [px].
        y: centre [px].
        size: side [px].
        angle: of the hand against upright, clockwise as seen [rad].
        flipped: left and right change places in the crop, so that a left hand looks like a right one.
    """

    x: float
    y: float
    size: float
    angle: float
    flipped: bool = False

    def flip(self) -> 'Region':
        """Return the mirror image."""
        return replace(self, flipped=not self.flipped)

    def crop_matrix(self, width: int) -> FloatArray:
        """Return the (2, 3) matrix that moves places in a crop of `width` to places in the image [px]."""
        step = self.size / width
        cosine, sine = step * np.cos(self.angle), step * np.sin(self.angle)
        half = width / 2
        matrix = np.array(
            [
                [cosine, -sine, self.x - half * (cosine - sine)],
                [sine, cosine, self.y - half * (cosine + sine)],
            ]
        )
        if self.flipped:
            matrix[:, 2] += width * matrix[:, 0]
            matrix[:, 0] *= -1
        return matrix

    def cut(self, image: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
        """Return the (width, width, 3) crop of a (height, width, 3) image; beyond the border the edge goes on."""
        crop = cv2.warpAffine(
            image,
            replace(self, flipped=False).crop_matrix(width),
            (width, width),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return crop[:, ::-1] if self.flipped else crop

    def overlap(self, other: 'Region') -> float:
        """Return intersection over union of the upright squares of the same centres and sizes."""
        sides = []
        for a, b in ((self.x, other.x), (self.y, other.y)):
            low = max(a - self.size / 2, b - other.size / 2)
            sides.append(max(0.0, min(a + self.size / 2, b + other.size / 2) - low))
        common = sides[0] * sides[1]
        return common / (self.size**2 + other.size**2 - common)


def region_of_landmarks(pixels: FloatArray) -> Region | None:
    """Return the region of a hand by its (21, 2) landmarks [px]; None where the outline isn't known."""
    # Plain numbers: for twelve points numpy's calls would take ten times longer than the arithmetic.
    points = np.asarray(pixels, np.float64).tolist()
    across, down = zip(*(points[i] for i in OUTLINE), strict=True)
    if not math.isfinite(sum(across) + sum(down)):
        return None
    knuckles = [((points[5][k] + points[13][k]) / 2 + points[9][k]) / 2 for k in (0, 1)]
    angle = _upright_angle(points[0], knuckles)
    cosine, sine = math.cos(angle), math.sin(angle)
    turned = [cosine * x + sine * y for x, y in zip(across, down, strict=True)]
    upright = [cosine * y - sine * x for x, y in zip(across, down, strict=True)]
    (x, width), (y, height) = _span(turned), _span(upright)
    centre = cosine * x - sine * y, sine * x + cosine * y
    return _grow(centre, (width, height), angle, LANDMARK_SCALE, LANDMARK_SHIFT)


def region_of_palm(box: FloatArray, wrist: FloatArray, knuckle: FloatArray) -> Region:
    """Return the region of a palm.

    Args:
        box: (4,) centre x, y, width, height [px].
        wrist: (2,) [px].
        knuckle: (2,) of the middle finger [px].
    """
    return _grow(box[:2], box[2:], _upright_angle(wrist, knuckle), PALM_SCALE, PALM_SHIFT)


def _upright_angle(start: Sequence[float], end: Sequence[float]) -> float:
    """Return the turn that brings a line from `start` to `end` up [rad], in [-pi, pi)."""
    angle = math.pi / 2 - math.atan2(-(end[1] - start[1]), end[0] - start[0])
    return angle - 2 * math.pi * math.floor((angle + math.pi) / (2 * math.pi))


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Return the middle and the extent."""
    low, high = min(values), max(values)
    return (low + high) / 2, high - low


def _grow(
    centre: Sequence[float], extent: Sequence[float], angle: float, scale: float, shift: float
) -> Region:
    """Shift a box along its height, make it square on its long side and scale it."""
    along = shift * extent[1]
    x, y = centre[0] - math.sin(angle) * along, centre[1] + math.cos(angle) * along
    return Region(float(x), float(y), float(max(extent) * scale), float(angle))
