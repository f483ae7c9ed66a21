"""Landmarks, fingers, muscles and sides: the only tables of their kind.

The landmark order is MediaPipe's. The muscle order is the channel order of the PianoKPM data set,
where `PB` (a pollicis brevis on the thenar side) is written `APB` here.
"""

from enum import IntEnum

LANDMARKS = (
    'wrist',
    'thumb_cmc',
    'thumb_mcp',
    'thumb_ip',
    'thumb_tip',
    'index_mcp',
    'index_pip',
    'index_dip',
    'index_tip',
    'middle_mcp',
    'middle_pip',
    'middle_dip',
    'middle_tip',
    'ring_mcp',
    'ring_pip',
    'ring_dip',
    'ring_tip',
    'little_mcp',
    'little_pip',
    'little_dip',
    'little_tip',
)
"""Names of the 21 hand landmarks, by index."""

LANDMARK_COUNT = len(LANDMARKS)

FINGERS = ('thumb', 'index', 'middle', 'ring', 'little')
"""Names of the fingers; a pianist's finger number is the index plus one."""

FINGER_CHAINS = tuple((0, *range(first, first + 4)) for first in (1, 5, 9, 13, 17))
"""Landmark indices of each finger, from the wrist to the tip."""

FINGERTIPS = (4, 8, 12, 16, 20)
"""Landmark index of each finger's tip."""

BONES = tuple(
    (parent, child)
    for chain in FINGER_CHAINS
    for parent, child in zip(chain, chain[1:], strict=False)
)
"""The 20 (parent, child) pairs along the fingers; the first of each finger is its metacarpal."""

PALM = (0, 1, 5, 9, 13, 17)
"""Landmark indices of the outline of the palm."""

MUSCLES = ('ADM', 'APB', '1DI', '2DI', '3DI', '4DI')
"""Default muscles: abductor digiti minimi, abductor pollicis brevis, first to fourth dorsal interosseous."""

MUSCLE_NAMES = {
    'ADM': 'abductor digiti minimi',
    'APB': 'abductor pollicis brevis',
    '1DI': 'first dorsal interosseous',
    '2DI': 'second dorsal interosseous',
    '3DI': 'third dorsal interosseous',
    '4DI': 'fourth dorsal interosseous',
}

MUSCLE_FINGER = {
    'ADM': 'little',
    'APB': 'thumb',
    '1DI': 'index',
    '2DI': 'middle',
    '3DI': 'middle',
    '4DI': 'ring',
}
"""The finger that each muscle spreads; 2DI and 3DI pull the middle finger opposite ways."""


class Side(IntEnum):
    """Which hand of the person, never mirrored."""

    UNKNOWN = 0
    LEFT = 1
    RIGHT = 2

    @property
    def label(self) -> str:
        """Lower case name, as used in topic names."""
        return self.name.lower()


class Status(IntEnum):
    """How far a pose or an estimate can be trusted; usable is `status >= Status.DEGRADED`."""

    INVALID = 0
    STALE = 1
    DEGRADED = 2
    OK = 3
