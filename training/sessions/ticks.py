"""A recording as the estimator sees it, and what it should say: without torch, so that it also serves at run time.

Letters: T ticks, L look-aheads, M muscles.
"""

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import KeyTrack, PoseTrack, SignalTrack

from pianokpm_ros.anatomy import MUSCLES, PALM
from pianokpm_ros.keyboard.key_samples import KeySamples, keys_at
from pianokpm_ros.muscle.batch import KeyLookup, PoseSeries, no_keys
from pianokpm_ros.muscle.timebase import MILLISECOND, TICK, is_camera_frame


def pose_series(pose: PoseTrack) -> PoseSeries:
    """Return the poses whose palm is known."""
    usable = np.isfinite(pose.landmarks[:, PALM]).all(axis=(1, 2))
    count = int(usable.sum())
    return PoseSeries(
        pose.stamp[usable],
        pose.landmarks[usable],
        pose.deviation[usable],
        np.zeros(count, np.int64),
        np.full(count, not is_camera_frame(pose.frame_id)),
    )


def key_lookup(keys: KeyTrack | None) -> KeyLookup:
    """Return the keys' positions at ticks, or that nothing is known of them."""
    if keys is None:
        return no_keys
    none = np.zeros(len(keys.key), np.uint8)
    samples = KeySamples(keys.stamp, keys.key, keys.position, keys.velocity, none, keys.source)

    return lambda ticks: keys_at(samples, ticks)


def find_targets(
    envelope: SignalTrack,
    ticks: NDArray[np.int64],
    lookaheads: tuple[float, ...],
    muscles: tuple[str, ...] = MUSCLES,
) -> NDArray[np.float32]:
    """Return (T, L, M) envelopes at tick + `TICK` - look-ahead; muscles that were not recorded are NaN."""
    targets = np.full((len(ticks), len(lookaheads), len(muscles)), np.nan, np.float32)
    columns = [
        (m, envelope.channel.index(n)) for m, n in enumerate(muscles) if n in envelope.channel
    ]
    for i, lookahead in enumerate(lookaheads):
        index = (ticks + TICK - round(lookahead * 1e9) - envelope.stamp[0]) // MILLISECOND
        inside = (index >= 0) & (index < len(envelope.stamp))
        for m, c in columns:
            targets[inside, i, m] = envelope.samples[index[inside], c]
    return targets
