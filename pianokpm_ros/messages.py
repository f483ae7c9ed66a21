"""The one place where messages and records meet.

Works for the classes of a ROS installation (`rclpy`) and, without ROS, for those that `rosbags`
makes from the same `.msg` files: a `MessageTypes` says which. What comes in is checked, since a
mutated message deserialises to nonsense.
"""

import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pianokpm_ros.anatomy import LANDMARK_COUNT, Side, Status
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.records import (
    KEYBOARD_FRAME,
    NANOSECONDS,
    EmgBlock,
    EmgOrigin,
    HandLandmarks,
    HandPose,
    Inputs,
    KeyMotion,
    MuscleActivity,
    Normalization,
)

Record = HandLandmarks | HandPose | KeyMotion | EmgBlock | MuscleActivity
RECORDS: tuple[type, ...] = (HandLandmarks, HandPose, KeyMotion, EmgBlock, MuscleActivity)
TYPE_CODES = {'float32': 'f', 'uint8': 'B'}


class MessageError(PianokpmError, ValueError):
    """A message breaks its contract."""


@dataclass(frozen=True)
class MessageTypes:
    """Message classes of one world.

    Attributes:
        get: returns a class by its full name, such as `pianokpm/msg/HandPose`.
        sequence: makes the value of an unbounded numeric array field from (N,) numbers and a dtype
            name.
    """

    get: Callable[[str], type]
    sequence: Callable[[ArrayLike, str], Any]

    def time(self, stamp: int) -> Any:
        """Make a Time from [ns]."""
        if not 0 <= stamp < 2**31 * NANOSECONDS:
            raise MessageError(f'asked to send the stamp {stamp} ns; messages hold 0 to 2^31 s')
        sec, nanosec = divmod(int(stamp), NANOSECONDS)
        return self.get('builtin_interfaces/msg/Time')(sec=sec, nanosec=nanosec)

    def header(self, stamp: int, frame_id: str) -> Any:
        """Make a Header."""
        return self.get('std_msgs/msg/Header')(stamp=self.time(stamp), frame_id=frame_id)


@lru_cache(maxsize=1)
def ros_types() -> MessageTypes:
    """Return the classes of the ROS installation; raises ImportError where there is none."""
    import builtin_interfaces.msg
    import pianokpm.msg
    import std_msgs.msg

    modules = {
        'builtin_interfaces': builtin_interfaces.msg,
        'std_msgs': std_msgs.msg,
        'pianokpm': pianokpm.msg,
    }

    def get(name: str) -> type:
        package, _, kind = name.split('/')
        return getattr(modules[package], kind)

    def sequence(values: ArrayLike, dtype: str) -> array.array:
        made = array.array(TYPE_CODES[dtype])
        made.frombytes(np.ascontiguousarray(values, dtype).tobytes())
        return made

    return MessageTypes(get, sequence)


def type_name(kind: type) -> str:
    """Return the full message name of a record class."""
    return f'pianokpm/msg/{kind.__name__}'


def to_message(record: Record, types: MessageTypes | None = None) -> Any:
    """Turn a record into its message; without `types` that of the ROS installation."""
    types = types or ros_types()
    return types.get(type_name(type(record)))(**_WRITERS[type(record)](record, types))


def from_message(message: Any) -> Record:
    """Turn a message into its record; raises MessageError where it breaks its contract."""
    reader = _READERS.get(type(message).__name__.rsplit('__', 1)[-1])
    if reader is None:
        raise MessageError(
            f'asked to read a {type(message).__name__}; known are '
            f'{", ".join(k.__name__ for k in RECORDS)}'
        )
    return reader(message)


def stamp_of(time: Any) -> int:
    """Turn a Time message into [ns]."""
    return int(time.sec) * NANOSECONDS + int(time.nanosec)


def checked_stamp(time: Any) -> int:
    """Likewise of a message that may be nonsense; raises MessageError for what no message of ours could tell again."""
    if time.sec < 0 or time.nanosec >= NANOSECONDS:
        raise MessageError(f'a stamp of {time.sec} s and {time.nanosec} ns is no time after 1970')
    return stamp_of(time)


def _write_landmarks(r: HandLandmarks, t: MessageTypes) -> dict[str, Any]:
    return {
        'header': t.header(r.stamp, r.frame_id),
        'publish_stamp': t.time(r.publish_stamp),
        'camera': r.camera,
        'width': int(r.size[0]),
        'height': int(r.size[1]),
        'sequence': int(r.sequence),
        'side': t.sequence(r.side, 'uint8'),
        'score': t.sequence(r.score, 'float32'),
        'pixels': t.sequence(np.ravel(r.pixels), 'float32'),
        'world': t.sequence(np.ravel(r.world), 'float32'),
        'visibility': t.sequence(np.ravel(r.visibility), 'float32'),
    }


