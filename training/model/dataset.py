"""Examples to learn from: features and envelopes of one hand over one stretch of a recording.

Letters: T ticks, F features, L look-aheads, M muscles.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import Recording, SignalTrack
from pianokpm_training.model.exact import LARGEST_HALF, ExactHand
from pianokpm_training.model.seeing import Conditions, hear_keys, see_poses
from pianokpm_training.sessions.ticks import find_targets, read_envelope

from pianokpm_ros.anatomy import Side
from pianokpm_ros.muscle.batch import Stretch, batch_features

Half = NDArray[np.float16]
Float32Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Example:
    """One hand over one stretch of time without a gap.

    Attributes:
        subject: whose hand.
        features: (T, F), unscaled, NaN = unknown; half precision is finer than any landmark.
        target: (T, L, M) envelopes at tick + `TICK` - look-ahead; NaN outside the recording.
        drawn: seen anew under conditions drawn by chance, not as recorded.
        exact: (T, E) features of the exact hand, see `exact`; None where nothing is known of it.
    """

    subject: str
    features: Half | Float32Array
    target: Float32Array
    drawn: bool = False
    exact: Half | None = None


def make_examples(
    recording: Recording,
    conditions: Conditions,
    rng: np.random.Generator,
    lookaheads: tuple[float, ...],
    exact: ExactHand | None = None,
) -> list[Example]:
    """See a recording under given conditions, if asked with the exact hand beside.

    Nothing comes out where poses or envelopes are missing.
    """
    if recording.pose is None or recording.envelope is None:
        return []
    envelope = read_envelope(recording)
    poses = see_poses(recording, conditions, rng)
    keys = hear_keys(recording, conditions.keys)
    made = []
    for stretch in batch_features(poses, Side(recording.info.side), keys):
        example = cut_example(recording.info.subject, stretch, envelope, lookaheads)
        if example is not None:
            hand = exact.at(stretch.stamp) if exact else None
            made.append(replace(example, drawn=conditions.rate is not None, exact=hand))
    return made


def cut_example(
    subject: str, stretch: Stretch, envelope: SignalTrack, lookaheads: tuple[float, ...]
) -> Example | None:
    """Make an example of a stretch as it was recorded; None where no envelope is known.

    Args:
        subject: whose hand.
        stretch: (T, F) features.
        envelope: on successive whole milliseconds.
        lookaheads: L [s].
    """
    target = find_targets(envelope, stretch.stamp, lookaheads)
    if not np.isfinite(target).any():
        return None
    features = np.clip(stretch.features, -LARGEST_HALF, LARGEST_HALF).astype(np.float16)
    return Example(subject, features, target)
