"""The estimator's own clock: poses and keys of any rate are brought onto one uniform grid, causally.

Ticks lie on absolute multiples of `TICK` on the stamps' clock, so outputs don't depend on when a
session began. The pose at a tick is interpolated between the poses around it, as soon as the later
one is here; nothing is extrapolated.
Letters: T ticks, F frames, K keys.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import LANDMARK_COUNT
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_COUNT
from pianokpm_ros.records import MILLISECOND, KeyMotion

FloatArray = NDArray[np.floating]

SAMPLE_RATE = 1000.0
"""Of the envelope [Hz]; its samples lie on whole milliseconds of the stamps' clock."""

TICK = 10 * MILLISECOND
MAX_GAP = 150 * MILLISECOND
"""Longest time between two poses that is bridged; longer ones restart the model. Two lost frames at 25 fps fit in."""

REST = 0.02
"""Up to this position a key is at rest: 0.2 mm, felt and noise of sensors."""

DIP, LEVER = 0.01, 5.5
"""Key dip [m] and how much faster than the key a grand piano's hammer is."""

KEY_TIMEOUT = 250 * MILLISECOND
"""Keys count as unknown when their last record is older than this at a tick."""


@dataclass(frozen=True, eq=False)
class PoseTicks:
    """Poses on the grid.

    Attributes:
        stamp: (T,) int64 [ns], multiples of `TICK`.
        landmarks: (T, 21, 3) [m], NaN = unknown.
        deviation: (T, 21) [m].
        placed: (T,) bool, the frame is the rig's (keyboard's) and not a camera's.
        restart: the grid starts afresh with the first of these ticks.
    """

    stamp: NDArray[np.int64]
    landmarks: FloatArray
    deviation: FloatArray
    placed: NDArray[np.bool_]
    restart: bool

    def __len__(self) -> int:
        return len(self.stamp)


@dataclass(frozen=True, eq=False)
class KeyTicks:
    """Keys on the grid.

    Attributes:
        position: (T, 88), 0 at rest, 1 at the bottom.
        struck: (T, 88), greatest speed downwards since the key left its rest [1/s]; 0 for a key at rest.
        known: (T,) bool, whether anything is known of the keys.
    """

    position: FloatArray
    struck: FloatArray
    known: NDArray[np.bool_]

    @classmethod
    def unknown(cls, count: int) -> 'KeyTicks':
        """Say that nothing is known at `count` ticks."""
        return cls(
            np.zeros((count, KEY_COUNT)), np.zeros((count, KEY_COUNT)), np.zeros(count, bool)
        )

    def part(self, where: NDArray[np.bool_] | slice) -> 'KeyTicks':
        """Return some of the ticks."""
        return KeyTicks(self.position[where], self.struck[where], self.known[where])


