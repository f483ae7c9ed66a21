"""Notes from the motion of keys, and the finger that played each.

Letters: K key samples, L notes, T poses.
"""

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import KeyTrack, NoteTrack, PoseTrack

from pianokpm_ros.anatomy import FINGERTIPS, Side
from pianokpm_ros.keyboard.key_samples import DAMPER, ESCAPEMENT
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_CENTRES
from pianokpm_ros.muscle.timebase import is_camera_frame

REACH = 0.016
"""A fingertip plays a key whose middle is at most this far sideways [m]: half a key and the finger's breadth."""

PATIENCE = 60_000_000
"""A pose further than this from key-down does not tell whose finger it was [ns]."""


def find_notes(
    keys: KeyTrack, velocities: NDArray[np.uint8], poses: dict[Side, PoseTrack]
) -> NoteTrack:
    """List the notes in order; side and finger are of the nearest fingertip, unknown where none is near."""
    rows = []
    for key in np.unique(keys.key).tolist():
        own = np.flatnonzero(keys.key == key)
        down: int | None = None
        for i in own.tolist():
            if down is None and keys.position[i] >= ESCAPEMENT:
                down = i
            elif down is not None and keys.position[i] <= DAMPER:
                rows.append(
                    (int(keys.stamp[down]), int(keys.stamp[i]), key, int(velocities[down]))
                )
                down = None
        if down is not None:
            rows.append((int(keys.stamp[down]), int(keys.stamp[-1]), key, int(velocities[down])))
    rows.sort()
    players = [_find_player(stamp, key, poses) for stamp, _, key, _ in rows]
    columns = zip(*rows, strict=True) if rows else ((), (), (), ())
    stamp, release, number, velocity = columns
    return NoteTrack(
        np.array(stamp, np.int64),
        np.array(release, np.int64),
        np.array(number, np.uint8),
        np.array(velocity, np.uint8),
        np.array([side for side, _ in players], np.uint8),
        np.array([finger for _, finger in players], np.uint8),
        'keys',
    )


def _find_player(stamp: int, key: int, poses: dict[Side, PoseTrack]) -> tuple[int, int]:
    best = (REACH, 0.0, 0, 0)
    for side, track in poses.items():
        i = int(np.argmin(np.abs(track.stamp - stamp)))
        if is_camera_frame(track.frame_id) or abs(int(track.stamp[i]) - stamp) > PATIENCE:
            continue
        tips = track.landmarks[i, list(FINGERTIPS)]
        for finger, tip in enumerate(tips):
            away = abs(float(tip[0]) - float(KEY_CENTRES[key - FIRST_KEY]))
            # Of fingers over the same key the lowest plays.
            if np.isfinite(tip).all() and away <= REACH and (best[2] == 0 or tip[2] < best[1]):
                best = (away, float(tip[2]), int(side), finger + 1)
    return best[2], best[3]
