"""Read messages that may be cut or mutated: what can't be read is nothing."""

import logging
import struct
from typing import Any

from pianokpm_ros.messages import MessageError
from pianokpm_ros.recording.schemas import deserialize
from pianokpm_ros.records import NANOSECONDS

logger = logging.getLogger(__name__)

STAMP = struct.Struct('<iI')
LEAST = 4 + STAMP.size
"""Bytes of CDR encapsulation and of the stamp that every message shown begins with."""


def peek_stamp(data: bytes) -> int:
    """Return the stamp [ns] of a message that begins with one, without reading it all; 0 = it is too short."""
    if len(data) < LEAST:
        return 0
    sec, nanosec = STAMP.unpack_from(data, 4)
    return sec * NANOSECONDS + nanosec


def read_message(data: bytes, datatype: str) -> Any:
    """Return a record, or a plain message; None where it breaks its contract."""
    try:
        return deserialize(data, datatype)
    except MessageError as error:
        logger.debug('%s: %s', datatype, error)
        return None
