"""Keys as a hand sees them: under each finger, and in a row across the hand.

What each fingertip is over says which finger plays, as far as landmarks are right; the row leaves the choice to the
network. Letters: T ticks, K keys (88), P places.
"""

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Side
from pianokpm_ros.keyboard.layout import KEY_CENTRES, KEY_WIDTH
from pianokpm_ros.muscle.timebase import KeyTicks

FloatArray = NDArray[np.floating]

KEY_SPREAD = 0.012
"""How far sideways a key belongs to a fingertip, 1 sigma [m]: half a white key."""

HAND_BINS, BIN_WIDTH = 21, 0.5 * KEY_WIDTH
"""Places of the row, centred on the middle knuckle: a hand's span of ten white keys, half a key apart."""

BIN_SPREAD = 0.006
"""How far sideways a key belongs to a place of the row, 1 sigma [m]: half a place."""

QUICK = 50.0
"""Stroke speed that counts as 1 [1/s]: a key struck forte."""


def key_features(tips: FloatArray, palm: FloatArray, keys: KeyTicks, side: Side) -> FloatArray:
    """Say how far down, and how hard struck, the keys under the fingers and across the hand are.

    Args:
        tips: (T, 5, 3) [m], keyboard frame, mirrored if `side` is left.
        palm: (T, 3) the middle knuckle, likewise.
        keys: at the ticks.
        side: of the hand.

    Returns:
        (T, 2 (5 + `HAND_BINS`)): positions at fingers and row, then stroke speeds.
    """
    row = palm[:, None, 0] + BIN_WIDTH * (np.arange(HAND_BINS) - HAND_BINS // 2)
    # Few keys are down at once: the others would only cost time.
    moved = np.flatnonzero(keys.position.any(axis=0))
    moved = moved if len(moved) else np.zeros(1, np.int64)
    centres = (-KEY_CENTRES if side == Side.LEFT else KEY_CENTRES)[moved]
    near = [
        _nearness(places, centres, spread)
        for places, spread in ((tips[..., 0], KEY_SPREAD), (row, BIN_SPREAD))
    ]
    return np.concatenate(
        [
            np.max(values[:, None, moved] * n, axis=-1)
            for values in (keys.position, keys.struck / QUICK)
            for n in near
        ],
        axis=1,
    )


def _nearness(places: FloatArray, centres: FloatArray, spread: float) -> FloatArray:
    """How much each of (K,) keys belongs to each of (T, P) places [m], (T, P, K), 0..1; unknown places are NaN."""
    return np.exp(-0.5 * ((places[..., None] - centres) / spread) ** 2)
