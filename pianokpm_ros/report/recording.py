"""Read what a report is about: a bag, a result of `pianokpm estimate`, or a simulated take.

Letters: T ticks of a common time base at `RATE`, M muscles.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import MUSCLES, Side, Status
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.keyboard.key_presses import KeyPress, find_presses
from pianokpm_ros.offline.tracks import known_tracks, thin
from pianokpm_ros.recording.events import EVENT_TOPIC, SessionEvent, list_trials
from pianokpm_ros.recording.layout import find_bag
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.records import EmgBlock, KeyMotion, MuscleActivity, Normalization
from pianokpm_ros.report.measured import MeasuredEmg, place_emg
from pianokpm_ros.takes import SIDES, load_take
from pianokpm_ros.tracks import ActivityTrack
from pianokpm_ros.view.bars import NORMALIZATION_WORDS
from pianokpm_ros.view.palette import label_estimate

FloatArray = NDArray[np.floating]

RATE = 100.0
"""Of the time base [Hz]: ten times the bandwidth of an envelope."""

STEP = round(1e9 / RATE)
LONGEST = 4 * 3600
"""Stamps further apart than this are of different clocks [s]."""

TRUTH_LABEL = 'simulated, not estimated and not a person'


class ReportError(PianokpmError, ValueError):
    """There is nothing a report could be made of."""


@dataclass(frozen=True, eq=False)
class Signal:
    """The activity of one hand on the common time base.

    Attributes:
        side: hand.
        muscle: M names.
        value: (T, M), NaN = unknown.
        deviation: (T, M) 1 sigma, NaN = unknown.
        confidence: (T,) 0..1, NaN = unknown.
        status: (T,) `Status`, `INVALID` where nothing is known.
    """

    side: Side
    muscle: tuple[str, ...]
    value: FloatArray
    deviation: FloatArray
    confidence: FloatArray
    status: NDArray[np.uint8]

    @property
    def known(self) -> float:
        """Part of the time at which the activity is known, 0..1."""
        return float(np.isfinite(self.value).all(axis=1).mean()) if len(self.value) else 0.0


@dataclass(frozen=True, eq=False)
class Recording:
    """What a report is about.

    Attributes:
        name: of the file or folder.
        origin: stamp of tick 0 [ns].
        ticks: T.
        signals: of each hand that is known at any time.
        presses: keys, by start.
        label: what the values are: estimated, or simulated.
        unit: what 1.0 stands for, in words.
        model: model name and hash, empty for simulations.
        measured: EMG recorded meanwhile, None = none.
    """

    name: str
    origin: int
    ticks: int
    signals: dict[Side, Signal]
    presses: list[KeyPress]
    label: str
    unit: str
    model: str
    measured: MeasuredEmg | None = None

    @property
    def duration(self) -> float:
        """Length [s]."""
        return self.ticks / RATE

    def seconds(self, stamp: int) -> float:
        """Return a stamp [ns] as time after the origin [s]."""
        return (stamp - self.origin) * 1e-9


def load_recording(path: Path | str) -> Recording:
    """Read a bag folder or file, a result folder, or a take folder."""
    path = Path(path)
    if not path.exists():
        raise ReportError(
            f'asked for a report on {path}, which does not exist; name a bag, a result of `pianokpm '
            'estimate`, or a take'
        )
    if (path / 'take.json').is_file():
        return _from_take(path)
    return _from_bag(find_bag(path), path.stem if path.is_file() else path.name)


def _from_bag(bag: Path, name: str) -> Recording:
    motions: list[KeyMotion] = []
    blocks: list[EmgBlock] = []
    events: list[SessionEvent] = []
    count = 0

    def estimates() -> Iterable[MuscleActivity]:
        nonlocal count
        for topic, record, _ in read_bag(bag):
            if isinstance(record, KeyMotion):
                motions.append(record)
            elif isinstance(record, EmgBlock):
                blocks.append(record)
            elif topic.endswith(EVENT_TOPIC):
                events.append(SessionEvent.from_json(record.data))
            elif isinstance(record, MuscleActivity):
                count += 1
                yield thin(record, max(1, round(record.sample_rate / RATE)))

    tracks = known_tracks(estimates())
    if count and not tracks:
        raise ReportError(
            f'{bag}: in none of its {count} estimates any muscle is known; see with `pianokpm view` whether hands '
            'were found, and for long enough'
        )
    if not tracks:
        raise ReportError(
            f'{bag} holds no estimate of any muscle; record while muscle_estimation_node runs, or name '
            'another bag'
        )
    presses = find_presses(motions)
    first, last = _span(bag, tracks, presses)
    ticks = (last - first) // STEP + 1
    signals = {side: _place(track, first, ticks) for side, track in tracks.items()}
    newest = next(iter(tracks.values())).last
    simulated = all(t.last.simulated_training for t in tracks.values())
    unit = NORMALIZATION_WORDS.get(Normalization(newest.normalization), 'unknown scale')
    measured = place_emg(blocks, list_trials(events, last)[1], first, ticks, STEP)
    label = label_estimate(simulated)
    return Recording(name, first, ticks, signals, presses, label, unit, newest.model_id, measured)


def _span(
    bag: Path, tracks: dict[Side, ActivityTrack], presses: list[KeyPress]
) -> tuple[int, int]:
    """Return the first and last stamp of what is known [ns]."""
    first = min(int(t.stamp[0]) for t in tracks.values())
    last = max(int(t.stamp[-1]) for t in tracks.values())
    inside = [p for p in presses if first - 10**10 < p.start < last + 10**10]
    first = min([first, *(p.start for p in inside)])
    last = max([last, *(p.end for p in inside)])
    if (last - first) * 1e-9 > LONGEST:
        raise ReportError(
            f'{bag}: stamps reach over {(last - first) * 1e-9 / 3600:.1f} h, as if the clock had been set; '
            'record again, or cut the bag'
        )
    return first, last


def _place(track: ActivityTrack, origin: int, ticks: int) -> Signal:
    """Put a track's samples on the common time base; ticks without one stay unknown."""
    width = len(track.muscle)
    value, deviation = (np.full((ticks, width), np.nan) for _ in range(2))
    confidence, status = np.full(ticks, np.nan), np.zeros(ticks, np.uint8)
    index = np.rint((track.stamp - origin) / STEP).astype(np.int64)
    index = np.clip(index, 0, ticks - 1)
    usable = track.status >= Status.DEGRADED
    value[index[usable]] = track.envelope[usable]
    deviation[index[usable]] = track.deviation[usable]
    confidence[index], status[index] = track.confidence, track.status
    return Signal(track.side, track.muscle, value, deviation, confidence, status)


def _from_take(path: Path) -> Recording:
    take = load_take(path)
    p = take.performance
    ticks = int(p.envelope_stamp[-1]) // STEP + 1
    index = np.searchsorted(p.envelope_stamp, np.arange(ticks) * STEP)
    index = np.minimum(index, len(p.envelope_stamp) - 1)
    signals = {}
    for i, side in enumerate(SIDES):
        value = p.envelope[i][index].astype(float)
        unknown = np.full(value.shape, np.nan)
        sure, good = np.full(ticks, np.nan), np.full(ticks, Status.OK, np.uint8)
        signals[side] = Signal(side, MUSCLES, value, unknown, sure, good)
    presses = find_presses(take.sensor_keys().records(p.duration))
    return Recording(p.name, 0, ticks, signals, presses, TRUTH_LABEL, 'fraction of MVC', '')
