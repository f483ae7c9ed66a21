"""Estimate the muscles of one hand, pose by pose: state is carried, so no window borders exist.

M muscles, N envelope samples.
"""

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.muscle.bundle import ModelBundle
from pianokpm_ros.muscle.envelope_line import EnvelopeLine, floor_sample
from pianokpm_ros.muscle.features import KEYS_FLAG, HandShape, hand_features, is_hand, shape_hand
from pianokpm_ros.muscle.timebase import MAX_GAP, SAMPLE_RATE, KeyGrid, PoseGrid, PoseTicks
from pianokpm_ros.records import MILLISECOND, HandPose, Inputs, KeyMotion, MuscleActivity

log = logging.getLogger(__name__)

FloatArray = NDArray[np.floating]

LITTLE_TRUST = 0.5
"""Below this trust in the shape, times the known part of its landmarks, the estimate is DEGRADED."""

SINGLE_VIEW_TRUST = 0.5
"""A DEGRADED pose (one view, a view lost) gives at most this confidence."""


def is_usable(pose: HandPose) -> bool:
    """Tell whether a pose may enter the model; NaN, infinite or absurd ones never do."""
    return pose.status >= Status.DEGRADED and is_hand(np.asarray(pose.landmarks, np.float64))


@dataclass
class _Newest:
    """What the newest sample rests on."""

    stamp: int
    trust: float = 0.0
    known: float = 0.0
    single: bool = True
    inputs: Inputs = Inputs.NONE


