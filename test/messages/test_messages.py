import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pianokpm_ros.messages import MessageError, from_message, ros_types, to_message
from pianokpm_ros.recording.schemas import bag_types, deserialize, serialize

from .examples import make_all, make_record


def worlds():
    yield pytest.param(bag_types, id='rosbags')
    yield pytest.param(ros_types, id='rclpy')


def load(world):
    try:
        return world()
    except ImportError as error:
        pytest.skip(f'the messages are not built or not on the path: {error}')


def assert_same(a, b):
    assert type(a) is type(b)
    for name in a.__dataclass_fields__:
        first, second = getattr(a, name), getattr(b, name)
        if isinstance(first, np.ndarray):
            np.testing.assert_array_equal(np.asarray(first, second.dtype), second, err_msg=name)
        elif (
            isinstance(first, (float, tuple))
            and not isinstance(first, str)
            and name in ('pedal', 'confidence', 'lookahead')
        ):
            np.testing.assert_array_equal(np.float32(first), np.float32(second), err_msg=name)
        else:
            assert first == second, name


@pytest.mark.parametrize('world', worlds())
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(0, 5))
def test_every_record_survives_its_message(world, seed, size):
    types = load(world)
    for record in make_all(np.random.default_rng(seed), size):
        assert_same(record, from_message(to_message(record, types)))


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_every_record_survives_its_bytes(seed, size):
    for record in make_all(np.random.default_rng(seed), size):
        assert_same(
            record, deserialize(serialize(record), f'pianokpm/msg/{type(record).__name__}')
        )


def test_each_world_reads_the_bytes_of_the_other():
    types = load(ros_types)
    from rclpy.serialization import deserialize_message, serialize_message

    for record in make_all(np.random.default_rng(1), 3):
        name = f'pianokpm/msg/{type(record).__name__}'
        # Not compared byte by byte: rclpy leaves padding uninitialised.
        assert_same(record, deserialize(serialize_message(to_message(record, types)), name))
        assert_same(record, from_message(deserialize_message(serialize(record), types.get(name))))


@pytest.mark.parametrize(
    ('kind', 'field', 'value', 'words'),
    [
        ('HandLandmarks', 'pixels', np.zeros(5, np.float32), 'pixels: expected 2x21x2'),
        ('HandLandmarks', 'side', np.array([1, 9], np.uint8), 'no side'),
        ('HandPose', 'status', 7, 'no Status'),
        ('HandPose', 'side', 0, 'left or right'),
        ('KeyMotion', 'key', np.array([1, 2], np.uint8), '21 to 108'),
        ('KeyMotion', 'time', np.array([1.0, 0.0], np.float32), 'ascending'),
        ('EmgBlock', 'samples', np.zeros(3, np.float32), 'whole rows'),
        ('EmgBlock', 'sample_rate', float('nan'), 'positive'),
        ('EmgBlock', 'origin', 0, 'no EmgOrigin'),
        ('MuscleActivity', 'envelope_deviation', np.zeros(1, np.float32), 'envelope_deviation'),
        ('MuscleActivity', 'normalization', 9, 'no Normalization'),
    ],
)
def test_nonsense_is_refused_by_name(kind, field, value, words):
    message = to_message(make_record(kind, np.random.default_rng(0), 2), bag_types())
    object.__setattr__(message, field, value)
    with pytest.raises(MessageError, match=words):
        from_message(message)


@pytest.mark.parametrize('time', [(-1, 0), (5, 10**9)])
@pytest.mark.parametrize(
    'kind', ['HandLandmarks', 'HandPose', 'KeyMotion', 'EmgBlock', 'MuscleActivity']
)
def test_a_stamp_that_is_none_is_refused(kind, time):
    """What is made of it could not be sent."""
    message = to_message(make_record(kind, np.random.default_rng(0), 2), bag_types())
    for name, value in zip(('sec', 'nanosec'), time, strict=True):
        object.__setattr__(message.header.stamp, name, value)
    with pytest.raises(MessageError, match='no time after 1970'):
        from_message(message)


def test_foreign_messages_are_refused():
    with pytest.raises(MessageError, match='known are HandLandmarks'):
        from_message(bag_types().time(3))
