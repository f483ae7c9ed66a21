"""What travels between the parts of the pipeline: frozen records that mirror the messages, without ROS.

Letters: H hands, V views, K key samples, N signal samples, C channels, M muscles. Stamps are
integer nanoseconds on the ROS clock (of acquisition; `publish_stamp` of sending, 0 where not yet
sent).
Missing is NaN.
`pianokpm_ros.messages` turns every record into its message and back.
"""

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import LANDMARK_COUNT, Side, Status

FloatArray = NDArray[np.floating]
NANOSECONDS = 1_000_000_000
MILLISECOND = 1_000_000
NO_PEDAL = (float('nan'),) * 3

KEYBOARD_FRAME = 'keyboard'
"""Frame of keys, and of rigs that were brought to them: x along the keys to the right, y away from the player, z up."""


class EmgOrigin(IntEnum):
    """Where a block of EMG comes from."""

    MEASURED = 1
    SIMULATED = 2
    SYNTHETIC = 3


class Normalization(IntEnum):
    """What an activation of 1.0 stands for."""

    MVC = 1
    PERCENTILE = 2
    MODEL = 3


class Inputs(IntFlag):
    """Which inputs an estimate rests on."""

    NONE = 0
    POSE = 1
    MIDI = 2
    KEY_POSITION = 4


@dataclass(frozen=True, eq=False)
class HandLandmarks:
    """The hands in one camera frame; also made when no hand is seen.

    Attributes:
        stamp: middle of the exposure [ns].
        camera: camera name, as in the rig file.
        frame_id: camera optical frame.
        size: (width, height) of the image the pixels refer to [px].
        sequence: frame number counted by the source; gaps are dropped frames.
        side: (H,) `Side` values, of the person, never mirrored.
        score: (H,) hand presence, 0..1.
        pixels: (H, 21, 2) [px] in the raw (distorted) image, origin at the centre of the top left
            pixel.
        world: (H, 21, 3) [m], centred on the hand, axes of the optical frame.
        visibility: (H, 21), 0..1, NaN where the detector gives none.
        publish_stamp: when it was sent [ns].
    """

    stamp: int
    camera: str
    frame_id: str
    size: tuple[int, int]
    sequence: int
    side: NDArray[np.uint8]
    score: FloatArray
    pixels: FloatArray
    world: FloatArray
    visibility: FloatArray
    publish_stamp: int = 0

    @property
    def count(self) -> int:
        """Number of hands."""
        return len(self.side)

    @classmethod
    def empty(
        cls, stamp: int, camera: str, frame_id: str, size: tuple[int, int], sequence: int
    ) -> 'HandLandmarks':
        """Make the record of a frame in which no hand is seen."""
        n = LANDMARK_COUNT
        return cls(
            stamp,
            camera,
            frame_id,
            size,
            sequence,
            np.zeros(0, np.uint8),
            np.zeros(0, np.float32),
            np.zeros((0, n, 2), np.float32),
            np.zeros((0, n, 3), np.float32),
            np.zeros((0, n), np.float32),
        )


@dataclass(frozen=True, eq=False)
class HandPose:
    """One hand in space.

    Attributes:
        stamp: acquisition of the newest frame used [ns].
        frame_id: rig frame, or the optical frame of the camera where no calibration is known.
        sequence: counts up by one for every pose of this side.
        side: `Side.LEFT` or `Side.RIGHT`.
        status: how far it can be trusted.
        landmarks: (21, 3) [m] in `frame_id`.
        deviation: (21,) [m], 1 sigma per axis.
        covariance: (21, 6) [m^2], xx xy xz yy yz zz in `frame_id`.
        reprojection_error: (21,) [px], root mean square over the views used; NaN with fewer than
            two.
        views: (21,) number of views used.
        publish_stamp: when it was sent [ns].
    """

    stamp: int
    frame_id: str
    sequence: int
    side: Side
    status: Status
    landmarks: FloatArray
    deviation: FloatArray
    covariance: FloatArray
    reprojection_error: FloatArray
    views: NDArray[np.uint8]
    publish_stamp: int = 0

    @classmethod
    def invalid(
        cls, stamp: int, frame_id: str, sequence: int, side: Side, status: Status = Status.INVALID
    ) -> 'HandPose':
        """Make the record that says that this hand is not known at this time."""

        def unknown(*shape: int) -> FloatArray:
            return np.full(shape, np.nan, np.float32)

        n = LANDMARK_COUNT
        return cls(
            stamp,
            frame_id,
            sequence,
            side,
            status,
            unknown(n, 3),
            unknown(n),
            unknown(n, 6),
            unknown(n),
            np.zeros(n, np.uint8),
        )


