"""Notice a camera that goes on disagreeing with the others: moved, delayed, frozen, or wrongly calibrated."""

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

MEMORY = 60
"""Hands over which a camera's usual disagreement is taken: two seconds of one at 30 frames/s."""

LEAST = 20
"""Sets of which a camera must have been part before it is judged."""

FACTOR = 2.5
"""A camera is suspect when it is off by this many times what the others are."""

FLOOR = 0.008
"""And by this much in any case, at the hand [m]: networks disagree by less about a joint."""


@dataclass
class ViewError:
    """What is known of one camera.

    Attributes:
        count: hands taken into account.
    """

    count: int = 0
    _latest: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=MEMORY))

    @property
    def errors(self) -> tuple[float, float]:
        """Medians of how far its landmarks were from where the others put them, in its pictures [px] and at the
        hand [m]: a detector's slips don't count."""
        if self.count < LEAST:
            return math.nan, math.nan
        pixels, metres = np.median(self._latest, axis=0)
        return float(pixels), float(metres)

    def push(self, pixels: float, metres: float) -> None:
        """Take one hand in one set into account."""
        if math.isfinite(pixels) and math.isfinite(metres):
            self._latest.append((pixels, metres))
            self.count += 1


class ViewCheck:
    """Watches the cameras of a rig."""

    def __init__(self) -> None:
        self.views: dict[str, ViewError] = {}

    def push(self, camera: str, pixels: float, metres: float) -> None:
        """Take the median distance of a hand's landmarks from the triangulated hand, in the picture and at the hand."""
        self.views.setdefault(camera, ViewError()).push(pixels, metres)

    @property
    def errors(self) -> dict[str, float]:
        """How far each camera is from the others [px]; NaN = not known yet."""
        return {n: v.errors[0] for n, v in self.views.items()}

    @property
    def suspects(self) -> tuple[str, ...]:
        """Cameras that disagree; with fewer than three nobody can tell which is wrong."""
        away = self._away
        if len(away) < 3:
            return ()
        found = []
        for name, far in away.items():
            others = float(np.median([f for n, f in away.items() if n != name]))
            if far > FLOOR and far > FACTOR * others:
                found.append(name)
        return tuple(found)

    @property
    def at_odds(self) -> tuple[str, ...]:
        """Both of two cameras that contradict each other; either may be the wrong one."""
        away = self._away
        return tuple(away) if len(away) == 2 and min(away.values()) > FLOOR else ()

    @property
    def _away(self) -> dict[str, float]:
        """How far each camera that can be judged is off at the hand [m]."""
        return {n: far for n, v in self.views.items() if (far := v.errors[1]) == far}
