"""The first pass over the videos: estimate, write what comes out, and follow how good it is."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.capture.multi_capture import Frames, MultiCapture
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.hand_size import HandSize
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.single_view import assume_camera
from pianokpm_ros.geometry.synchronizer import SyncCounters, Synchronizer
from pianokpm_ros.geometry.triangulator import HandTriangulator
from pianokpm_ros.hands.choice import HandSettings, make_workers
from pianokpm_ros.muscle.bundle import ModelBundle
from pianokpm_ros.muscle.estimator import MuscleEstimator
from pianokpm_ros.offline.inputs import InputError, Inputs
from pianokpm_ros.offline.pipeline import (
    Batch,
    Moment,
    Pipeline,
    SetDetector,
    StageTimes,
    detect_ahead,
    run_pipeline,
)
from pianokpm_ros.offline.quality import PoseQuality
from pianokpm_ros.offline.sight import SightCounter
from pianokpm_ros.offline.tables import (
    Table,
    envelope_columns,
    envelope_fields,
    pose_columns,
    pose_fields,
)
from pianokpm_ros.offline.topics import topic_of
from pianokpm_ros.offline.truth import LandmarkError
from pianokpm_ros.recording.writer import BagWriter
from pianokpm_ros.records import HandPose, KeyMotion, MuscleActivity
from pianokpm_ros.view.palette import label_estimate

MAX_WAIT = 80_000_000
"""A camera that has no frame for so long is not waited for [ns], as in the node graph."""


@dataclass(frozen=True)
class EstimateSettings:
    """How to estimate.

    Attributes:
        hands: how to find hands.
        lookahead: of the muscles [s]; None = the model's own choice, which is one for live use.
        formats: of the tables.
    """

    hands: HandSettings = HandSettings()
    lookahead: float | None = None
    formats: tuple[str, ...] = ('csv', 'parquet')


@dataclass(eq=False)
class Analysis:
    """What the first pass found.

    Attributes:
        quality: of poses and estimates.
        sight: what each view found.
        times: spent in each stage.
        sync: what the synchroniser counted.
        cameras: calibrated, or the assumed one.
        landmark_error: against the take's truth, None where there is none.
        frames: read from each camera.
        sets: moments seen.
        first: stamp [ns] of the first moment, None before it.
        last: of the newest.
        samples: envelope samples of each hand.
        messages: in the bag, by topic.
        truncated: cameras whose video broke off.
        size: of the hands that several views saw.
    """

    quality: PoseQuality
    sight: SightCounter
    times: StageTimes
    sync: SyncCounters
    cameras: tuple[Camera, ...]
    landmark_error: LandmarkError | None = None
    frames: dict[str, int] = field(default_factory=dict)
    sets: int = 0
    first: int | None = None
    last: int = 0
    samples: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))
    messages: dict[str, int] = field(default_factory=dict)
    truncated: list[str] = field(default_factory=list)
    size: HandSize = field(default_factory=HandSize)

    def add(self, batch: Batch) -> None:
        """Take what a set of frames brought."""
        for hands in batch.hands:
            self.frames[hands.camera] = self.frames.get(hands.camera, 0) + 1
        for moment in batch.moments:
            self._add_moment(moment)

    def _add_moment(self, moment: Moment) -> None:
        self.sets += 1
        self.first = moment.frames.stamp if self.first is None else self.first
        self.last = moment.frames.stamp
        self.quality.add(moment)
        self.sight.add(moment)
        for side, activity in moment.activities.items():
            self.samples[side] += len(activity.envelope)
        if self.landmark_error is not None:
            for pose in moment.poses.values():
                self.landmark_error.add(pose)
        self._check_size(moment)

    def _check_size(self, moment: Moment) -> None:
        """Refuse a calibration in another unit as soon as it shows, before long work is done in vain."""
        for pose in moment.poses.values():
            if pose.status == Status.OK and (pose.views >= 2).any():
                self.size.push(pose.landmarks)
        if self.size.complaint:
            raise InputError(
                f'{self.size.complaint}; give --scale with the metres in one unit, or --scale hand to take '
                'them from the size of the hand'
            )

    @property
    def duration(self) -> float:
        """From the first to the last moment [s]."""
        return (self.last - (self.first or 0)) * 1e-9


def list_cameras(inputs: Inputs, capture: MultiCapture) -> tuple[Camera, ...]:
    """Return the calibrated cameras, or the assumed one of a single view."""
    if inputs.rig is not None:
        return inputs.rig.cameras
    return tuple(assume_camera(s.name, s.size) for s in capture.sources)


@contextmanager
def open_workers(inputs: Inputs, settings: HandSettings) -> Iterator[SetDetector]:
    """Make what finds hands in all cameras and free it at the end."""
    workers = make_workers(settings, tuple(inputs.videos), inputs.rig)
    try:
        yield workers
    finally:
        workers.close()


def make_pipeline(
    names: Iterable[str],
    rig: Rig | None,
    tolerance: int,
    bundle: ModelBundle | None,
    lookahead: float | None = None,
    keys: Iterable[KeyMotion] = (),
    times: StageTimes | None = None,
) -> tuple[Pipeline, Synchronizer]:
    """Put the chain behind the hand detectors together.

    Args:
        names: of the cameras.
        rig: their calibration, None = one camera.
        tolerance: largest distance of two frames of one moment [ns].
        bundle: model, None = poses only.
        lookahead: of the muscles [s].
        keys: in order of time.
        times: is told how long each stage takes.
    """
    synchronizer = Synchronizer(list(names), tolerance, MAX_WAIT)
    estimators = (
        {side: MuscleEstimator(bundle, side, lookahead) for side in SIDES} if bundle else {}
    )
    pipeline = Pipeline(synchronizer, HandTriangulator(rig), estimators, keys, times)
    return pipeline, synchronizer


class Recorder:
    """Write all records to a bag and the tables."""

    def __init__(
        self, folder: Path, formats: tuple[str, ...], bundle: ModelBundle | None, stack: ExitStack
    ) -> None:
        self.bag = stack.enter_context(BagWriter(folder / 'bag'))
        poses = Table(folder, 'poses', pose_fields(), pose_columns, formats, {'unit': 'm'})
        self._poses = stack.enter_context(poses)
        self._envelopes = None
        if bundle is not None:
            table = Table(
                folder,
                'envelopes',
                envelope_fields(bundle.muscle),
                envelope_columns,
                formats,
                describe_estimate(bundle),
            )
            self._envelopes = stack.enter_context(table)

    def write(self, batch: Batch) -> None:
        """Append what a set of frames brought."""
        for record in batch.records():
            self.bag.write_record(topic_of(record), record)
            if isinstance(record, HandPose):
                self._poses.append(record, 1)
            elif isinstance(record, MuscleActivity) and self._envelopes is not None:
                self._envelopes.append(record, len(record.envelope))


def describe_estimate(bundle: ModelBundle) -> dict[str, object]:
    """Say what the numbers of an estimate are."""
    return {
        'what': label_estimate(bundle.simulated_training),
        'model_id': bundle.model_id,
        'simulated_training': bundle.simulated_training,
        'unit': f'fraction of {bundle.normalization.name}',
    }


def analyse(
    inputs: Inputs,
    settings: EstimateSettings,
    bundle: ModelBundle | None,
    folder: Path,
    keys: Iterable[KeyMotion] = (),
    landmark_error: LandmarkError | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Analysis:
    """Estimate from all frames into a folder.

    Args:
        inputs: what to read.
        settings: how.
        bundle: model, None = poses only.
        folder: for the bag and the tables.
        keys: in order of time.
        landmark_error: is fed with the poses.
        progress: is told the number of sets done.
    """
    times = StageTimes()
    capture = inputs.open_capture()
    with ExitStack() as stack:
        stack.callback(capture.close)
        cameras = list_cameras(inputs, capture)
        workers = stack.enter_context(open_workers(inputs, settings.hands))
        pipeline, synchronizer = make_pipeline(
            inputs.videos, inputs.rig, capture.tolerance, bundle, settings.lookahead, keys, times
        )
        recorder = Recorder(folder, settings.formats, bundle, stack)
        found = Analysis(
            PoseQuality(),
            SightCounter(cameras),
            times,
            synchronizer.counters,
            cameras,
            landmark_error,
        )
        hands = detect_ahead(workers, _timed(capture.read_all(), times), times)
        stack.callback(hands.close)
        for number, batch in enumerate(run_pipeline(pipeline, hands)):
            with times.measure('write'):
                recorder.write(batch)
            found.add(batch)
            progress(number)
        found.messages = dict(recorder.bag.counts)
        found.truncated = [s.name for s in capture.sources if getattr(s, 'truncated', False)]
    return found


def _timed(sets: Iterator[Frames], times: StageTimes) -> Iterator[Frames]:
    """Measure how long is waited for decoded frames."""
    while True:
        with times.measure('wait for frames'):
            frames = next(sets, None)
        if frames is None:
            return
        yield frames
