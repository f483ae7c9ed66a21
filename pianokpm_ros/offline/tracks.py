"""Read the signals and keys of a bag back for plots, thinned so that any length fits into memory."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pianokpm_ros.anatomy import Side
from pianokpm_ros.keyboard.key_presses import KeyPress, find_presses
from pianokpm_ros.offline.topics import ACTIVITY_TOPICS, KEY_TOPIC
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.records import KeyMotion, MuscleActivity
from pianokpm_ros.tracks import ActivityTrack, join_estimates, sample_stamps

MOST_SAMPLES = 30_000
"""Samples of one hand that are kept: more than a plot or a score of a take needs."""

MOST_ESTIMATES = 10_000


@dataclass(frozen=True, eq=False)
class BagContent:
    """What a plot needs of a bag.

    Attributes:
        tracks: the estimates of each hand that has any.
        presses: keys that went down.
    """

    tracks: dict[Side, ActivityTrack]
    presses: list[KeyPress]


def thin(activity: MuscleActivity, stride: int) -> MuscleActivity:
    """Keep the samples whose number on the clock of the stamps is a multiple of `stride`."""
    if stride == 1 or not len(activity.envelope):
        return activity
    stamps = sample_stamps(activity)
    kept = np.rint(stamps * (activity.sample_rate * 1e-9)).astype(np.int64) % stride == 0
    first = int(stamps[kept][0]) if kept.any() else activity.envelope_stamp
    return replace(
        activity,
        sample_rate=activity.sample_rate / stride,
        envelope_stamp=first,
        envelope=activity.envelope[kept],
        envelope_deviation=activity.envelope_deviation[kept],
    )


def read_content(bag: Path, samples: int, estimates: int) -> BagContent:
    """Read the tracks and key presses of a bag.

    Args:
        bag: folder or file.
        samples: envelope samples of one hand in it, for the choice of what to keep.
        estimates: records of one hand in it, likewise.
    """
    stride = max(1, -(-samples // MOST_SAMPLES))
    every = max(1, -(-estimates // MOST_ESTIMATES))
    kept: list[MuscleActivity] = []
    counts: dict[Side, int] = defaultdict(int)

    def keys() -> Iterator[KeyMotion]:
        """Yield the motion of keys, which is not kept, and keep estimates on the way."""
        for _, record, _ in read_bag(bag, {*ACTIVITY_TOPICS, KEY_TOPIC}):
            if isinstance(record, KeyMotion):
                yield record
                continue
            thinned = thin(record, stride)
            if len(thinned.envelope) or counts[record.side] % every == 0:
                kept.append(thinned)
            counts[record.side] += 1

    presses = find_presses(keys())
    return BagContent(known_tracks(kept), presses)


def known_tracks(activities: Iterable[MuscleActivity]) -> dict[Side, ActivityTrack]:
    """Join estimates to tracks; hands that never were known are left out."""
    return {s: t for s, t in join_estimates(activities).items() if t.known}
