"""LSL's clock beside the wall clock, for programs that send streams of known times."""

import time

import pylsl

AT_ONCE = 5e-5
"""Two looks at LSL's clock that are no further apart have nothing between them but a look at the other clock [s]."""


def look_at_clocks() -> tuple[float, int]:
    """Return LSL's clock [s] and the wall clock [ns] at one moment, however busy the machine is."""
    while True:
        before, wall, after = pylsl.local_clock(), time.time_ns(), pylsl.local_clock()
        if after - before < AT_ONCE:
            return (before + after) / 2, wall
