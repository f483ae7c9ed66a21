"""The noise ceiling: a second, independent EMG of the same excitation, and its scores against the first.

Nobody who knows the muscles' excitation exactly can predict an envelope better than a second recording
repeats it: spikes fall anew each time. Every score of an estimate belongs beside this one.
Letters: N envelope samples, M muscles, A excitation samples.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import DataError, Recording
from pianokpm_training.simulation.electrodes import QUICK, ElectrodeSession
from pianokpm_training.simulation.people import Body, Electrodes, Nerves, Pianist, Technique

from pianokpm_ros.emg.metrics import TakeScores, score_take

FloatArray = NDArray[np.floating]

NEEDED = ('pose_truth', 'envelope', 'excitation')
"""Parts of a recording that are read; pass them as `only` when loading."""

KNUCKLE = 9
"""Landmark whose speed makes movement artefacts."""

_PARTS = {'body': Body, 'technique': Technique, 'nerves': Nerves, 'electrodes': Electrodes}
_SALT = 0x5EC0


def second_envelope(recording: Recording, number: int = 1) -> FloatArray:
    """Record the EMG of a simulated recording once more: same person and excitation, other spikes and noise.

    Args:
        recording: of a simulated data set, with the parts `NEEDED`.
        number: of the repetition; each gives another one, the same number the same.

    Returns:
        (N, M) in parts of MVC at `recording.envelope.stamp`.
    """
    envelope, excitation = recording.envelope, recording.excitation
    if envelope is None or excitation is None or recording.pose_truth is None:
        raise DataError(
            f'asked for the noise ceiling of {recording.info.name}, which needs the parts '
            f'{", ".join(NEEDED)}; only simulated recordings have them'
        )
    pianist = read_pianist(recording.info.provenance.get('pianist'), recording.info.name)
    seed = recording.info.provenance['seed']
    random = np.random.default_rng([_SALT, number, *np.atleast_1d(seed), int(recording.info.side)])
    rate = 1e9 / float(np.mean(np.diff(excitation.stamp)))
    emg = _session(pianist, int(recording.info.side)).record(
        excitation.samples.astype(np.float64), rate, _movement(recording), random
    )
    stamp = np.arange(len(emg.envelope)) * 1e6
    columns = [np.interp(envelope.stamp, stamp, c) for c in emg.envelope.T]
    return np.stack(columns, axis=1)


def score_ceiling(recording: Recording, step: int = 5) -> TakeScores:
    """Score the second envelope against the first, every `step`th sample (5: 200 Hz)."""
    track = recording.envelope
    if track is None:
        raise DataError(f'{recording.info.name} has no envelope')
    return score_take(
        track.samples[::step], second_envelope(recording)[::step], track.rate / step, track.channel
    )


def combine_scores(scores: Sequence[TakeScores]) -> dict[str, FloatArray]:
    """Take medians over takes: by metric, (M,), or one number where a metric has no muscles."""
    names = [f.name for f in fields(TakeScores) if f.name not in ('muscle', 'silent', 'coverage')]
    result = {}
    for name in names:
        rows = np.ma.masked_invalid(np.stack([np.asarray(getattr(s, name)) for s in scores]))
        result[name] = np.ma.median(rows, axis=0)
        if isinstance(result[name], np.ma.MaskedArray):
            result[name] = result[name].filled(np.nan)
    return result


def read_pianist(content: Mapping[str, Any] | None, name: str = 'a recording') -> Pianist:
    """Make a person from a recording's provenance."""
    if not content:
        raise DataError(f'{name} does not say which virtual pianist played; simulate it again')
    parts = {
        n: kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in content[n].items()})
        for n, kind in _PARTS.items()
    }
    return Pianist(content['name'], content['seed'], **parts)


@functools.lru_cache(maxsize=8)
def _session(pianist: Pianist, side: int) -> ElectrodeSession:
    return ElectrodeSession(pianist, side)


def _movement(recording: Recording) -> FloatArray:
    """How quickly the hand moves at the excitation's stamps, (A,), as `simulate_take` has it."""
    track = recording.pose_truth
    time = track.stamp * 1e-9
    place = track.landmarks[:, KNUCKLE].astype(np.float64)
    speed = np.linalg.norm(np.gradient(place, time, axis=0), axis=1)
    return np.minimum(np.interp(recording.excitation.stamp * 1e-9, time, speed) / QUICK, 1.0)
