"""Key presses out of recorded key motion."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pianokpm_ros.anatomy import Side
from pianokpm_ros.records import KeyMotion

PRESSED = 0.5
"""Position from which a key counts as down; the sound's escapement lies about there."""


@dataclass(frozen=True)
class KeyPress:
    """One key going down and up again.

    Attributes:
        key: MIDI number.
        start: [ns].
        end: [ns].
        side: hand that pressed it, unknown where nobody said.
    """

    key: int
    start: int
    end: int
    side: Side = Side.UNKNOWN


def find_presses(motions: Iterable[KeyMotion], threshold: float = PRESSED) -> list[KeyPress]:
    """List the presses in key motion, by start; keys still down at the end last until the last sample."""
    down: dict[int, int] = {}
    presses, last = [], 0
    for motion in motions:
        stamps = motion.stamp + np.rint(np.asarray(motion.time, np.float64) * 1e9).astype(np.int64)
        last = max(last, motion.stamp, *stamps.tolist())
        for stamp, key, position in zip(
            stamps.tolist(), motion.key.tolist(), motion.position.tolist(), strict=True
        ):
            if position >= threshold:
                down.setdefault(key, stamp)
            elif key in down:
                presses.append(KeyPress(key, down.pop(key), stamp))
    presses += [KeyPress(key, start, last) for key, start in down.items()]
    return sorted(presses, key=lambda press: (press.start, press.key))
