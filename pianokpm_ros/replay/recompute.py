"""Run the stages again on what was recorded, with another model, rig or parameters, without ROS.

From the poses, from the landmarks, or from the videos of the cameras. The same input gives the same
bytes: stamps come from the records, no clock is read, and `publish_stamp` stays 0 since nothing is sent.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pianokpm_ros.anatomy import Side
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.synchronizer import Synchronizer
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.hands.choice import HandSettings
from pianokpm_ros.messages import type_name
from pianokpm_ros.muscle.bundle import ModelBundle
from pianokpm_ros.muscle.estimator import MuscleEstimator
from pianokpm_ros.offline.pipeline import Pipeline, run_pipeline
from pianokpm_ros.offline.topics import topic_of
from pianokpm_ros.recording.layout import LATCHED_TYPES
from pianokpm_ros.recording.reader import read_bag, read_raw
from pianokpm_ros.recording.schemas import knows, serialize
from pianokpm_ros.recording.writer import BagWriter, RecordingError
from pianokpm_ros.records import HandLandmarks, HandPose, KeyMotion, MuscleActivity
from pianokpm_ros.replay.films import detect_in_films, find_films
from pianokpm_ros.replay.selection import StoredMessage

MAX_WAIT = 80_000_000
"""A camera that has no frame for so long is not waited for [ns], as in the node graph."""

SOURCES = ('poses', 'landmarks', 'video')
"""What can be estimated from again."""

MADE = (HandLandmarks, HandPose, KeyMotion, MuscleActivity)
FOREVER = 2**63

Record = HandLandmarks | HandPose | KeyMotion | MuscleActivity


@dataclass(frozen=True)
class Recomputation:
    """What to run again.

    Attributes:
        bundle: model.
        source: one of `SOURCES`.
        rig: calibration for `video` and `landmarks`; None = one camera.
        lookahead: [s], None = the model's own.
        tolerance: largest distance of two frames of one moment [ns]; 0 = half the frame period seen.
        hands: how to find hands in `video`.
    """

    bundle: ModelBundle
    source: str = 'poses'
    rig: Rig | None = None
    lookahead: float | None = None
    tolerance: int = 0
    hands: HandSettings = HandSettings()


def read_inputs(bag: Path | str, *kinds: type) -> Iterator[HandLandmarks | HandPose | KeyMotion]:
    """Yield the records of some kinds in the order in which they were received."""
    for _, record, _ in read_bag(bag, datatypes={type_name(kind) for kind in kinds}):
        yield record


def recompute(bag: Path | str, wanted: Recomputation) -> Iterator[Record]:
    """Yield inputs and new results in order; raises RecordingError where the inputs are missing."""
    if wanted.source not in SOURCES:
        raise RecordingError(
            f'asked to estimate again from {wanted.source!r}; one can from {", ".join(SOURCES)}'
        )
    if wanted.source == 'poses':
        return _from_poses(bag, wanted)
    return (
        _from_landmarks(bag, wanted) if wanted.source == 'landmarks' else _from_video(bag, wanted)
    )


def _make_estimators(wanted: Recomputation) -> dict[Side, MuscleEstimator]:
    return {
        side: MuscleEstimator(wanted.bundle, side, wanted.lookahead)
        for side in (Side.LEFT, Side.RIGHT)
    }


def _from_poses(bag: Path | str, wanted: Recomputation) -> Iterator[Record]:
    estimators, found = _make_estimators(wanted), False
    for record in read_inputs(bag, HandPose, KeyMotion):
        yield record
        if isinstance(record, KeyMotion):
            for estimator in estimators.values():
                estimator.push_keys(record)
        else:
            found = True
            yield estimators[record.side].push_pose(record)
    _demand(found, bag, 'poses')


def _from_landmarks(bag: Path | str, wanted: Recomputation) -> Iterator[Record]:
    periods = find_periods(read_inputs(bag, HandLandmarks))
    _demand(bool(periods), bag, 'landmarks')
    names = tuple(sorted(periods))
    tolerance = wanted.tolerance or min(periods.values()) // 2
    pipeline = _make_pipeline(bag, wanted, names, tolerance)
    hands = ({record.camera: record} for record in read_inputs(bag, HandLandmarks))
    for batch in run_pipeline(pipeline, hands):
        yield from batch.records()


def _from_video(bag: Path | str, wanted: Recomputation) -> Iterator[Record]:
    films = find_films(bag)
    names = tuple(f.name for f in films)
    tolerance = wanted.tolerance or min(f.period for f in films) // 2
    pipeline = _make_pipeline(bag, wanted, names, tolerance)
    with detect_in_films(films, wanted.hands, _choose_rig(bag, wanted, names), tolerance) as hands:
        for batch in run_pipeline(pipeline, hands):
            yield from batch.records()


def _make_pipeline(
    bag: Path | str, wanted: Recomputation, names: tuple[str, ...], tolerance: int
) -> Pipeline:
    return Pipeline(
        Synchronizer(names, tolerance, MAX_WAIT),
        HandTriangulator(_choose_rig(bag, wanted, names)),
        _make_estimators(wanted),
        read_inputs(bag, KeyMotion),
    )


def _choose_rig(bag: Path | str, wanted: Recomputation, names: tuple[str, ...]) -> Rig | None:
    if wanted.rig is None and len(names) > 1:
        raise RecordingError(
            f'{bag} has the cameras {", ".join(names)}; to triangulate again give their rig'
        )
    return wanted.rig.select(names) if wanted.rig else None


def find_periods(hands: Iterable[HandLandmarks]) -> dict[str, int]:
    """Return the median frame period of each camera [ns]."""
    last: dict[str, int] = {}
    steps: dict[str, list[int]] = {}
    for record in hands:
        found = steps.setdefault(record.camera, [])
        if record.camera in last and record.stamp > last[record.camera]:
            found.append(record.stamp - last[record.camera])
        last[record.camera] = record.stamp
    return {name: sorted(s)[len(s) // 2] if s else 2 * MAX_WAIT for name, s in steps.items()}


def _demand(found: bool, bag: Path | str, what: str) -> None:
    if not found:
        raise RecordingError(
            f'asked to estimate again from the {what} of {bag}, which has none; record them, or '
            'choose another source'
        )


def read_others(bag: Path | str) -> Iterator[StoredMessage]:
    """Yield what no recomputation makes anew: EMG, events, calibrations, in the order received."""
    made = {type_name(kind) for kind in MADE}
    for entry in read_raw(bag):
        message = StoredMessage(*entry)
        if message.datatype not in made and knows(message.datatype):
            yield message


def write_recomputation(
    records: Iterable[Record], folder: Path | str, others: Iterable[StoredMessage] = ()
) -> tuple[dict[str, int], str]:
    """Write records to a new bag; returns the number of each topic's messages and a hash of the estimates.

    Args:
        records: what was made anew.
        folder: of the bag.
        others: is put between the records by time, byte by byte as it was.
    """
    digest = hashlib.sha256()
    waiting = deque[StoredMessage]()
    rest = iter(others)
    with BagWriter(folder) as bag:
        for record in records:
            _write_until(bag, record.stamp, waiting, rest)
            bag.write_record(topic_of(record), record)
            if isinstance(record, MuscleActivity):
                digest.update(serialize(record))
        _write_until(bag, FOREVER, waiting, rest)
        return dict(bag.counts), digest.hexdigest()


def _write_until(
    bag: BagWriter, stamp: int, waiting: deque[StoredMessage], rest: Iterator[StoredMessage]
) -> None:
    waiting.extend(islice(rest, 0 if waiting else 1))
    while waiting and waiting[0].time <= stamp:
        message = waiting.popleft()
        bag.write(*message, latched=message.datatype in LATCHED_TYPES)
        waiting.extend(islice(rest, 1))
