"""A recording under test, and what estimators are: everything is asked for the same samples.

Letters: N samples (1 kHz), M muscles.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.collection import DataSet, Entry
from pianokpm_training.datasets.recording import DataError, Recording
from pianokpm_training.model.flat import VIEWS, flat_stretch, has_views
from pianokpm_training.model.seeing import Conditions, hear_keys, see_poses
from pianokpm_training.sessions.ticks import (
    RELEASED_SPAN,
    key_samples,
    pose_series,
    read_envelope,
    read_released,
)
from pianokpm_training.simulation.sight import load_sight

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.emg.metrics import NORMAL_REACH
from pianokpm_ros.keyboard.key_samples import list_strokes
from pianokpm_ros.muscle.batch import KeyLookup, PoseSeries, Stretch, batch_features
from pianokpm_ros.muscle.timebase import TICK

FloatArray = NDArray[np.floating]

PARTS = ('pose', 'pose_truth', 'keys', 'notes', 'envelope', 'excitation', 'views')
KEYS = ('none', 'midi', 'recorded')
"""What is heard of the keys: nothing, what a MIDI keyboard tells, or all that was recorded."""

HANDS = ('recorded', 'exact', 'one_view')
"""How hands are seen: as recorded, exactly, or by one camera; the last two need the exact hands of a simulation."""

ONE_VIEW = Conditions(rate=60.0, single=True)


@dataclass(frozen=True, eq=False)
class Take:
    """A recording as it was seen, with its keys or without.

    Attributes:
        recording: with poses, or else the views of `flat.VIEWS`, and envelopes on successive whole milliseconds
            (`ticks.read_envelope`, `ticks.read_released`).
        keys: one of `KEYS`.
        hands: one of `HANDS`.
        span: what 1 in these envelopes is in the data's own unit, in which errors are told.
    """

    recording: Recording
    keys: str = 'recorded'
    hands: str = 'recorded'
    span: float = 1.0

    @property
    def subject(self) -> str:
        """Whose hand."""
        return self.recording.info.subject

    @property
    def side(self) -> Side:
        """Which hand."""
        return Side(self.recording.info.side)

    @property
    def stamp(self) -> NDArray[np.int64]:
        """(N,) stamps of the envelope [ns]."""
        return self.recording.envelope.stamp

    @cached_property
    def truth(self) -> FloatArray:
        """(N, M) envelopes; a muscle that was not recorded is NaN."""
        track = self.recording.envelope
        found = np.full((len(track.stamp), len(MUSCLES)), np.nan)
        for m, name in enumerate(MUSCLES):
            if name in track.channel:
                found[:, m] = track.samples[:, track.channel.index(name)]
        return found

    @cached_property
    def poses(self) -> PoseSeries:
        """The usable poses."""
        return see_hands(self.recording, self.hands)

    @cached_property
    def key_lookup(self) -> KeyLookup:
        """What is known of the keys at ticks."""
        return hear_keys(self.recording, self.keys)

    @cached_property
    def stretches(self) -> list[Stretch]:
        """Features between gaps: of the hand in space, or of two pictures where that is not known."""
        if self.recording.pose is None:
            return [flat_stretch(self.recording.views, self.side, self.key_lookup)]
        return list(batch_features(self.poses, self.side, self.key_lookup))

    @cached_property
    def strokes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Stamps [ns] and MIDI velocities of this hand's keystrokes.

        Of both hands', where notes don't tell who played, but keys were recorded.
        """
        notes, keys = self.recording.notes, self.recording.keys
        if notes is not None:
            own = notes.side == int(self.side)
            return notes.stamp[own], notes.velocity[own].astype(np.int64)
        heard = list_strokes(key_samples(self.recording)) if keys is not None else []
        struck = [(stamp, velocity) for stamp, _, down, velocity in heard if down]
        stamp, velocity = np.array(struck, np.int64).reshape(-1, 2).T
        return stamp, velocity

    def spread(self, stretch: Stretch, values: FloatArray, lookahead: float, out: FloatArray):
        """Write what was said at a stretch's ticks to the (N, M) samples that it is about, linearly between."""
        knots = stretch.stamp + TICK - round(lookahead * 1e9)
        inside = (self.stamp >= knots[0]) & (self.stamp <= knots[-1])
        for m in range(out.shape[1]):
            out[inside, m] = np.interp(self.stamp[inside], knots, values[:, m])


