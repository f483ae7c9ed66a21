"""What a recording holds: one hand of one person playing one task, each signal with its own time axis.

Nothing has to be assumed about rates: every sample has its stamp [ns], 0 at the recording's start,
on one clock for all parts. Missing is NaN; a part that was not recorded is None.
Letters: T poses, V frames of a view, K key samples, L notes, N samples, C channels.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import Side
from pianokpm_ros.errors import PianokpmError

SCALES = {
    'MVC': 'maximum voluntary contraction',
    'PERCENTILE': 'percentile 99.5 of each recording session',
    'MODEL': "maximum in a model's training data",
    '': 'something that is not known',
}
"""What 1.0 in an envelope stands for, in words, by `RecordingInfo.normalization`."""

FloatArray = NDArray[np.floating]
Stamps = NDArray[np.int64]


class DataError(PianokpmError, ValueError):
    """A recording or data set can't be used as it is."""


def name_scales(kinds: Iterable[str]) -> str:
    """Say in words what 1.0 stands for in recordings of these normalizations."""
    return ' or '.join(SCALES.get(kind, kind) for kind in sorted(set(kinds)))


class Part:
    """Base of the parts: arrays listed in `ARRAYS` (dtype and dimensions by letter), the rest is text."""

    ARRAYS: ClassVar[Mapping[str, tuple[str, tuple[str | int, ...]]]] = {}
    STRICT: ClassVar[bool] = True
    """Whether stamps must increase; samples of several keys may share one."""

    def __post_init__(self) -> None:
        sizes: dict[str, int] = {}
        for name, (dtype, dimensions) in self.ARRAYS.items():
            array = np.asarray(getattr(self, name))
            if array.dtype != np.dtype(dtype):
                kind = type(self).__name__
                raise DataError(f'{kind}.{name} must be {dtype}, found {array.dtype}; convert it')
            self._check_shape(name, array.shape, dimensions, sizes)
        self._check_stamps()

    def _check_shape(
        self, name: str, shape: tuple[int, ...], dimensions: tuple, sizes: dict[str, int]
    ) -> None:
        wanted = [sizes.get(d, d) if isinstance(d, str) else d for d in dimensions]
        fits = len(shape) == len(wanted) and all(
            isinstance(w, str) or w == s for w, s in zip(wanted, shape, strict=True)
        )
        if not fits:
            raise DataError(
                f'{type(self).__name__}.{name} must have the shape {tuple(wanted)}, found {shape}'
            )
        sizes.update({d: s for d, s in zip(dimensions, shape, strict=True) if isinstance(d, str)})

    def _check_stamps(self) -> None:
        step = np.diff(self.stamp)
        if (step <= 0).any() if self.STRICT else (step < 0).any():
            words = 'increase' if self.STRICT else 'not decrease'
            raise DataError(f'{type(self).__name__}.stamp must {words}; sort the samples')

    def arrays(self) -> dict[str, NDArray]:
        """Return the arrays by name."""
        return {name: getattr(self, name) for name in self.ARRAYS}

    def texts(self) -> dict[str, Any]:
        """Return everything but the arrays, as JSON values."""
        found = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in self.ARRAYS}
        return {n: list(v) if isinstance(v, tuple) else v for n, v in found.items()}

    @property
    def rate(self) -> float:
        """Median rate [Hz], for information; NaN with fewer than two samples."""
        step = np.diff(self.stamp)
        return float(1e9 / np.median(step)) if len(step) and np.median(step) > 0 else float('nan')


@dataclass(frozen=True, eq=False)
class PoseTrack(Part):
    """The hand in space.

    Attributes:
        stamp: (T,) int64 [ns].
        landmarks: (T, 21, 3) float32 [m] in `frame_id`, NaN = unknown.
        deviation: (T, 21) float32 [m], 1 sigma per axis, NaN = unknown.
        frame_id: frame of the landmarks; `keyboard` and `rig` are the keyboard's (origin: front edge of middle C).
        source: such as `triangulated`, `exact`, `single view`.
    """

    stamp: Stamps
    landmarks: FloatArray
    deviation: FloatArray
    frame_id: str = 'rig'
    source: str = ''
    ARRAYS: ClassVar = {
        'stamp': ('int64', ('T',)),
        'landmarks': ('float32', ('T', 21, 3)),
        'deviation': ('float32', ('T', 21)),
    }


@dataclass(frozen=True, eq=False)
class ViewTrack(Part):
    """The hand in one camera's image.

    Attributes:
        stamp: (V,) int64 [ns], middle of the exposure.
        pixels: (V, 21, 2) float32 [px], NaN = not seen; in units of the image where `size` is (1, 1).
        size: (width, height) [px]; (0, 0) = not known.
        source: detector, or `imported`.
    """

    stamp: Stamps
    pixels: FloatArray
    size: tuple[int, int]
    source: str = ''
    ARRAYS: ClassVar = {'stamp': ('int64', ('V',)), 'pixels': ('float32', ('V', 21, 2))}


