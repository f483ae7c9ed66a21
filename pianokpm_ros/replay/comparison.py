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
from pianokpm_ros.recording.reader import read_raw
from pianokpm_ros.recording.schemas import deserialize
from pianokpm_ros.records import MuscleActivity
from pianokpm_ros.tracks import ActivityTrack, join_estimates

FloatArray = NDArray[np.floating]
ACTIVITY = 'pianokpm/msg/MuscleActivity'


@dataclass(frozen=True, eq=False)
class Difference:
    """The estimates of one hand, before and after, on the samples both have.

    Attributes:
        side: hand.
        muscle: M names.
        stamp: (N,) [ns].
        before: (N, M).
        after: (N, M).
        alone: samples that only one of them has.
    """

    side: Side
    muscle: tuple[str, ...]
    stamp: NDArray[np.int64]
    before: FloatArray
    after: FloatArray
    alone: int

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
        same = np.array_equal(self.before, self.after, equal_nan=True)
        return same and not self.alone


def read_tracks(bag: Path | str) -> dict[Side, ActivityTrack]:
    """Read the estimates of a bag."""
    found = (
        deserialize(data, datatype)
        for _, datatype, data, _ in read_raw(bag)
        if datatype == ACTIVITY
    )
    return join_estimates(found)


def compare_estimates(
    before: Iterable[MuscleActivity] | dict[Side, ActivityTrack],
    after: Iterable[MuscleActivity] | dict[Side, ActivityTrack],
) -> list[Difference]:
    """Compare sample by sample, by stamp; muscles that only one of them has are left out."""
    old, new = (t if isinstance(t, dict) else join_estimates(t) for t in (before, after))
    return [_compare(old[side], new[side]) for side in old if side in new]


def _compare(old: ActivityTrack, new: ActivityTrack) -> Difference:
    muscles = tuple(m for m in old.muscle if m in new.muscle)
    (old_stamp, i), (new_stamp, j) = (np.unique(t.stamp, return_index=True) for t in (old, new))
    stamp, a, b = np.intersect1d(old_stamp, new_stamp, return_indices=True)
    columns = [[t.muscle.index(m) for m in muscles] for t in (old, new)]
    return Difference(
        old.side,
        muscles,
        stamp,
        old.envelope[i[a]][:, columns[0]],
        new.envelope[j[b]][:, columns[1]],
        len(old_stamp) + len(new_stamp) - 2 * len(stamp),
    )
