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

FLOOR = 6.0
"""And by this much in any case, in pictures 640 px wide [px]: networks disagree by less about a joint."""


@dataclass
class ViewError:
    """What is known of one camera.

    Attributes:
        width: of its pictures [px].
        count: hands taken into account.
    """

    width: int
    count: int = 0
    _latest: deque[float] = field(default_factory=lambda: deque(maxlen=MEMORY))

    @property
    def error(self) -> float:
        """Median of how far its landmarks were from where the others put them [px]: a detector's slips don't count."""
        return float(np.median(self._latest)) if self._latest else math.nan

    def push(self, distance: float) -> None:
        """Take one hand in one set into account."""
        if math.isfinite(distance):
            self._latest.append(distance)
            self.count += 1


class ViewCheck:
    """Watches the cameras of a rig."""

    def __init__(self) -> None:
        self.views: dict[str, ViewError] = {}

    def push(self, camera: str, width: int, distance: float) -> None:
        """Take the median distance of a hand's landmarks in one view from the triangulated hand's picture [px]."""
        self.views.setdefault(camera, ViewError(width)).push(distance)

    @property
    def errors(self) -> dict[str, float]:
        """How far each camera is from the others [px]; NaN = not known yet."""
        return {n: v.error if v.count >= LEAST else math.nan for n, v in self.views.items()}

    @property
    def suspects(self) -> tuple[str, ...]:
        """Cameras that disagree; with fewer than three nobody can tell which is wrong."""
        parts = {n: e / self.views[n].width * 640 for n, e in self.errors.items() if e == e}
        if len(parts) < 3:
            return ()
        found = []
        for name, part in parts.items():
            others = float(np.median([p for n, p in parts.items() if n != name]))
            if part > FLOOR and part > FACTOR * others:
                found.append(name)
        return tuple(found)
