"""A recording as the estimator sees it, and what it should say: without torch, so that it also serves at run time.

Letters: T ticks, L look-aheads, M muscles.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import (
    DataError,
    PoseTrack,
    Recording,
    SignalTrack,
)

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.keyboard.key_samples import KeySamples, keys_at
from pianokpm_ros.muscle.batch import KeyLookup, PoseSeries, no_keys
from pianokpm_ros.muscle.features import are_hands
from pianokpm_ros.muscle.timebase import MILLISECOND, TICK, is_camera_frame

LARGEST = 5.0
"""No muscle is above this part of its reference for a hundredth of the time: what says so is in another unit."""

RELEASED_SPAN, LARGEST_RELEASED = 2.0, 1.5
"""Of envelopes from -1 to 1: their span, and what none is beyond for a hundredth of the time."""

LOST, SHORTEST_GAP = 3, 20 * MILLISECOND
"""Samples this many times their usual distance apart, and further than that [ns], leave a gap."""


def read_envelope(recording: Recording, muscles: tuple[str, ...] = MUSCLES) -> SignalTrack:
    """Return a recording's envelope on successive whole milliseconds, as all that learns or scores counts it.

    Samples of another rate are interpolated; in gaps nothing is known.

    Raises:
        DataError: where there is none, of none of the muscles, or in another unit than fractions of a reference.
    """
    track, name = recording.envelope, recording.info.name
    if track is None:
        raise DataError(f'{name} has no envelope; record EMG beside the hands')
    if not set(track.channel) & set(muscles):
        raise DataError(
            f'{name}: the envelope has the channels {", ".join(track.channel)}, none of which is called '
            f'{", ".join(muscles)}; name them as the muscles'
        )
    if track.unit != 'mvc':
        raise DataError(
            f'{name}: the envelope is in {track.unit!r}; it must be in parts of a maximum contraction or percentile '
            '(unit `mvc`): normalise it'
        )
    _refuse_beyond(name, track, LARGEST, 'times the maximum contraction; is it in per cent?')
    return _on_milliseconds(track)


def read_released(recording: Recording) -> SignalTrack:
    """Return an envelope of the PianoKPM release, -1 to 1, as 0 to 1 on successive whole milliseconds.

    Raises:
        DataError: where there is none, of none of the muscles, or on another scale.
    """
    track, name = recording.envelope, recording.info.name
    if track is None or not set(track.channel) & set(MUSCLES):
        raise DataError(f'{name} has no envelope of {", ".join(MUSCLES)}; import it again')
    if track.unit != '1':
        raise DataError(f'{name}: the envelope is in {track.unit!r}; expected -1 to 1 (unit `1`)')
    _refuse_beyond(name, track, LARGEST_RELEASED, 'where -1 to 1 is expected; import it again')
    even = _on_milliseconds(track)
    return replace(even, samples=(even.samples + 1) / RELEASED_SPAN)


def _refuse_beyond(name: str, track: SignalTrack, largest: float, words: str) -> None:
    values = np.abs(track.samples[np.isfinite(track.samples)])
    if len(values) and (most := float(np.percentile(values, 99))) > largest:
        raise DataError(f'{name}: the envelope reaches {most:.3g} {words}')


def inside_gaps(
    at: NDArray[np.floating | np.int64], stamp: NDArray[np.int64], longest: int | None = None
) -> NDArray[np.bool_]:
    """Tell which of (N,) times [ns] lie where samples with these stamps leave a gap.

    Samples further apart than `longest` [ns] do; None = by how far apart they usually are.
    """
    step, inside = np.diff(stamp), np.zeros(len(at), bool)
    if longest is None:
        longest = max(LOST * np.median(step), SHORTEST_GAP) if len(step) else SHORTEST_GAP
    for i in np.flatnonzero(step > longest):
        inside |= (at > stamp[i]) & (at < stamp[i + 1])
    return inside


def _on_milliseconds(track: SignalTrack) -> SignalTrack:
    stamp = track.stamp
    step = np.diff(stamp)
    if not len(stamp) or (stamp[0] % MILLISECOND == 0 and (step == MILLISECOND).all()):
        return track
    first = -(-int(stamp[0]) // MILLISECOND) * MILLISECOND
    grid = np.arange(first, int(stamp[-1]) + 1, MILLISECOND, dtype=np.int64)
    samples = np.stack([np.interp(grid, stamp, c) for c in track.samples.T], axis=1)
    samples[inside_gaps(grid, stamp)] = np.nan
    return replace(track, stamp=grid, samples=samples.astype(np.float32))


def pose_series(pose: PoseTrack) -> PoseSeries:
    """Return the poses that the estimator takes: the palm known, of human size, nothing absurd."""
    usable = are_hands(pose.landmarks)
    count = int(usable.sum())
    return PoseSeries(
        pose.stamp[usable],
        pose.landmarks[usable],
        pose.deviation[usable],
        np.zeros(count, np.int64),
        np.full(count, not is_camera_frame(pose.frame_id)),
    )


def key_samples(recording: Recording) -> KeySamples:
    """Return a recording's key motion; where its speed is unknown, notes tell how hard a key was struck."""
    keys, notes = recording.keys, recording.notes
    struck = np.zeros(len(keys.key), np.uint8)
    if notes is not None:
        known = dict(zip(zip(notes.stamp, notes.key, strict=True), notes.velocity, strict=True))
        for i in np.flatnonzero(~np.isfinite(keys.velocity)):
            struck[i] = known.get((keys.stamp[i], keys.key[i]), 0)
    return KeySamples(keys.stamp, keys.key, keys.position, keys.velocity, struck, keys.source)


def key_lookup(recording: Recording) -> KeyLookup:
    """Return what a recording knows of the keys at ticks, as an estimator hears them."""
    if recording.keys is None:
        return no_keys
    samples = key_samples(recording)
    return lambda ticks: keys_at(samples, ticks)


def find_targets(
    envelope: SignalTrack,
    ticks: NDArray[np.int64],
    lookaheads: tuple[float, ...],
    muscles: tuple[str, ...] = MUSCLES,
) -> NDArray[np.float32]:
    """Return (T, L, M) envelopes at tick + `TICK` - look-ahead; muscles that were not recorded are NaN.

    The envelope must lie on successive whole milliseconds, as `read_envelope` gives it.
    """
    targets = np.full((len(ticks), len(lookaheads), len(muscles)), np.nan, np.float32)
    if not len(envelope.stamp):
        return targets
    columns = [
        (m, envelope.channel.index(n)) for m, n in enumerate(muscles) if n in envelope.channel
    ]
    for i, lookahead in enumerate(lookaheads):
        index = (ticks + TICK - round(lookahead * 1e9) - envelope.stamp[0]) // MILLISECOND
        inside = (index >= 0) & (index < len(envelope.stamp))
        for m, c in columns:
            targets[inside, i, m] = envelope.samples[index[inside], c]
    return targets
