"""Key position sensors: from sampled positions to records of what moved.

Letters: N samples, K keys.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pianokpm_ros.muscle.timebase import REST
from pianokpm_ros.records import NANOSECONDS, NO_PEDAL, KeyMotion

FloatArray = NDArray[np.floating]

STEP = 0.01
"""A key that moved by less since it was last told of lies still."""

HIGHEST = 1.5
"""What is above is no position but a fault of the sensor: it is left out, as NaN is."""


class SensorKeys:
    """Collect positions and hand out records, as `LiveKeys` does for MIDI.

    Attributes:
        ignored: values that can't be positions.
    """

    def __init__(self, source: str) -> None:
        """Set up; `source` names the sensors in the records, such as `sensor:name`."""
        self.source, self.ignored = source, 0
        self._waiting: list[tuple[NDArray[np.int64], NDArray[np.uint8], FloatArray]] = []
        self._told: dict[int, float] = {}
        self._sequence = 0

    def push(self, stamps: ArrayLike, keys: ArrayLike, positions: ArrayLike) -> None:
        """Take (N, K) positions of (K,) keys, MIDI numbers, at (N,) ascending times [ns]."""
        positions = np.array(positions, np.float64)
        wrong = ~(np.abs(positions) <= HIGHEST)
        self.ignored += int(wrong.sum())
        positions[wrong] = np.nan
        positions[positions <= REST] = 0.0
        if len(positions):
            self._waiting.append(
                (np.asarray(stamps, np.int64), np.asarray(keys, np.uint8), positions)
            )

    def release_all(self, stamp: int) -> None:
        """Lift every key: the sensors are gone."""
        # Also those of whose strokes no record has told yet.
        keys = np.unique([*self._told, *(k for _, some, _ in self._waiting for k in some)])
        self.push([stamp], keys, np.zeros((1, len(keys))))

    def record(self, until: int) -> KeyMotion:
        """Make the record of what came since the last one; without any, of the keys held at `until` [ns]."""
        rows: list[tuple[int, int, float]] = []
        moved: set[int] = set()
        for stamps, keys, positions in self._waiting:
            for k, key in enumerate(keys.tolist()):
                rows += self._follow(key, stamps, positions[:, k], moved)
        newest = max((int(s[-1]) for s, *_ in self._waiting), default=until)
        self._waiting = []
        rows += [(newest, k, p) for k, p in sorted(self._told.items()) if p > 0 and k not in moved]
        self._sequence += 1
        return self._make(sorted(rows), newest)

    def _follow(
        self, key: int, stamps: NDArray[np.int64], positions: FloatArray, moved: set[int]
    ) -> list[tuple[int, int, float]]:
        known = np.isfinite(positions)
        told = self._told.get(key, 0.0)
        if not (np.abs(positions[known] - told) > STEP).any():
            return []
        moved.add(key)
        self._told[key] = float(positions[known][-1])
        return [
            (s, key, p)
            for s, p in zip(stamps[known].tolist(), positions[known].tolist(), strict=True)
        ]

    def _make(self, rows: list[tuple[int, int, float]], newest: int) -> KeyMotion:
        start = rows[0][0] if rows else newest
        return KeyMotion(
            start,
            self._sequence - 1,
            np.array([(s - start) / NANOSECONDS for s, *_ in rows], np.float32),
            np.array([k for _, k, _ in rows], np.uint8),
            np.array([p for *_, p in rows], np.float32),
            np.full(len(rows), np.nan, np.float32),
            np.zeros(len(rows), np.uint8),
            NO_PEDAL,
            self.source,
        )
