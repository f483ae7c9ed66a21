"""Key position sensors that stream through the lab streaming layer (LSL).

The form: a stream of type `KeyPosition` with a fixed rate of at least 50 Hz, one channel a key. In its
description each `channels/channel` has as `label` the key's MIDI number (21 to 108) and as `unit`
`normalized` (0 at rest, 1 at the bottom), or `millimeters` (downwards) with the key's dip as `travel`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.amplifier import LslAmplifier, StreamQuery, StreamState
from pianokpm_ros.emg.stream import (
    AmplifierError,
    StreamDescription,
    StreamWishes,
    read_channel_texts,
)
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_COUNT
from pianokpm_ros.keyboard.midi_port import LSL
from pianokpm_ros.keyboard.sensor_keys import SensorKeys
from pianokpm_ros.records import NANOSECONDS

KEY_TYPE = 'KeyPosition'
LEAST_RATE = 50.0
TEXTS = ('label', 'unit', 'travel')
NORMALIZED = ('normalized', 'normalised')
MILLIMETERS = ('millimeters', 'millimetres', 'mm')


def describe_keys(info: Any, wishes: StreamWishes) -> StreamDescription:
    """Read a stream's description; raises AmplifierError where it is no usable key motion."""
    rate, name = float(info.nominal_srate()), info.name()
    if not LEAST_RATE <= rate < 1e6:
        raise AmplifierError(
            f'stream {name!r} states a rate of {rate:g} Hz; key positions need a fixed one of at least '
            f'{LEAST_RATE:g} Hz'
        )
    channels = read_channel_texts(info, TEXTS)
    labels = tuple(label for label, *_ in channels)
    keys = [int(label) if label.isdecimal() else 0 for label in labels]
    if len(set(keys)) < len(keys) or not all(0 <= k - FIRST_KEY < KEY_COUNT for k in keys):
        raise AmplifierError(
            f'stream {name!r} labels its channels [{", ".join(labels)}]; label each with the MIDI number of its '
            f'key, {FIRST_KEY} to {FIRST_KEY + KEY_COUNT - 1}'
        )
    scale = np.array([_read_scale(unit, travel, name) for _, unit, travel in channels])
    sides, index = np.full(len(keys), Side.UNKNOWN, np.uint8), np.arange(len(keys))
    return StreamDescription(
        name, info.source_id(), rate, labels, sides, index, scale, NORMALIZED[0]
    )


def _read_scale(unit: str, travel: str, name: str) -> float:
    if unit.lower() in NORMALIZED:
        return 1.0
    try:
        dip = float(travel)
    except ValueError:
        dip = 0.0
    if unit.lower() in MILLIMETERS and 1.0 <= dip <= 20.0:
        return 1.0 / dip
    raise AmplifierError(
        f'stream {name!r} gives a key in the unit {unit!r} with the travel {travel!r}; known are normalized, and '
        'millimeters with the dip of the key in millimetres as travel'
    )


class LslKeys:
    """A keyboard's position sensors; used like a MIDI port.

    Attributes:
        keys: what moves.
    """

    def __init__(self, name: str, clock: Callable[[], int], scope: str = 'site') -> None:
        """Begin to look for the stream.

        Args:
            name: `lsl:` and the name of the stream; no name = the only one of its type.
            clock: returns the time now on the clock of the records [ns].
            scope: how far to look.
        """
        query = StreamQuery(KEY_TYPE, name.removeprefix(LSL))
        self._stream = LslAmplifier(query, clock, scope, describe_keys)
        self._clock = clock
        self.keys = SensorKeys(f'sensor:{name.removeprefix(LSL) or KEY_TYPE}')

    @property
    def connected(self) -> bool:
        """Whether positions come."""
        return self._stream.state is StreamState.STREAMING

    @property
    def losses(self) -> int:
        """How often the stream went away."""
        return self._stream.losses

    def check(self) -> None:
        """Take what has come; raises AmplifierError where the stream can't be used."""
        losses = self.losses
        for block in self._stream.poll():
            stamps = block.stamp + np.arange(len(block.samples)) * NANOSECONDS / self._stream.rate
            keys = [int(label) for label in block.channel]
            self.keys.push(np.rint(stamps).astype(np.int64), keys, block.samples)
        if self._stream.description is not None:
            self.keys.source = f'sensor:{self._stream.description.name}'
        if self.losses > losses:
            self.keys.release_all(self._clock())

    def close(self) -> None:
        """Let go of the stream."""
        self._stream.close()