def _write_pose(r: HandPose, t: MessageTypes) -> dict[str, Any]:
    return {
        'header': t.header(r.stamp, r.frame_id),
        'publish_stamp': t.time(r.publish_stamp),
        'sequence': int(r.sequence),
        'side': int(r.side),
        'status': int(r.status),
        'landmarks': _fixed(r.landmarks, 63),
        'deviation': _fixed(r.deviation, 21),
        'covariance': _fixed(r.covariance, 126),
        'reprojection_error': _fixed(r.reprojection_error, 21),
        'views': _fixed(r.views, 21, np.uint8),
    }


def _write_keys(r: KeyMotion, t: MessageTypes) -> dict[str, Any]:
    return {
        'header': t.header(r.stamp, KEYBOARD_FRAME),
        'publish_stamp': t.time(r.publish_stamp),
        'sequence': int(r.sequence),
        'time': t.sequence(r.time, 'float32'),
        'key': t.sequence(r.key, 'uint8'),
        'position': t.sequence(r.position, 'float32'),
        'velocity': t.sequence(r.velocity, 'float32'),
        'midi_velocity': t.sequence(r.midi_velocity, 'uint8'),
        'pedal': _fixed(r.pedal, 3),
        'source': r.source,
    }


def _write_emg(r: EmgBlock, t: MessageTypes) -> dict[str, Any]:
    return {
        'header': t.header(r.stamp, ''),
        'publish_stamp': t.time(r.publish_stamp),
        'sequence': int(r.sequence),
        'origin': int(r.origin),
        'sample_rate': float(r.sample_rate),
        'channel': list(r.channel),
        'side': t.sequence(r.side, 'uint8'),
        'unit': r.unit,
        'processing': r.processing,
        'source': r.source,
        'samples': t.sequence(np.ravel(r.samples), 'float32'),
    }


def _write_activity(r: MuscleActivity, t: MessageTypes) -> dict[str, Any]:
    return {
        'header': t.header(r.stamp, r.frame_id),
        'publish_stamp': t.time(r.publish_stamp),
        'sequence': int(r.sequence),
        'side': int(r.side),
        'status': int(r.status),
        'inputs': int(r.inputs),
        'muscle': list(r.muscle),
        'activation': t.sequence(r.activation, 'float32'),
        'deviation': t.sequence(r.deviation, 'float32'),
        'confidence': float(r.confidence),
        'lookahead': float(r.lookahead),
        'sample_rate': float(r.sample_rate),
        'envelope_stamp': t.time(r.envelope_stamp),
        'envelope': t.sequence(np.ravel(r.envelope), 'float32'),
        'envelope_deviation': t.sequence(np.ravel(r.envelope_deviation), 'float32'),
        'normalization': int(r.normalization),
        'model_id': r.model_id,
        'calibration_id': r.calibration_id,
        'simulated_training': bool(r.simulated_training),
    }


def _fixed(values: ArrayLike, length: int, dtype: type = np.float32) -> NDArray:
    made = np.ascontiguousarray(values, dtype).reshape(-1)
    if len(made) != length:
        raise MessageError(f'asked to send {len(made)} numbers in a field of {length}')
    return made


def _read_landmarks(m: Any) -> HandLandmarks:
    n = len(m.side)
    return HandLandmarks(
        checked_stamp(m.header.stamp),
        m.camera,
        m.header.frame_id,
        (int(m.width), int(m.height)),
        int(m.sequence),
        _sides(m, 'side', n),
        _array(m, 'score', (n,)),
        _array(m, 'pixels', (n, LANDMARK_COUNT, 2)),
        _array(m, 'world', (n, LANDMARK_COUNT, 3)),
        _array(m, 'visibility', (n, LANDMARK_COUNT)),
        checked_stamp(m.publish_stamp),
    )


def _read_pose(m: Any) -> HandPose:
    return HandPose(
        checked_stamp(m.header.stamp),
        m.header.frame_id,
        int(m.sequence),
        _hand(m),
        _member(m, 'status', Status),
        _array(m, 'landmarks', (LANDMARK_COUNT, 3)),
        _array(m, 'deviation', (LANDMARK_COUNT,)),
        _array(m, 'covariance', (LANDMARK_COUNT, 6)),
        _array(m, 'reprojection_error', (LANDMARK_COUNT,)),
        _array(m, 'views', (LANDMARK_COUNT,), np.uint8),
        checked_stamp(m.publish_stamp),
    )


