"""Where the keys stand among a network's inputs, so that they can be hidden while it learns.

Letters: F features.
"""

from dataclasses import dataclass

from pianokpm_ros.muscle.features import FEATURE_COUNT, KEYS, KEYS_FLAG


@dataclass(frozen=True)
class Layout:
    """Columns of the features.

    Attributes:
        count: F.
        keys: all that is known of the keys.
        keys_flag: 1 where anything is known of the keys, else 0.
    """

    count: int
    keys: slice
    keys_flag: int


SPACE = Layout(FEATURE_COUNT, KEYS, KEYS_FLAG)
"""Features of a hand in space, which all models see that ship and run."""
