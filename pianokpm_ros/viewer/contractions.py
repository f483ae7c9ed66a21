"""Maximum contractions of a guided session, which EMG is scaled by: while they happen, or out of a recording."""

import logging
from collections.abc import Iterable

import numpy as np

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.processing import (
    RAW,
    ProcessingError,
    envelope,
    find_line_peaks,
    fit_settings,
)
from pianokpm_ros.emg.running_envelope import RATE
from pianokpm_ros.recording.emg import EmgSignal, find_strongest, join_emg, measure_mvc
from pianokpm_ros.recording.events import SessionEvent, Trial, list_trials
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.records import EmgBlock
from pianokpm_ros.viewer.measured import Amplitudes, Measured

logger = logging.getLogger(__name__)


class Contractions:
    """Follow the events of sessions; of the last one what its contractions gave is known."""

    def __init__(self) -> None:
        self._events: list[SessionEvent] = []
        self._found: dict[int, dict[tuple[Side, str], float]] = {}

    @property
    def running(self) -> bool:
        """Whether a contraction goes on."""
        last = self._events[-1] if self._events else None
        return last is not None and (last.action, last.kind) == ('begin', 'mvc')

    def hear(self, event: SessionEvent, measured: Measured | None) -> None:
        """Take an event; what was measured in a contraction that it ends is looked at."""
        if event.action == 'session':
            self._events, self._found = [], {}
        self._events.append(event)
        for trial in self._trials():
            if trial.begin not in self._found and measured is not None:
                self._found[trial.begin] = measure_contraction(trial, measured)

    def amplitudes(self) -> dict[tuple[Side, str], float]:
        """Return the strongest of each muscle, in the unit of the EMG."""
        best: dict[tuple[Side, str], float] = {}
        for trial in self._trials():
            for muscle, value in self._found.get(trial.begin, {}).items():
                best[muscle] = max(value, best.get(muscle, 0.0))
        return best

    def _trials(self) -> list[Trial]:
        return [t for t in list_trials(self._events)[1] if t.kind == 'mvc']


def measure_contraction(trial: Trial, measured: Measured) -> dict[tuple[Side, str], float]:
    """Return how strong the muscle of a trial was, on each hand that it may be about."""
    name, wanted = trial.details.get('muscle'), trial.details.get('side')
    found = {}
    for side, hand in measured.hands.items():
        if name not in hand.muscle or (wanted and side.label != wanted):
            continue
        stamp, value = hand.trace.since(trial.begin)
        inside = (stamp >= trial.begin) & (stamp <= trial.end)
        course = value[inside, hand.muscle.index(name)] if len(stamp) else np.zeros(0)
        best = find_strongest(course, RATE)
        if np.isfinite(best):
            found[side, name] = best
    return found


def measure_recording(events: Iterable[SessionEvent], blocks: Iterable[EmgBlock]) -> Amplitudes:
    """Return what the contractions of a recording gave, empty where there are none or their EMG can't be read."""
    try:
        trials = [t for t in list_trials(events)[1] if t.kind == 'mvc']
        emg = join_emg(list(blocks)) if trials else None
        return _measure(emg, trials) if emg is not None else {}
    except (RecordingError, ProcessingError) as error:
        logger.warning('EMG has no scale but its own: %s', error)
        return {}


def _measure(emg: EmgSignal, trials: list[Trial]) -> Amplitudes:
    values = np.asarray(emg.samples, np.float64)
    if emg.processing == RAW:
        settings = fit_settings(emg.rate, notch=find_line_peaks(values, emg.rate))
        values = envelope(values, emg.rate, settings)
    best = measure_mvc(emg, values, trials)
    return {
        (Side(int(side)), name): float(value)
        for name, side, value in zip(emg.channel, emg.side, best, strict=True)
        if np.isfinite(value)
    }
