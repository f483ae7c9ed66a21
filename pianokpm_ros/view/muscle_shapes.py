"""Where the six muscles lie in a hand, as spindles between its landmarks.

A picture for people, not anatomy to measure by: origin and insertion follow the text-book (Gray's
Anatomy, 41st ed., ch. 50: dorsal interossei rise from both metacarpals and insert at the finger that
they spread; abductor pollicis brevis from the flexor retinaculum to the thumb's first phalanx; abductor
digiti minimi from the pisiform bone to the little finger's), thickness is drawn larger than life.
Letters: M muscles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import LANDMARKS, Side

FloatArray = NDArray[np.floating]

PALM_LENGTH = 0.09
"""Wrist to middle knuckle of the hand that the offsets below are for [m]."""


@dataclass(frozen=True)
class Spot:
    """A place in the hand: a mean of landmarks, moved towards the back of the hand and the thumb's side [m]."""

    weights: Mapping[str, float]
    dorsal: float = 0.0
    radial: float = 0.0


@dataclass(frozen=True)
class Spindle:
    """A muscle's belly: from, to, and radius at its middle [m]."""

    origin: Spot
    insertion: Spot
    radius: float


def _between(first: str, second: str) -> Spot:
    """Return the origin of an interosseous muscle, between two metacarpal bones."""
    return Spot({'wrist': 0.56, f'{first}_mcp': 0.22, f'{second}_mcp': 0.22}, dorsal=0.008)


SPINDLES: dict[str, Spindle] = {
    'ADM': Spindle(
        Spot({'wrist': 0.74, 'little_mcp': 0.26}, radial=-0.012, dorsal=0.001),
        Spot({'little_mcp': 0.85, 'little_pip': 0.15}, radial=-0.010, dorsal=0.002),
        0.0065,
    ),
    'APB': Spindle(
        Spot({'wrist': 0.6, 'thumb_cmc': 0.4}, radial=0.010, dorsal=-0.004),
        Spot({'thumb_mcp': 1.0}, radial=0.010, dorsal=-0.002),
        0.0075,
    ),
    '1DI': Spindle(
        Spot({'thumb_cmc': 0.3, 'thumb_mcp': 0.2, 'wrist': 0.2, 'index_mcp': 0.3}, dorsal=0.004),
        Spot({'index_mcp': 0.95, 'index_pip': 0.05}, radial=0.007, dorsal=0.003),
        0.0085,
    ),
    '2DI': Spindle(
        _between('index', 'middle'), Spot({'middle_mcp': 1.0}, radial=0.006, dorsal=0.006), 0.005
    ),
    '3DI': Spindle(
        _between('middle', 'ring'), Spot({'middle_mcp': 1.0}, radial=-0.006, dorsal=0.006), 0.005
    ),
    '4DI': Spindle(
        _between('ring', 'little'), Spot({'ring_mcp': 1.0}, radial=-0.006, dorsal=0.006), 0.005
    ),
}
"""Each muscle that can be drawn."""

_WRIST, _INDEX, _MIDDLE, _LITTLE = (
    LANDMARKS.index(n) for n in ('wrist', 'index_mcp', 'middle_mcp', 'little_mcp')
)


def palm_axes(landmarks: FloatArray, side: Side) -> FloatArray:
    """Return (3, 3) rows: to the thumb's side, to the fingers, out of the back of the hand.

    Args:
        landmarks: (21, 3) [m], any right-handed frame.
        side: of the hand.
    """
    index, little = (landmarks[i] - landmarks[_WRIST] for i in (_INDEX, _LITTLE))
    along = landmarks[_MIDDLE] - landmarks[_WRIST]
    right = np.cross(along, np.cross(little, index))
    along, right = (v / np.maximum(np.linalg.norm(v), 1e-9) for v in (along, right))
    # `little x index` points out of the back of a right hand, and out of the palm of a left one.
    if side == Side.RIGHT:
        return np.stack([-right, along, np.cross(right, along)])
    return np.stack([-right, along, np.cross(along, right)])


def place_spindles(landmarks: FloatArray, side: Side, muscles: Sequence[str]) -> FloatArray:
    """Place muscles in a hand.

    Args:
        landmarks: (21, 3) [m], NaN = unknown.
        side: of the hand.
        muscles: M names; those that nobody knows how to draw get NaN.

    Returns:
        (M, 7): origin, insertion, radius [m] in the frame of the landmarks.
    """
    thumb, _, back = palm_axes(landmarks, side)
    size = float(np.linalg.norm(landmarks[_MIDDLE] - landmarks[_WRIST])) / PALM_LENGTH
    made = np.full((len(muscles), 7), np.nan)
    for row, name in zip(made, muscles, strict=True):
        spindle = SPINDLES.get(name)
        if spindle is None:
            continue
        for place, spot in ((row[:3], spindle.origin), (row[3:6], spindle.insertion)):
            place[:] = sum(w * landmarks[LANDMARKS.index(n)] for n, w in spot.weights.items())
            place += size * (spot.dorsal * back + spot.radial * thumb)
        row[6] = size * spindle.radius
    return made
