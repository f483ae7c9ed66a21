"""The same estimate for a whole take at once: for training, for files, and to check the streaming estimator against.

It shares the features and the network with `estimator`, but neither its grid nor its joining.
Letters: P poses, T ticks, F features, N samples, M muscles.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import LANDMARK_COUNT, Side
from pianokpm_ros.muscle.bundle import ModelBundle
from pianokpm_ros.muscle.envelope_line import floor_sample, interpolate_knots
from pianokpm_ros.muscle.features import hand_features, shape_hand
from pianokpm_ros.muscle.timebase import MAX_GAP, MILLISECOND, TICK, KeyTicks, is_camera_frame
from pianokpm_ros.records import HandPose

FloatArray = NDArray[np.floating]

KeyLookup = Callable[[NDArray[np.int64]], KeyTicks]
"""From (T,) ticks to the keys there."""


@dataclass(frozen=True, eq=False)
class PoseSeries:
    """Usable poses of one hand over a take.

    Attributes:
        stamp: (P,) int64 [ns], ascending.
        landmarks: (P, 21, 3) [m], NaN = unknown.
        deviation: (P, 21) [m].
        frame: (P,) int, the same number where the frame is the same.
        placed: (P,) bool, that frame is the rig's.
    """

    stamp: NDArray[np.int64]
    landmarks: FloatArray
    deviation: FloatArray
    frame: NDArray[np.int64]
    placed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.stamp)

    def part(self, where: slice) -> 'PoseSeries':
        """Return some of the poses."""
        return PoseSeries(
            *(getattr(self, name)[where] for name in ('stamp', 'landmarks', 'deviation')),
            self.frame[where],
            self.placed[where],
        )


@dataclass(frozen=True, eq=False)
class Stretch:
    """Features of the ticks between two gaps.

    Attributes:
        stamp: (T,) int64 ticks [ns].
        features: (T, F), unscaled.
        span: stamps of the first and last pose [ns].
    """

    stamp: NDArray[np.int64]
    features: FloatArray
    span: tuple[int, int]


def stack_poses(poses: Iterable[HandPose]) -> PoseSeries:
    """Stack poses that `estimator.is_usable` accepts."""
    poses = list(poses)
    names = {name: i for i, name in enumerate(dict.fromkeys(p.frame_id for p in poses))}
    return PoseSeries(
        np.array([p.stamp for p in poses], np.int64),
        np.array([p.landmarks for p in poses], np.float64).reshape(-1, LANDMARK_COUNT, 3),
        np.array([p.deviation for p in poses], np.float64).reshape(-1, LANDMARK_COUNT),
        np.array([names[p.frame_id] for p in poses], np.int64),
        np.array([not is_camera_frame(p.frame_id) for p in poses], bool),
    )


def no_keys(ticks: NDArray[np.int64]) -> KeyTicks:
    """Say that nothing is known of the keys."""
    return KeyTicks.unknown(len(ticks))


def batch_features(poses: PoseSeries, side: Side, keys: KeyLookup = no_keys) -> Iterator[Stretch]:
    """Compute the features of each stretch of poses without a gap."""
    ends = np.flatnonzero(np.diff(poses.stamp) > MAX_GAP) + 1
    for start, stop in zip([0, *ends], [*ends, len(poses)], strict=True):
        if stop > start:
            yield _stretch(poses.part(slice(start, stop)), side, keys)


def _stretch(poses: PoseSeries, side: Side, keys: KeyLookup) -> Stretch:
    first, last = int(poses.stamp[0]), int(poses.stamp[-1])
    ticks = np.arange(first // TICK, last // TICK + 1, dtype=np.int64) * TICK
    # The pose at a tick lies between the last one before it and the next; the first tick has only the first pose.
    after = np.searchsorted(poses.stamp, ticks)
    before = np.maximum(after - 1, 0)
    mixed = (poses.frame[before] == poses.frame[after]) & (before < after)
    span = np.maximum(poses.stamp[after] - poses.stamp[before], 1)
    weight = np.where(mixed, (ticks - poses.stamp[before]) / span.astype(float), 1.0)

    def blend(values: FloatArray) -> FloatArray:
        w = weight.reshape(-1, *[1] * (values.ndim - 1))
        return np.where(w < 1.0, (1.0 - w) * values[before] + w * values[after], values[after])

    shape = shape_hand(blend(poses.landmarks), side, poses.placed[after])
    features = hand_features(shape, None, blend(poses.deviation), keys(ticks), side)
    return Stretch(ticks, features, (first, last))


def estimate_batch(
    bundle: ModelBundle,
    side: Side,
    poses: PoseSeries,
    keys: KeyLookup = no_keys,
    lookahead: float | None = None,
) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    """Estimate a whole take.

    Returns:
        (N,) int64 stamps of the envelope samples [ns], none before 0, (N, M) means and (N, M) deviations.
    """
    head = bundle.head(lookahead)
    delay, width = round(bundle.lookaheads[head] * 1e9), len(bundle.muscle)
    stamps, values = [np.zeros(0, np.int64)], [np.zeros((0, 2 * width))]
    for stretch in batch_features(poses, side, keys):
        mean, deviation, _ = bundle.network.run(
            bundle.scaling.apply(stretch.features), bundle.network.start()
        )
        both = np.concatenate([mean[:, head], deviation[:, head]], axis=1, dtype=np.float64)
        first, last = (floor_sample(s - delay) for s in stretch.span)
        samples = np.arange(max(first, 0), last + 1, MILLISECOND, dtype=np.int64)
        stamps.append(samples)
        values.append(interpolate_knots(samples, stretch.stamp + (TICK - delay), both))
    mean, deviation = np.split(np.concatenate(values), 2, axis=1)
    return np.concatenate(stamps), mean, deviation
