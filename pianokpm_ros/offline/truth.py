"""Compare with what a simulated take says was there. It is the simulation's truth, not a person's."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import MUSCLES, Side, Status
from pianokpm_ros.emg.metrics import pearson, rmse
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.offline.histogram import Histogram
from pianokpm_ros.records import HandPose
from pianokpm_ros.takes import Performance
from pianokpm_ros.tracks import ActivityTrack
from pianokpm_ros.view.plots import SimulatedEnvelope

FloatArray = NDArray[np.floating]

ERROR_BIN, ERROR_LIMIT = 0.0001, 0.5


class LandmarkError:
    """Distances of landmarks in space from the simulation's, followed pose by pose."""

    def __init__(self, truth: Performance, offset: int = 0) -> None:
        """Set up.

        Args:
            truth: of the take.
            offset: stamps of the poses minus those of the take [ns].
        """
        self._truth, self._offset = truth, offset
        self.distances = {side: Histogram(ERROR_BIN, ERROR_LIMIT) for side in SIDES}
        self.compared = {side: 0 for side in SIDES}
        self.present = {side: 0 for side in SIDES}

    def add(self, pose: HandPose) -> None:
        """Compare a pose; unusable ones are counted only."""
        truth = landmarks_at(self._truth, pose.stamp - self._offset, pose.side)
        if not np.isfinite(truth).any():
            return
        self.present[pose.side] += 1
        if pose.status >= Status.DEGRADED:
            self.compared[pose.side] += 1
            self.distances[pose.side].add(np.linalg.norm(pose.landmarks - truth, axis=1))


def landmarks_at(truth: Performance, stamp: int, side: Side) -> FloatArray:
    """Interpolate the (21, 3) landmarks [m] of one hand at a moment [ns]; NaN where it is absent."""
    hand = truth.landmarks[:, SIDES.index(side)]
    after = int(np.searchsorted(truth.stamp, stamp))
    if after < len(truth.stamp) and truth.stamp[after] == stamp:
        return hand[after].astype(np.float64)
    if not 0 < after < len(truth.stamp):
        return np.full(hand.shape[1:], np.nan)
    first, last = truth.stamp[after - 1], truth.stamp[after]
    part = float(stamp - first) / float(last - first)
    return (1 - part) * hand[after - 1].astype(np.float64) + part * hand[after]


def simulated_envelopes(truth: Performance, offset: int = 0) -> dict[Side, SimulatedEnvelope]:
    """Return the simulation's envelopes on the stamps of the estimates."""
    stamps = truth.envelope_stamp + offset
    return {
        side: SimulatedEnvelope(stamps, truth.envelope[i], MUSCLES)
        for i, side in enumerate(SIDES)
        if np.isfinite(truth.envelope[i]).any()
    }


@dataclass(frozen=True, eq=False)
class EnvelopeScore:
    """How one hand's estimate compares with the simulation.

    Attributes:
        muscle: M names.
        correlation: (M,) Pearson's r.
        error: (M,) root mean square, fraction of MVC.
        seconds: how much was compared [s].
    """

    muscle: tuple[str, ...]
    correlation: FloatArray
    error: FloatArray
    seconds: float


def score_tracks(
    tracks: Mapping[Side, ActivityTrack], simulated: Mapping[Side, SimulatedEnvelope]
) -> dict[Side, EnvelopeScore]:
    """Score the hands that both know, over the muscles that both name."""
    scores = {}
    for side, track in tracks.items():
        if side not in simulated:
            continue
        known = simulated[side]
        shared = tuple(m for m in track.muscle if m in known.muscle)
        truth = np.stack(
            [
                np.interp(
                    track.stamp,
                    known.stamp,
                    known.envelope[:, known.muscle.index(m)],
                    np.nan,
                    np.nan,
                )
                for m in shared
            ],
            axis=1,
        )
        estimate = track.envelope[:, [track.muscle.index(m) for m in shared]]
        both = np.isfinite(truth).all(axis=1) & np.isfinite(estimate).all(axis=1)
        scores[side] = EnvelopeScore(
            shared,
            pearson(truth, estimate),
            rmse(truth, estimate),
            float(both.sum() / track.sample_rate),
        )
    return scores
