"""What a lab streaming layer (LSL) stream says about itself, as needed to make EMG blocks of it.

Read from the stream's description: `channels/channel/label`, `unit`, `type` and, beyond the common
form, `side` of each channel and `origin` and `processing` of the stream. Letter: C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Side
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.records import EmgOrigin

EMG_TYPE = 'EMG'
VOLTS = {
    **dict.fromkeys(('v', 'volt', 'volts'), 1.0),
    **dict.fromkeys(('mv', 'millivolt', 'millivolts'), 1e-3),
    **dict.fromkeys(('uv', 'µv', 'μv', 'microvolt', 'microvolts'), 1e-6),
    **dict.fromkeys(('nv', 'nanovolt', 'nanovolts'), 1e-9),
}
"""Factor to volts of the units that amplifiers name; both Unicode spellings of micro are in use."""

MVC_UNIT = 'mvc'


class AmplifierError(PianokpmError, RuntimeError):
    """An EMG stream can't be used or found."""


class StreamInfo(Protocol):
    """What is used of `pylsl.StreamInfo`."""

    def name(self) -> str: ...
    def type(self) -> str: ...
    def source_id(self) -> str: ...
    def hostname(self) -> str: ...
    def channel_count(self) -> int: ...
    def nominal_srate(self) -> float: ...
    def desc(self) -> Any: ...


@dataclass(frozen=True)
class StreamWishes:
    """What a user states about a stream, where its description is silent or wrong.

    Attributes:
        channels: labels to take, in this order; with a stream without labels, the label of each
            channel; empty = all of type EMG.
        unit: of all channels; empty = as described.
        side: of channels that don't say.
    """

    channels: tuple[str, ...] = ()
    unit: str = ''
    side: Side = Side.UNKNOWN


@dataclass(frozen=True, eq=False)
class StreamDescription:
    """An EMG stream, ready to be turned into blocks.

    Attributes:
        name: of the stream.
        source_id: of the device; empty = none.
        rate: nominal sampling rate [Hz].
        channel: C labels.
        side: (C,) `Side` values.
        index: (C,) columns of the stream's samples.
        scale: (C,) factor from the stream's unit to `unit`.
        unit: `V` or `mvc`.
        origin: measured, simulated or synthetic.
        processing: in words.
    """

    name: str
    source_id: str
    rate: float
    channel: tuple[str, ...]
    side: NDArray[np.uint8]
    index: NDArray[np.int64]
    scale: NDArray[np.float64]
    unit: str
    origin: EmgOrigin = EmgOrigin.MEASURED
    processing: str = 'raw'

    @property
    def source(self) -> str:
        """Name for the records."""
        return f'lsl:{self.name}' + (f':{self.source_id}' if self.source_id else '')

    def same_signal(self, other: 'StreamDescription') -> bool:
        """Tell whether another stream may go on where this one ended."""
        mine, others = (
            (d.rate, d.channel, d.unit, d.origin, d.processing, d.side.tolist())
            for d in (self, other)
        )
        return mine == others


@dataclass(frozen=True)
class _Channel:
    index: int
    label: str = ''
    unit: str = ''
    kind: str = ''
    side: str = ''


def describe_stream(info: StreamInfo, wishes: StreamWishes | None = None) -> StreamDescription:
    """Read a stream's full description; raises AmplifierError where it is no usable EMG."""
    wishes = wishes or StreamWishes()
    rate = float(info.nominal_srate())
    if not 0 < rate < 1e6:
        raise AmplifierError(
            f'stream {info.name()!r} states a rate of {rate:g} Hz; EMG needs a fixed rate, set it in '
            'the sender'
        )
    channels = _choose(_read_channels(info), wishes, info.name())
    unit, scale = _read_units(channels, wishes, info.name())
    return StreamDescription(
        info.name(),
        info.source_id(),
        rate,
        tuple(c.label for c in channels),
        np.array([_read_side(c, wishes) for c in channels], np.uint8),
        np.array([c.index for c in channels], np.int64),
        scale,
        unit,
        _read_origin(info),
        info.desc().child_value('processing') or 'raw',
    )


def read_channel_texts(info: StreamInfo, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return some texts of the description of every channel, empty where it doesn't say."""
    node = info.desc().child('channels').child('channel')
    found: list[tuple[str, ...]] = []
    while not node.empty() and len(found) < info.channel_count():
        found.append(tuple(node.child_value(n).strip() for n in names))
        node = node.next_sibling('channel')
    return found + [('',) * len(names)] * (info.channel_count() - len(found))


def _read_channels(info: StreamInfo) -> list[_Channel]:
    texts = read_channel_texts(info, ('label', 'unit', 'type', 'side'))
    return [_Channel(i, *t) for i, t in enumerate(texts)]


def _choose(channels: list[_Channel], wishes: StreamWishes, name: str) -> list[_Channel]:
    if wishes.channels and not any(c.label for c in channels):
        if len(wishes.channels) != len(channels):
            raise AmplifierError(
                f'stream {name!r} has {len(channels)} channels without labels, and '
                f'{len(wishes.channels)} names were given; give one for each'
            )
        return [
            _Channel(c.index, n, c.unit, c.kind, c.side)
            for c, n in zip(channels, wishes.channels, strict=True)
        ]
    if wishes.channels:
        known = {c.label: c for c in channels}
        missing = [n for n in wishes.channels if n not in known]
        if missing:
            raise AmplifierError(
                f'stream {name!r} has no channel {", ".join(missing)}; it has {", ".join(known)}'
            )
        return [known[n] for n in wishes.channels]
    emg = [c for c in channels if c.kind.upper() in ('', EMG_TYPE)]
    labelled = [_Channel(c.index, c.label or str(c.index + 1), c.unit, '', c.side) for c in emg]
    if not labelled or len({c.label for c in labelled}) < len(labelled):
        raise AmplifierError(
            f'stream {name!r} has the EMG channels [{", ".join(c.label for c in labelled)}]; it must '
            'have at least one, and labels must differ: set them in the sender'
        )
    return labelled


def _read_units(
    channels: list[_Channel], wishes: StreamWishes, name: str
) -> tuple[str, NDArray[np.float64]]:
    units = [(wishes.unit or c.unit).strip().lower() for c in channels]
    if all(u == MVC_UNIT for u in units):
        return MVC_UNIT, np.ones(len(units))
    unknown = sorted({u for u in units if u not in VOLTS})
    if unknown:
        raise AmplifierError(
            f'stream {name!r} gives its channels in the unit {", ".join(map(repr, unknown))}; known are '
            'V, mV, uV, nV and mvc: correct its description, or say which unit it is'
        )
    return 'V', np.array([VOLTS[u] for u in units])


def _read_side(channel: _Channel, wishes: StreamWishes) -> Side:
    named = {'left': Side.LEFT, 'right': Side.RIGHT}
    return named.get(channel.side.lower(), wishes.side)


def _read_origin(info: StreamInfo) -> EmgOrigin:
    text = info.desc().child_value('origin').strip().upper()
    try:
        return EmgOrigin[text] if text else EmgOrigin.MEASURED
    except KeyError as error:
        raise AmplifierError(
            f'stream {info.name()!r} states the origin {text.lower()!r}; known are measured, simulated '
            'and synthetic: correct its description'
        ) from error
