"""The vertical course of a fingertip: wait, strike, hold, let go; speed and depth follow MIDI velocity.

Heights are of the fingertip's pad over the top of its key [m]; the key bed lies at -`DIP`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.simulation.people import Technique

from pianokpm_ros.keyboard.key_samples import DIP, ESCAPEMENT, LEVER

FloatArray = NDArray[np.floating]

SLOWEST = 0.30
FASTEST = 0.036
"""Longest and shortest time of the whole downward motion [s]."""

LETTING_GO = 0.11
"""Time a finger takes up from the key bed [s]."""


def ease(u: FloatArray) -> FloatArray:
    """Minimum-jerk course from 0 to 1 for u from 0 to 1 (Flash and Hogan 1985)."""
    u = np.clip(u, 0.0, 1.0)
    return u**3 * (10 - 15 * u + 6 * u**2)


_U = np.linspace(0, 1, 401)
_S = ease(_U)
_SLOPE = 30 * _U**2 * (1 - _U) ** 2


def key_speed(velocity: float) -> float:
    """Speed of a key at its escapement [m/s]: MIDI = 52 + 25 log2(hammer speed) (Goebl and Bresin 2003)."""
    return 2 ** ((velocity - 52) / 25) / LEVER


@dataclass(frozen=True)
class Stroke:
    """One note's vertical motion.

    Attributes:
        start: of the downward motion [s].
        bottom: its end [s].
        release: beginning of the upward motion [s].
        free: its end [s].
        lift: height before the stroke [m].
        depth: of the bottom, negative [m].
    """

    start: float
    bottom: float
    release: float
    free: float
    lift: float
    depth: float

    def course(self, time: FloatArray, after: float) -> FloatArray:
        """Height at times between `start` and `free`; `after` is the height it goes up to [m]."""
        down = self.lift + (self.depth - self.lift) * ease(
            (time - self.start) / (self.bottom - self.start)
        )
        up = (after - self.depth) * ease((time - self.release) / (self.free - self.release))
        return down + up


def plan_stroke(note: Note, technique: Technique, before: float, after: float) -> Stroke:
    """Plan a note's stroke so that the key passes its escapement at the onset with the speed of its velocity.

    Args:
        note: what is played.
        technique: of the person.
        before: time since this finger's last note was let go [s].
        after: time from this note's end to the finger's next onset [s].
    """
    speed = key_speed(note.velocity) ** technique.softness * 0.2 ** (1 - technique.softness)
    depth = -DIP * (0.92 + 0.08 * min(1.0, note.velocity / 64))
    loud = np.clip((note.velocity - 15) / 60, 0.12, 1.4)
    lift = float(technique.lift * loud * min(1.0, before / 0.3))
    reached = (lift + ESCAPEMENT * DIP) / (lift - depth)
    place = float(np.interp(reached, _S, _U))
    lasting = float(np.interp(place, _U, _SLOPE)) * (lift - depth) / speed
    lasting = float(np.clip(lasting, FASTEST, min(SLOWEST, max(0.9 * before, FASTEST))))
    start = note.onset - place * lasting
    bottom = start + lasting
    release = max(note.onset + note.duration - 0.3 * LETTING_GO, bottom + 0.004)
    return Stroke(
        start, bottom, release, release + min(LETTING_GO, max(0.045, 0.6 * after)), lift, depth
    )
