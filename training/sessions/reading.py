"""Read the bag of a session into arrays on one clock.

Letters: T poses, V frames, K key samples, N EMG samples, C channels.
"""

import logging
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import KeyTrack, PoseTrack, ViewTrack

from pianokpm_ros.anatomy import LANDMARK_COUNT, Side, Status
from pianokpm_ros.recording.emg import EmgSignal, join_emg
from pianokpm_ros.recording.events import Trial, list_trials, read_events
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.records import (
    NANOSECONDS,
    EmgBlock,
    HandLandmarks,
    HandPose,
    KeyMotion,
)

log = logging.getLogger(__name__)

FloatArray = NDArray[np.floating]

KINDS = (HandLandmarks, HandPose, KeyMotion, EmgBlock)


@dataclass(frozen=True, eq=False)
class SessionData:
    """All of a session.

    Attributes:
        about: subject and whatever else the events say of the session.
        trials: rest, maximum contractions, taps and tasks.
        poses: of each side.
        views: by camera and side.
        keys: motion of the keys, None = not recorded.
        velocities: (K,) MIDI velocity of each key sample, 0 = none.
        emg: None = not recorded.
        missing: messages that are missing by their sequence numbers, by topic.
        counts: messages by topic.
    """

    about: dict[str, Any]
    trials: list[Trial]
    poses: dict[Side, PoseTrack]
    views: dict[tuple[str, Side], ViewTrack]
    keys: KeyTrack | None
    velocities: NDArray[np.uint8]
    emg: EmgSignal | None
    missing: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


def read_session(bag: Path | str) -> SessionData:
    """Read a bag; raises RecordingError where it holds nothing to learn from."""
    by_kind: dict[type, list] = {kind: [] for kind in KINDS}
    counts, missing, last = {}, {}, {}
    for topic, record, _ in read_bag(bag):
        kind = type(record)
        if kind not in by_kind:
            continue
        by_kind[kind].append(record)
        counts[topic] = counts.get(topic, 0) + 1
        step = record.sequence - last.get(topic, record.sequence - 1)
        missing[topic] = missing.get(topic, 0) + max(step - 1, 0)
        last[topic] = record.sequence
    if not by_kind[HandPose] and not by_kind[EmgBlock]:
        raise RecordingError(f'{bag} has neither hands in space nor EMG; nothing can be learned')
    until = max(r.stamp for kind in (HandPose, EmgBlock) for r in by_kind[kind])
    about, trials = list_trials(read_events(bag), until)
    keys, velocities = join_keys(by_kind[KeyMotion])
    return SessionData(
        about,
        trials,
        _join_poses(by_kind[HandPose]),
        _join_views(by_kind[HandLandmarks]),
        keys,
        velocities,
        join_emg(by_kind[EmgBlock]),
        missing,
        counts,
    )


def _join_poses(records: list[HandPose]) -> dict[Side, PoseTrack]:
    """Join the usable poses of each side; a track has one frame: those in rarer ones are left out, which is said."""
    tracks = {}
    for side in (Side.LEFT, Side.RIGHT):
        known = {r.stamp: r for r in records if r.side == side and r.status >= Status.DEGRADED}
        if not known:
            continue
        (frame, count), *_ = Counter(r.frame_id for r in known.values()).most_common()
        if count < len(known):
            log.warning(
                '%d of %d poses of the %s hand are left out: they are in other frames than %r, as cameras without a '
                'rig have; calibrate them, or record one camera',
                len(known) - count,
                len(known),
                side.label,
                frame,
            )
        chosen = [known[s] for s in sorted(known) if known[s].frame_id == frame]
        tracks[side] = PoseTrack(
            np.array([r.stamp for r in chosen], np.int64),
            np.stack([r.landmarks for r in chosen]).astype(np.float32),
            np.stack([r.deviation for r in chosen]).astype(np.float32),
            frame,
            'triangulated' if max(int(r.views.max()) for r in chosen) > 1 else 'single view',
        )
    return tracks


def _join_views(records: list[HandLandmarks]) -> dict[tuple[str, Side], ViewTrack]:
    tracks = {}
    for camera in sorted({r.camera for r in records}):
        known = {r.stamp: r for r in records if r.camera == camera}
        chosen = [known[s] for s in sorted(known)]
        stamps = np.array([r.stamp for r in chosen], np.int64)
        for side in (Side.LEFT, Side.RIGHT):
            pixels = np.full((len(chosen), LANDMARK_COUNT, 2), np.nan, np.float32)
            for i, record in enumerate(chosen):
                own = np.flatnonzero(record.side == side)
                if len(own):
                    pixels[i] = record.pixels[own[0]]
            tracks[camera, side] = ViewTrack(stamps, pixels, chosen[0].size, 'detected')
    return tracks


def join_keys(records: list[KeyMotion]) -> tuple[KeyTrack | None, NDArray[np.uint8]]:
    """Join records to the samples in which something changed."""
    if not records:
        return None, np.zeros(0, np.uint8)
    stamp = np.concatenate(
        [
            r.stamp + np.rint(r.time.astype(np.float64) * NANOSECONDS).astype(np.int64)
            for r in records
        ]
    )
    key, position, velocity, struck = (
        np.concatenate([getattr(r, n) for r in records])
        for n in ('key', 'position', 'velocity', 'midi_velocity')
    )
    order = np.argsort(stamp, kind='stable')
    held: dict[int, float] = {}
    kept = []
    for i in order.tolist():
        if held.get(int(key[i]), 0.0) != position[i]:
            held[int(key[i])] = position[i]
            kept.append(i)
    chosen = np.array(kept, np.int64)
    track = KeyTrack(
        stamp[chosen],
        key[chosen].astype(np.uint8),
        position[chosen].astype(np.float32),
        velocity[chosen].astype(np.float32),
        records[0].source,
    )
    return track, struck[chosen].astype(np.uint8)
