"""How two sets of estimates of the same recording differ.

Letters: N samples, M muscles.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.metrics import pearson, rmse
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.records import MuscleActivity
from pianokpm_ros.tracks import ActivityTrack, join_estimates

FloatArray = NDArray[np.floating]
ACTIVITY = 'pianokpm/msg/MuscleActivity'


@dataclass(frozen=True, eq=False)
class Difference:
    """The estimates of one hand, before and after, at all moments of which either tells.

    Attributes:
        side: hand.
        muscle: M names.
        stamp: (N,) [ns].
        before: (N, M), NaN = unknown.
        after: (N, M), NaN = unknown.
    """

    side: Side
    muscle: tuple[str, ...]
    stamp: NDArray[np.int64]
    before: FloatArray
    after: FloatArray

    @property
    def both(self) -> int:
        """Number of moments that both know."""
        return int((self._known(self.before) & self._known(self.after)).sum())

    @property
    def alone(self) -> int:
        """Number of moments that only one of them knows."""
        return int((self._known(self.before) ^ self._known(self.after)).sum())

    @staticmethod
    def _known(values: FloatArray) -> NDArray[np.bool_]:
        return np.isfinite(values).any(axis=1)

    @property
    def rmse(self) -> FloatArray:
        """(M,) in the unit of the estimates."""
        return rmse(self.before, self.after)

    @property
    def correlation(self) -> FloatArray:
        """(M,) Pearson."""
        return pearson(self.before, self.after)

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return np.array_equal(self.before, self.after, equal_nan=True)


def read_tracks(bag: Path | str) -> dict[Side, ActivityTrack]:
    """Read the estimates of a bag."""
    return join_estimates(record for _, record, _ in read_bag(bag, datatypes={ACTIVITY}))


def compare_estimates(
    before: Iterable[MuscleActivity] | dict[Side, ActivityTrack],
    after: Iterable[MuscleActivity] | dict[Side, ActivityTrack],
) -> list[Difference]:
    """Compare sample by sample, by stamp; muscles that only one of them has are left out."""
    old, new = (t if isinstance(t, dict) else join_estimates(t) for t in (before, after))
    return [_compare(old[side], new[side]) for side in old if side in new]


def _compare(old: ActivityTrack, new: ActivityTrack) -> Difference:
    muscles = tuple(m for m in old.muscle if m in new.muscle)
    stamp = np.union1d(old.stamp, new.stamp)
    before, after = (_spread(track, stamp, muscles) for track in (old, new))
    return Difference(old.side, muscles, stamp, before, after)


def _spread(
    track: ActivityTrack, stamp: NDArray[np.int64], muscles: tuple[str, ...]
) -> FloatArray:
    values = np.full((len(stamp), len(muscles)), np.nan, np.float32)
    columns = [track.muscle.index(m) for m in muscles]
    values[np.searchsorted(stamp, track.stamp)] = track.envelope[:, columns]
    return values