@dataclass(frozen=True, eq=False)
class KeyMotion:
    """Motion of piano keys since the last record; keys that are not at rest appear in every record.

    Attributes:
        stamp: time of the first sample, or of making the record when it has none [ns].
        sequence: counts up by one.
        time: (K,) [s] after `stamp`, ascending.
        key: (K,) MIDI numbers, 21 to 108.
        position: (K,) 0 at rest, 1 at the key bottom.
        velocity: (K,) [1/s], positive downwards.
        midi_velocity: (K,) 1..127 as received, 0 = none.
        pedal: sustain, sostenuto, soft, 0 up to 1 down.
        source: such as `midi:Portname`, `file:piece.mid`, `sensor:name`.
        publish_stamp: when it was sent [ns].
    """

    stamp: int
    sequence: int
    time: FloatArray
    key: NDArray[np.uint8]
    position: FloatArray
    velocity: FloatArray
    midi_velocity: NDArray[np.uint8]
    pedal: tuple[float, float, float] = NO_PEDAL
    source: str = ''
    publish_stamp: int = 0


@dataclass(frozen=True, eq=False)
class EmgBlock:
    """Consecutive samples of surface EMG.

    Attributes:
        stamp: first sample [ns].
        sequence: counts up by one.
        origin: measured, simulated, or made from an estimate.
        sample_rate: [Hz].
        channel: C electrode or muscle names.
        side: (C,) `Side` values.
        unit: `V` or `mvc`.
        processing: `raw`, or filter type, order, corners, rectification in words.
        source: device or stream name.
        samples: (N, C), NaN = lost.
        publish_stamp: when it was sent [ns].
    """

    stamp: int
    sequence: int
    origin: EmgOrigin
    sample_rate: float
    channel: tuple[str, ...]
    side: NDArray[np.uint8]
    unit: str
    processing: str
    source: str
    samples: FloatArray
    publish_stamp: int = 0


@dataclass(frozen=True, eq=False)
class MuscleActivity:
    """Estimated activity of hand muscles; an estimate is not a measurement.

    Attributes:
        stamp: acquisition of the newest frame used [ns].
        frame_id: as in the pose.
        sequence: counts up by one for every estimate of this side.
        side: `Side.LEFT` or `Side.RIGHT`.
        status: how far it can be trusted.
        inputs: what the newest sample rests on.
        muscle: M names.
        activation: (M,) newest envelope sample, as a fraction of `normalization`.
        deviation: (M,) 1 sigma.
        confidence: 0..1.
        lookahead: [s]; the newest sample is the muscle at `stamp - lookahead`, within one sample.
        sample_rate: of the envelope [Hz].
        envelope_stamp: time of the first envelope sample [ns].
        envelope: (N, M) samples since the last estimate.
        envelope_deviation: (N, M) 1 sigma.
        normalization: what 1.0 stands for.
        model_id: model name and head of its SHA-256.
        calibration_id: personal calibration in use, empty = none.
        simulated_training: the model learned from simulated EMG, alone or beside measured EMG.
        publish_stamp: when it was sent [ns].
    """

    stamp: int
    frame_id: str
    sequence: int
    side: Side
    status: Status
    inputs: Inputs
    muscle: tuple[str, ...]
    activation: FloatArray
    deviation: FloatArray
    confidence: float
    lookahead: float
    sample_rate: float
    envelope_stamp: int
    envelope: FloatArray
    envelope_deviation: FloatArray
    normalization: Normalization
    model_id: str
    calibration_id: str = ''
    simulated_training: bool = True
    publish_stamp: int = 0


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of one camera, passed by reference inside a process.

    Attributes:
        stamp: middle of the exposure [ns].
        camera: camera name.
        sequence: frame number counted by the source; gaps are dropped frames.
        image: (height, width, 3) uint8, BGR.
    """

    stamp: int
    camera: str
    sequence: int
    image: NDArray[np.uint8] = field(repr=False)