class MuscleEstimator:
    """Turn poses and keys of one hand into its muscles' activity, one record for every pose.

    Keys may come and go at any time; a record must be pushed before the first pose later than it to
    count fully. Poses up to `MAX_GAP` apart are bridged, after longer gaps the model starts afresh.
    A clock that jumps back does the same, with one warning. Records are:

    * OK, or DEGRADED for a pose of one view or a shape unlike the training hands;
    * STALE, with the last known activation and no new samples, while a hand is lost for less than
      `MAX_GAP`, and for repeated poses; `lookahead` then tells the age of the activation;
    * INVALID, all NaN, when nothing is known.
    """

    def __init__(self, bundle: ModelBundle, side: Side, lookahead: float | None = None) -> None:
        if side not in (Side.LEFT, Side.RIGHT):
            raise ValueError(f'asked to estimate the hand {side!r}; it must be left or right')
        self._bundle, self._side, self._head = bundle, side, bundle.head(lookahead)
        self._delay = round(bundle.lookaheads[self._head] * 1e9)
        self._line = EnvelopeLine(2 * len(bundle.muscle), self._delay)
        self._poses, self._keys = PoseGrid(), KeyGrid()
        self._sequence = 0
        self.reset()

    @property
    def lookahead(self) -> float:
        """How far the newest sample lies behind its pose [s]."""
        return self._bundle.lookaheads[self._head]

    def reset(self) -> None:
        """Forget all poses and keys; sequence numbers go on."""
        self._keys.reset()
        self._latest_stamp: int | None = None
        self._forget_hand()

    def push_keys(self, motion: KeyMotion) -> None:
        """Take a record of key motion."""
        self._keys.push(motion)

    def push_pose(self, pose: HandPose) -> MuscleActivity:
        """Take a pose and return the estimate up to `pose.stamp` - look-ahead."""
        if pose.side != self._side:
            raise ValueError(f'asked for a {self._side.label} hand, found {Side(pose.side).label}')
        self._check_clock(pose.stamp)
        newest = self._newest
        if is_usable(pose) and (newest is None or pose.stamp > newest.stamp):
            return self._advance(pose)
        return self._hold(pose)

    def _check_clock(self, stamp: int) -> None:
        latest = self._latest_stamp
        if latest is not None and stamp < latest - MAX_GAP:
            log.warning(
                'the clock of the %s hand jumped back by %.3f s: the estimate starts afresh',
                self._side.label,
                (latest - stamp) * 1e-9,
            )
            self.reset()
            latest = None
        self._latest_stamp = stamp if latest is None else max(stamp, latest)

    def _forget_hand(self) -> None:
        self._poses.reset()
        self._forget_course()
        self._newest: _Newest | None = None

    def _forget_course(self) -> None:
        self._line.restart()
        self._state = self._bundle.network.start()
        self._before: HandShape | None = None

    def _advance(self, pose: HandPose) -> MuscleActivity:
        ticks = self._poses.push(pose.stamp, pose.landmarks, pose.deviation, pose.frame_id)
        if ticks.restart:
            self._forget_course()
            self._newest = None
        newest = self._newest = self._newest or _Newest(pose.stamp)
        newest.stamp, newest.single = pose.stamp, pose.status == Status.DEGRADED
        if len(ticks):
            self._run(ticks, newest)
        return self._record(pose, *self._line.take(pose.stamp), self._judge(newest))

    def _run(self, ticks: PoseTicks, newest: _Newest) -> None:
        keys, sensor = self._keys.at(ticks.stamp)
        shape = shape_hand(ticks.landmarks, self._side, ticks.placed)
        features = hand_features(shape, self._before, ticks.deviation, keys, self._side)
        mean, deviation, self._state = self._bundle.network.run(
            self._bundle.scaling.apply(features), self._state
        )
        self._before = shape.tail()
        self._line.add(
            ticks.stamp, np.concatenate([mean[:, self._head], deviation[:, self._head]], axis=1)
        )
        newest.trust = float(self._bundle.novelty.trust(features[-1:])[0])
        newest.known = float(np.isfinite(shape.local[-1]).all(axis=1).mean())
        newest.inputs = Inputs.POSE
        if features[-1, KEYS_FLAG]:
            newest.inputs |= Inputs.KEY_POSITION if sensor else Inputs.MIDI

    @staticmethod
    def _judge(newest: _Newest) -> Status:
        doubtful = newest.single or newest.trust * newest.known < LITTLE_TRUST
        return Status.DEGRADED if doubtful else Status.OK

    def _hold(self, pose: HandPose) -> MuscleActivity:
        newest = self._newest
        if newest is not None and pose.stamp - newest.stamp > MAX_GAP:
            self._forget_hand()
        first = self._line.next
        if first is None:
            first = floor_sample(pose.stamp - self._delay)
        status = Status.INVALID if self._newest is None else Status.STALE
        return self._record(pose, first, np.zeros((0, self._line.newest.size)), status)

    def _record(
        self, pose: HandPose, first: int, block: FloatArray, status: Status
    ) -> MuscleActivity:
        bundle, newest = self._bundle, self._newest or _Newest(pose.stamp)
        # A simulated clock begins at 0, and no message can tell of a time before.
        block, first = block[max(-first // MILLISECOND, 0) :], max(first, 0)
        mean, deviation = np.split(block.astype(np.float32), 2, axis=1)
        activation, uncertainty = np.split(self._line.newest.astype(np.float32), 2)
        sequence, self._sequence = self._sequence, self._sequence + 1
        return MuscleActivity(
            stamp=pose.stamp,
            frame_id=pose.frame_id,
            sequence=sequence,
            side=self._side,
            status=status,
            inputs=newest.inputs,
            muscle=bundle.muscle,
            activation=activation,
            deviation=uncertainty,
            confidence=_confidence(newest),
            lookahead=self._age(pose.stamp) if status == Status.STALE else self.lookahead,
            sample_rate=SAMPLE_RATE,
            envelope_stamp=first,
            envelope=mean,
            envelope_deviation=deviation,
            normalization=bundle.normalization,
            model_id=bundle.model_id,
            calibration_id=bundle.calibration_id,
            simulated_training=bundle.simulated_training,
        )

    def _age(self, stamp: int) -> float:
        coming = stamp if self._line.next is None else self._line.next
        return (stamp - coming + MILLISECOND) * 1e-9


def _confidence(newest: _Newest) -> float:
    return newest.trust * newest.known * (SINGLE_VIEW_TRUST if newest.single else 1.0)