def _read_keys(m: Any) -> KeyMotion:
    n = len(m.key)
    key, time = _array(m, 'key', (n,), np.uint8), _array(m, 'time', (n,))
    if n and not (21 <= key.min() and key.max() <= 108):
        raise MessageError(
            f'KeyMotion.key: piano keys are 21 to 108, found {key.min()} to {key.max()}'
        )
    if not np.isfinite(time).all() or (np.diff(time) < 0).any():
        raise MessageError('KeyMotion.time: must be finite and ascending')
    return KeyMotion(
        checked_stamp(m.header.stamp),
        int(m.sequence),
        time,
        key,
        _array(m, 'position', (n,)),
        _array(m, 'velocity', (n,)),
        _array(m, 'midi_velocity', (n,), np.uint8),
        tuple(float(v) for v in _array(m, 'pedal', (3,))),
        m.source,
        checked_stamp(m.publish_stamp),
    )


def _read_emg(m: Any) -> EmgBlock:
    channels = len(m.channel)
    return EmgBlock(
        checked_stamp(m.header.stamp),
        int(m.sequence),
        _member(m, 'origin', EmgOrigin),
        _rate(m),
        tuple(m.channel),
        _sides(m, 'side', channels),
        m.unit,
        m.processing,
        m.source,
        _table(m, 'samples', channels),
        checked_stamp(m.publish_stamp),
    )


def _read_activity(m: Any) -> MuscleActivity:
    muscles = len(m.muscle)
    envelope = _table(m, 'envelope', muscles)
    return MuscleActivity(
        checked_stamp(m.header.stamp),
        m.header.frame_id,
        int(m.sequence),
        _hand(m),
        _member(m, 'status', Status),
        Inputs(int(m.inputs) & 7),
        tuple(m.muscle),
        _array(m, 'activation', (muscles,)),
        _array(m, 'deviation', (muscles,)),
        float(m.confidence),
        float(m.lookahead),
        _rate(m),
        checked_stamp(m.envelope_stamp),
        envelope,
        _array(m, 'envelope_deviation', envelope.shape),
        _member(m, 'normalization', Normalization),
        m.model_id,
        m.calibration_id,
        bool(m.simulated_training),
        checked_stamp(m.publish_stamp),
    )


def _array(m: Any, field: str, shape: tuple[int, ...], dtype: type = np.float32) -> NDArray:
    values = np.array(getattr(m, field), dtype)
    if values.size != int(np.prod(shape)):
        raise MessageError(
            f'{_name(m)}.{field}: expected {"x".join(map(str, shape))} numbers, found {values.size}'
        )
    return values.reshape(shape)


def _table(m: Any, field: str, columns: int) -> NDArray[np.float32]:
    size = len(getattr(m, field))
    if size % max(columns, 1):
        raise MessageError(f'{_name(m)}.{field}: {size} numbers are no whole rows of {columns}')
    return _array(m, field, (size // columns if columns else 0, columns))


def _member(m: Any, field: str, kind: type) -> Any:
    value = int(getattr(m, field))
    try:
        return kind(value)
    except ValueError as error:
        raise MessageError(f'{_name(m)}.{field}: {value} is no {kind.__name__}') from error


def _hand(m: Any) -> Side:
    side = _member(m, 'side', Side)
    if side is Side.UNKNOWN:
        raise MessageError(f'{_name(m)}.side: must be left or right')
    return side


def _sides(m: Any, field: str, count: int) -> NDArray[np.uint8]:
    values = _array(m, field, (count,), np.uint8)
    if (values > max(Side)).any():
        raise MessageError(f'{_name(m)}.{field}: {values.max()} is no side')
    return values


def _rate(m: Any) -> float:
    rate = float(m.sample_rate)
    if not 0 < rate < 1e6:
        raise MessageError(
            f'{_name(m)}.sample_rate: must be positive and below 1 MHz, found {rate:g}'
        )
    return rate


def _name(m: Any) -> str:
    return type(m).__name__.rsplit('__', 1)[-1]


_WRITERS: dict[type, Callable[[Any, MessageTypes], dict[str, Any]]] = {
    HandLandmarks: _write_landmarks,
    HandPose: _write_pose,
    KeyMotion: _write_keys,
    EmgBlock: _write_emg,
    MuscleActivity: _write_activity,
}
_READERS: dict[str, Callable[[Any], Record]] = {
    'HandLandmarks': _read_landmarks,
    'HandPose': _read_pose,
    'KeyMotion': _read_keys,
    'EmgBlock': _read_emg,
    'MuscleActivity': _read_activity,
}