@dataclass(frozen=True, eq=False)
class Estimate:
    """What an estimator said of a take.

    Attributes:
        mean: (N, M), NaN where it said nothing.
        deviation: (N, M), or None where it has none.
        reach: of its intervals of 50, 80 and 95 % [deviations].
    """

    mean: FloatArray
    deviation: FloatArray | None = None
    reach: tuple[float, ...] = NORMAL_REACH


class Estimator(Protocol):
    """Anything that estimates envelopes."""

    name: str

    def estimate(self, take: Take) -> Estimate:
        """Estimate all samples of a take."""
        ...


def see_hands(recording: Recording, hands: str) -> PoseSeries:
    """Return a recording's poses as they were recorded, exactly, or as one camera sees them (see `HANDS`)."""
    if hands == 'recorded':
        return pose_series(recording.pose)
    exact, name = recording.pose_truth, recording.info.name
    if exact is None:
        raise DataError(
            f'asked to score on hands seen as {hands}, but nobody knows the exact hand of {name}; '
            'take the hands as recorded, or a simulated data set'
        )
    if hands == 'one_view':
        return see_poses(recording, ONE_VIEW, np.random.default_rng(zlib.crc32(name.encode())))
    doubt = np.full(exact.landmarks.shape[:2], load_sight().stated, np.float32)
    return pose_series(replace(exact, deviation=doubt))


@dataclass(frozen=True, eq=False)
class Takes:
    """Takes of a data set that are read, one after the other, each time somebody goes through them.

    Of recordings only those count that have envelopes and poses, or in a data set without poses two views of each hand.

    Attributes:
        data: holds them.
        entries: recordings.
        keys: one of `KEYS`.
        hands: one of `HANDS`.
    """

    data: DataSet
    entries: Sequence[Entry]
    keys: str = 'recorded'
    hands: str = 'recorded'

    def __iter__(self) -> Iterator[Take]:
        """Read takes; none at all is refused."""
        flat, found = is_flat(self.data), False
        read = _read_flat if flat else _read_placed
        for entry in self.entries:
            take = read(self.data.load(entry, PARTS), self.keys, self.hands)
            if take is not None:
                found = True
                yield take
        if not found:
            seen = 'views top and right of known size' if flat else 'a pose in space'
            raise DataError(
                f'{self.data.folder}: none of {len(self.entries)} recordings has {seen} and an envelope '
                f'({self.data.list_parts(self.entries)}); docs/dataset.md says what these are'
            )


def load_takes(
    data: DataSet, entries: Sequence[Entry], keys: str = 'recorded', hands: str = 'recorded'
) -> list[Take]:
    """Read takes into memory, as `Takes` does one after the other."""
    return list(Takes(data, entries, keys, hands))


def is_flat(data: DataSet) -> bool:
    """Tell whether nobody knows where hands are in space: no recording has poses, but one at least has two views."""
    views, flat = {f'view_{name}' for name in VIEWS}, False
    for entry in data.entries.values():
        parts = set(data.parts(entry))
        if 'pose' in parts:
            return False
        flat |= views <= parts
    return flat


def _read_placed(recording: Recording, keys: str, hands: str) -> Take | None:
    if recording.pose is None or recording.envelope is None:
        return None
    return Take(replace(recording, envelope=read_envelope(recording)), keys, hands)


def _read_flat(recording: Recording, keys: str, hands: str) -> Take | None:
    if not has_views(recording.views) or recording.envelope is None:
        return None
    if hands != 'recorded':
        see_hands(recording, hands)  # refuses
    return Take(replace(recording, envelope=read_released(recording)), keys, hands, RELEASED_SPAN)