@dataclass(frozen=True, eq=False)
class KeyTrack(Part):
    """Motion of the piano's keys, of both hands: samples only while a key moves.

    Attributes:
        stamp: (K,) int64 [ns], not decreasing.
        key: (K,) uint8 MIDI number, 21 to 108.
        position: (K,) float32, 0 at rest, 1 at the bottom.
        velocity: (K,) float32 [1/s], positive downwards, NaN = unknown.
        source: such as `simulated`, `midi`, `sensor:name`.
    """

    stamp: Stamps
    key: NDArray[np.uint8]
    position: FloatArray
    velocity: FloatArray
    source: str = ''
    STRICT: ClassVar = False
    ARRAYS: ClassVar = {
        'stamp': ('int64', ('K',)),
        'key': ('uint8', ('K',)),
        'position': ('float32', ('K',)),
        'velocity': ('float32', ('K',)),
    }


@dataclass(frozen=True, eq=False)
class NoteTrack(Part):
    """The notes played, of both hands.

    Attributes:
        stamp: (L,) int64 key-down [ns], not decreasing.
        release: (L,) int64 key-up [ns].
        key: (L,) uint8 MIDI number.
        velocity: (L,) uint8, 1 to 127; 0 = unknown.
        side: (L,) uint8 `Side` of the hand that played it.
        finger: (L,) uint8, 1 thumb to 5 little finger; 0 = unknown.
        source: such as `simulated`, `midi`, `keys`.
    """

    stamp: Stamps
    release: Stamps
    key: NDArray[np.uint8]
    velocity: NDArray[np.uint8]
    side: NDArray[np.uint8]
    finger: NDArray[np.uint8]
    source: str = ''
    STRICT: ClassVar = False
    ARRAYS: ClassVar = {
        'stamp': ('int64', ('L',)),
        'release': ('int64', ('L',)),
        'key': ('uint8', ('L',)),
        'velocity': ('uint8', ('L',)),
        'side': ('uint8', ('L',)),
        'finger': ('uint8', ('L',)),
    }


@dataclass(frozen=True, eq=False)
class SignalTrack(Part):
    """Sampled channels: raw EMG, envelopes, excitations, joint angles.

    Attributes:
        stamp: (N,) int64 [ns].
        samples: (N, C) float32, NaN = lost.
        channel: C names; muscles in the order of `anatomy.MUSCLES` where they are those.
        unit: `V`, `mvc` (fraction of the maximum contraction), `rad`, or `1`.
        processing: `raw`, or filters, rectification and normalisation in words.
    """

    stamp: Stamps
    samples: FloatArray
    channel: tuple[str, ...]
    unit: str
    processing: str
    ARRAYS: ClassVar = {'stamp': ('int64', ('N',)), 'samples': ('float32', ('N', 'C'))}

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.channel) != self.samples.shape[1]:
            raise DataError(
                f'{self.samples.shape[1]} channels need as many names, found {list(self.channel)}'
            )


@dataclass(frozen=True)
class RecordingInfo:
    """What is known of a recording besides its signals.

    Attributes:
        name: unique within a data set, usable as a folder name.
        subject: person, such as `s01`.
        task: such as `scales`.
        trial: repetition of the task, from 0.
        side: the recorded hand, of the person, never mirrored.
        session: recordings of one session share electrodes and clock; both hands of a take share it.
        simulated: True where anything in it was simulated.
        normalization: what 1.0 in the envelope stands for, a `records.Normalization` name, '' without envelope.
        description: what was played, in words.
        provenance: how it was made: program, version, seed, sources, licences.
    """

    name: str
    subject: str
    task: str
    trial: int
    side: Side
    session: str
    simulated: bool
    normalization: str
    description: str
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Recording:
    """One hand of one person playing one task.

    Attributes:
        info: who, what and how.
        pose: the hand as the vision front end sees it.
        pose_truth: the exact hand; simulated recordings only.
        views: the hand in each camera's image, by camera name.
        keys: motion of the keys.
        notes: notes played.
        emg: raw EMG.
        envelope: EMG envelope.
        excitation: what drove the simulated muscles, without electrodes; simulated recordings only.
        angles: joint angles, of data that come with angles and no landmarks.
    """

    info: RecordingInfo
    pose: PoseTrack | None = None
    pose_truth: PoseTrack | None = None
    views: Mapping[str, ViewTrack] = field(default_factory=dict)
    keys: KeyTrack | None = None
    notes: NoteTrack | None = None
    emg: SignalTrack | None = None
    envelope: SignalTrack | None = None
    excitation: SignalTrack | None = None
    angles: SignalTrack | None = None

    def __post_init__(self) -> None:
        if not self.info.simulated and (self.pose_truth or self.excitation):
            raise DataError(
                f'{self.info.name} is said to be no simulation, but holds an exact pose or an excitation'
            )

    @property
    def duration(self) -> float:
        """Time to the last sample of any part [s]."""
        tracks = [self.pose, self.keys, self.emg, self.envelope, self.angles, *self.views.values()]
        return max((int(t.stamp[-1]) for t in tracks if t and len(t.stamp)), default=0) * 1e-9