def ticks_between(after: int, until: int) -> NDArray[np.int64]:
    """List the ticks in the half-open interval (after, until] [ns]."""
    return np.arange(after // TICK + 1, until // TICK + 1, dtype=np.int64) * TICK


def interpolate(
    ticks: NDArray[np.int64], stamps: tuple[int, int], first: FloatArray, last: FloatArray
) -> FloatArray:
    """Interpolate linearly at (T,) ticks between two arrays; computed relative to the first stamp to keep precision."""
    weight = (ticks - stamps[0]) / float(stamps[1] - stamps[0])
    weight = weight.reshape(-1, *[1] * first.ndim)
    return (1.0 - weight) * first + weight * last


class PoseGrid:
    """Resample poses of one hand onto the grid, frame by frame."""

    def __init__(self, max_gap: int = MAX_GAP) -> None:
        self._max_gap = max_gap
        self.reset()

    def reset(self) -> None:
        """Forget the last pose."""
        self._last: tuple[int, FloatArray, FloatArray, str] | None = None

    def push(
        self, stamp: int, landmarks: FloatArray, deviation: FloatArray, frame_id: str
    ) -> PoseTicks:
        """Take a usable pose, later than the last one, and return the ticks it completes.

        Args:
            stamp: [ns].
            landmarks: (21, 3) [m].
            deviation: (21,) [m].
            frame_id: frame of `landmarks`; poses of different frames are not mixed.
        """
        landmarks, deviation = np.asarray(landmarks, np.float64), np.asarray(deviation, np.float64)
        last, self._last = self._last, (stamp, landmarks, deviation, frame_id)
        placed = not is_camera_frame(frame_id)
        if last is None or stamp - last[0] > self._max_gap:
            # The first pose also stands for the tick just before it, so that it is estimated at once.
            return self._make(
                ticks_between(stamp - TICK, stamp), landmarks, deviation, placed, True
            )
        ticks = ticks_between(last[0], stamp)
        if last[3] != frame_id:
            return self._make(ticks, landmarks, deviation, placed, False)
        span = (last[0], stamp)
        return PoseTicks(
            ticks,
            interpolate(ticks, span, last[1], landmarks),
            interpolate(ticks, span, last[2], deviation),
            np.full(len(ticks), placed),
            False,
        )

    @staticmethod
    def _make(
        ticks: NDArray[np.int64],
        landmarks: FloatArray,
        deviation: FloatArray,
        placed: bool,
        restart: bool,
    ) -> PoseTicks:
        n = len(ticks)
        return PoseTicks(
            ticks,
            np.broadcast_to(landmarks, (n, LANDMARK_COUNT, 3)),
            np.broadcast_to(deviation, (n, LANDMARK_COUNT)),
            np.full(n, placed),
            restart,
        )


def is_camera_frame(frame_id: str) -> bool:
    """Tell a camera's optical frame (REP 103 suffix) from a rig frame."""
    return frame_id == '' or frame_id.endswith('_optical_frame')


class KeyGrid:
    """Keep the state of the 88 keys at ticks, from records that arrive before the poses they belong to."""

    def __init__(self, limit: int = 20_000) -> None:
        self._limit = limit
        self.rejected = 0
        self.reset()

    def reset(self) -> None:
        """Forget all keys."""
        self._events: deque[tuple[int, int, float, float]] = deque()
        self._moved: set[int] = set()
        self._records: deque[tuple[int, bool]] = deque()
        self._position, self._struck = np.zeros(KEY_COUNT), np.zeros(KEY_COUNT)
        self._heard: int | None = None
        self._sensor = False

    def push(self, motion: KeyMotion) -> None:
        """Take a record; samples that are not finite, out of range or of no piano key are dropped and counted."""
        time = np.asarray(motion.time, np.float64)
        key, position = np.asarray(motion.key, np.int64), np.asarray(motion.position, np.float64)
        speed = stroke_speed(motion.velocity, motion.midi_velocity)
        if not len(time) == len(key) == len(position) == len(speed):
            raise ValueError(
                f'asked for key samples of one length, found {len(time)} times, {len(key)} keys and '
                f'{len(position)} positions'
            )
        good = (
            np.isfinite(time)
            & (np.abs(time) < 60.0)
            & np.isfinite(position)
            & (np.abs(position) < 2.0)
        )
        good &= (key >= FIRST_KEY) & (key < FIRST_KEY + KEY_COUNT)
        self.rejected += int((~good).sum())
        # float32 seconds don't know the last nanoseconds; without rounding a sample at a tick may miss it.
        stamps = motion.stamp + np.round(time[good] * 1e6).astype(np.int64) * 1000
        keys = (key[good] - FIRST_KEY).tolist()
        # A key that a record doesn't speak of is at rest; only those heard before need the news.
        events = [(motion.stamp, k, 0.0, 0.0) for k in self._moved.difference(keys)]
        positions, speeds = np.clip(position[good], 0, 1).tolist(), speed[good].tolist()
        events += zip(stamps.tolist(), keys, positions, speeds, strict=True)
        self._moved = set(keys)
        self._events.extend(sorted(events, key=lambda event: event[0]))
        last = int(stamps.max()) if len(stamps) else motion.stamp
        self._records.append((motion.stamp, motion.source.startswith('sensor')))
        if last > motion.stamp:
            self._records.append((last, motion.source.startswith('sensor')))
        while len(self._events) > self._limit:
            self._apply(self._events.popleft())
        while len(self._records) > self._limit:
            self._heard, self._sensor = self._records.popleft()

    def _apply(self, event: tuple[int, int, float, float]) -> None:
        _, key, position, speed = event
        self._position[key] = position
        self._struck[key] = max(self._struck[key], speed) if position > REST else 0.0

    def at(self, ticks: NDArray[np.int64]) -> tuple[KeyTicks, bool]:
        """Return the keys at ticks, and whether a position sensor was heard last."""
        found = KeyTicks.unknown(len(ticks))
        for i, tick in enumerate(ticks.tolist()):
            while self._events and self._events[0][0] <= tick:
                self._apply(self._events.popleft())
            while self._records and self._records[0][0] <= tick:
                self._heard, self._sensor = self._records.popleft()
            found.position[i], found.struck[i] = self._position, self._struck
            found.known[i] = self._heard is not None and tick - self._heard <= KEY_TIMEOUT
        return found, self._sensor


def stroke_speed(velocity: FloatArray, midi_velocity: NDArray[np.integer]) -> FloatArray:
    """Speed of (K,) keys downwards [1/s]: as measured, else from MIDI velocity, else 0.

    A hammer's speed follows from MIDI velocity as 2^((velocity - 52) / 25) m/s (Goebl and Bresin 2003).
    """
    velocity = np.asarray(velocity, np.float64)
    struck = np.asarray(midi_velocity, np.float64)
    hammer = np.where(struck > 0, 2.0 ** ((struck - 52.0) / 25.0), 0.0)
    measured = np.isfinite(velocity)
    return np.where(measured, np.where(measured, velocity, 0.0).clip(0), hammer / (DIP * LEVER))
