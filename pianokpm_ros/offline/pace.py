"""How fast this machine can follow a take, measured on its first frames."""

import time
from itertools import islice

from pianokpm_ros.hands.choice import HandSettings, make_workers
from pianokpm_ros.offline.inputs import inputs_of_take
from pianokpm_ros.takes import Take

WARM_UP, MEASURED = 10, 20
"""Sets of frames before measuring, in which models are loaded and palms looked for, and in it."""

HEADROOM = 0.6
"""Part of the measured speed that is asked for: the rest of the graph, recording and watching need theirs."""

SLOWEST = 0.1
STEPS = 20
"""Rates below real time are whole parts of this."""


def measure_speed(take: Take, settings: HandSettings) -> float:
    """Return how many sets of frames a second hands are found in [Hz], as capture does it: all views at once."""
    capture = inputs_of_take(take).open_capture()
    workers = make_workers(settings, tuple(take.videos), take.rig)
    try:
        sets = capture.read_all()
        for frames in islice(sets, WARM_UP):
            workers.process(frames)
        start, count = time.perf_counter(), 0
        for frames in islice(sets, MEASURED):
            workers.process(frames)
            count += 1
        return count / (time.perf_counter() - start) if count else float('inf')
    finally:
        capture.close()
        workers.close()


def choose_rate(speed: float, wanted: float) -> float:
    """Choose the playback rate: 1, or slower where the machine can't keep up, rather than dropping frames.

    Args:
        speed: sets of frames a second that it can do [Hz].
        wanted: of the take [Hz].
    """
    possible = HEADROOM * speed / wanted
    return 1.0 if possible >= 1 else max(SLOWEST, int(possible * STEPS) / STEPS)
