"""The message definitions, for reading and writing bags without a ROS installation."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from pianokpm_ros.messages import (
    RECORDS,
    MessageError,
    MessageTypes,
    Record,
    from_message,
    to_message,
    type_name,
)
from pianokpm_ros.shares import find_share


@lru_cache(maxsize=1)
def load_store() -> Typestore:
    """Return the Jazzy type store with this package's messages."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for kind in RECORDS:
        text = Path(find_share(f'msg/{kind.__name__}.msg')).read_text()
        store.register(get_types_from_msg(text, type_name(kind)))
    return store


@lru_cache(maxsize=1)
def bag_types() -> MessageTypes:
    """Return the message classes of `rosbags`."""
    store = load_store()
    return MessageTypes(
        lambda name: store.types[name], lambda values, dtype: np.ascontiguousarray(values, dtype)
    )


def serialize(record: Record) -> bytes:
    """Turn a record into CDR."""
    return bytes(
        load_store().serialize_cdr(to_message(record, bag_types()), type_name(type(record)))
    )


def deserialize(data: bytes, datatype: str) -> Any:
    """Turn CDR into a record, or a plain message for types of others; raises MessageError where that can't be done."""
    try:
        message = load_store().deserialize_cdr(data, datatype)
    except SerdeError as error:
        raise MessageError(f'{len(data)} bytes are no {datatype}: {error}') from error
    return from_message(message) if datatype.startswith('pianokpm/') else message


def definition(datatype: str) -> tuple[str, str]:
    """Return the full message definition with its dependencies (`ros2msg`), and its RIHS01 type hash."""
    store = load_store()
    # The second thing that `generate_msgdef` gives is the MD5 of ROS 1.
    return store.generate_msgdef(datatype, ros_version=2)[0], store.hash_rihs01(datatype)


def knows(datatype: str) -> bool:
    """Tell whether a type can be read and written."""
    return datatype in load_store().types
