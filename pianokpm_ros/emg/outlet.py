"""Offer EMG on LSL, described as `LslAmplifier` and other programs read it: what a device's driver would do."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.amplifier import load_lsl
from pianokpm_ros.emg.stream import EMG_TYPE
from pianokpm_ros.records import EmgOrigin

LSL_UNITS = {'V': 'volts', 'mvc': 'mvc'}


class EmgOutlet:
    """A stream of EMG on the network."""

    def __init__(
        self,
        name: str,
        channels: Sequence[str],
        rate: float,
        origin: EmgOrigin,
        source_id: str,
        sides: Sequence[Side] = (),
        unit: str = 'V',
        processing: str = 'raw',
        scope: str = 'site',
    ) -> None:
        """Open the stream; it says where the signal comes from."""
        self._lsl = load_lsl(scope)
        info = self._lsl.StreamInfo(name, EMG_TYPE, len(channels), rate, 'float32', source_id)
        described = info.desc().append_child('channels')
        sides = sides or [Side.UNKNOWN] * len(channels)
        for label, side in zip(channels, sides, strict=True):
            channel = described.append_child('channel')
            channel.append_child_value('label', label)
            channel.append_child_value('unit', LSL_UNITS[unit])
            channel.append_child_value('type', EMG_TYPE)
            if side is not Side.UNKNOWN:
                channel.append_child_value('side', side.label)
        info.desc().append_child_value('origin', origin.name.lower())
        info.desc().append_child_value('processing', processing)
        self._outlet = self._lsl.StreamOutlet(info)

    @property
    def clock(self) -> float:
        """Time on LSL's clock [s]."""
        return self._lsl.local_clock()

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._outlet.have_consumers())

    def push(self, samples: ArrayLike, times: ArrayLike) -> None:
        """Send (N, C) samples taken at (N,) times on LSL's clock [s]."""
        samples = np.ascontiguousarray(samples, np.float32)
        if len(samples):
            self._outlet.push_chunk(samples, np.asarray(times, np.float64).tolist())
