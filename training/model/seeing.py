"""How a recorded hand is seen: camera rate, several views or one, keys; drawn by chance, so that a model stands all.

A simulated recording holds the exact hand, which can be seen anew at any rate; others have their poses thinned.
Letters: P poses, T ticks.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import PoseTrack, Recording
from pianokpm_training.model.noise import RATES, jitter_stamps, lose, show_to_one
from pianokpm_training.sessions.ticks import key_lookup, key_samples, pose_series
from pianokpm_training.simulation.damping import PLAIN
from pianokpm_training.simulation.sight import SightModel, load_sight, see, state_doubt, stretches
from scipy.interpolate import CubicSpline

from pianokpm_ros.keyboard.key_samples import KeySamples, from_strokes, keys_at, list_strokes
from pianokpm_ros.muscle.batch import KeyLookup, PoseSeries, no_keys

FloatArray = NDArray[np.floating]

PARTS = ('pose', 'pose_truth', 'keys', 'notes', 'envelope')
"""Parts of a recording that are needed."""


ONE_LEFT, ONE_LEFT_TIME = 0.1, 1.0
"""In some takes hands reach places that one view sees alone: how often [1/s], and how long in the mean [s]."""


@dataclass(frozen=True)
class Conditions:
    """How a recording is seen.

    Attributes:
        rate: of the cameras [Hz]; None takes the poses as they were recorded.
        single: one view.
        placed: the rig's frame is the keyboard's.
        loud: factor on the noise.
        one_left: how often only one of several views sees the hand for a while [1/s].
        keys: `none`, `midi`, or `recorded`.
    """

    rate: float | None = None
    single: bool = False
    placed: bool = True
    loud: float = 1.0
    one_left: float = 0.0
    keys: str = 'recorded'


def draw_conditions(rng: np.random.Generator) -> Conditions:
    """Draw how a recording is seen: mostly by several calibrated cameras; what of the keys is heard is hidden later."""
    single = bool(rng.random() < 0.12)
    placed = bool(rng.random() < (0.5 if single else 0.93))
    keys = 'midi' if rng.random() < 0.4 else 'recorded'
    rate, loud = float(rng.choice(RATES)), rng.uniform(0.6, 1.4)
    one_left = ONE_LEFT if rng.random() < 0.3 else 0.0
    return Conditions(rate, single, placed, loud, one_left, keys)


def see_poses(
    recording: Recording, conditions: Conditions, rng: np.random.Generator
) -> PoseSeries:
    """Look at a recording's hand."""
    if conditions.rate is None or recording.pose is None:
        return pose_series(recording.pose)
    if recording.pose_truth is None:
        return _thin(pose_series(recording.pose), conditions.rate, rng)
    return _see_anew(recording.pose_truth, conditions, rng)


def _thin(poses: PoseSeries, rate: float, rng: np.random.Generator) -> PoseSeries:
    """Leave out poses so that about `rate` a second are left; a slower recording stays as it is."""
    if len(poses) < 2:
        return poses
    wanted = jitter_stamps(rng, int(poses.stamp[-1]), rate)
    kept = np.unique(np.searchsorted(poses.stamp, wanted).clip(0, len(poses) - 1))
    return poses.part(kept)


def _see_anew(truth: PoseTrack, conditions: Conditions, rng: np.random.Generator) -> PoseSeries:
    assert conditions.rate is not None
    stamps = jitter_stamps(rng, int(truth.stamp[-1]), conditions.rate)
    course = CubicSpline(truth.stamp * 1e-9, truth.landmarks.reshape(len(truth.stamp), -1))
    exact = course(stamps * 1e-9).reshape(-1, 21, 3)
    if conditions.single:
        seen, doubt = show_to_one(exact, rng, conditions.rate)
    else:
        seen, doubt = _show_to_several(exact, conditions, rng)
    kept = np.isfinite(seen).all(axis=(1, 2))
    return lose(stamps[kept], seen[kept], doubt[kept], conditions.placed, rng)


def _show_to_several(
    exact: FloatArray, conditions: Conditions, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return (P, 21, 3) landmarks and their (P, 21) stated deviations [m]; for a while one view may be all there is."""
    assert conditions.rate is not None
    sight = louder(conditions.loud)
    seen = see(exact, conditions.rate, sight, rng)
    doubt = state_doubt(seen, sight, rng) * np.exp(rng.normal(0, 0.2, seen.shape[:2]))
    alone = stretches(len(seen), conditions.rate, conditions.one_left, ONE_LEFT_TIME, rng)
    if alone.any():
        seen[alone], doubt[alone] = (x[alone] for x in show_to_one(exact, rng, conditions.rate))
    return seen, doubt


def louder(factor: float) -> SightModel:
    """Return the front end's errors, all scaled by a factor."""
    sight = load_sight()
    scaled = {
        n: tuple(factor * v for v in getattr(sight, n)) for n in ('jitter', 'wander', 'bias')
    }
    plain = np.array(PLAIN)
    gain = plain + factor * (np.array(sight.gain) - plain)
    return replace(sight, gain=gain, **scaled)


def hear_keys(recording: Recording, kind: str) -> KeyLookup:
    """Return what is known of the keys at ticks: nothing, what a MIDI keyboard says, or what was recorded."""
    if kind == 'none' or recording.keys is None:
        return no_keys
    samples = key_samples(recording)
    if kind != 'midi' or not np.isfinite(samples.velocity).any():
        return key_lookup(recording)
    reduced = as_midi(samples)
    return lambda ticks: keys_at(reduced, ticks)


def as_midi(samples: KeySamples) -> KeySamples:
    """Reduce measured key motion to what a MIDI keyboard would tell of it."""
    return from_strokes(list_strokes(samples), 'midi: from key motion')
