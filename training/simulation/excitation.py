"""From wanted activations to what the nerves send: co-contraction, activation dynamics, delay.

Letters: T samples, U muscles, M measured muscles (6).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.simulation.hand import MODEL_MUSCLES, HandModel
from pianokpm_training.simulation.people import Nerves

from pianokpm_ros.anatomy import MUSCLES

FloatArray = NDArray[np.floating]

RISE, FALL = 0.010, 0.040
"""Time constants of activation and deactivation [s] (MuJoCo's muscle, after Millard et al. 2013)."""

INTRINSIC = ('RI', 'LU', 'UI', 'ADM', 'APB', 'FPB', 'OP')
"""How names of muscles inside the hand begin."""

TEMPO_WINDOW = 0.7
"""Over which strokes are counted and loudness is averaged [s], one sigma of a bell."""


def co_contraction(time: FloatArray, notes: Sequence[Note], nerves: Nerves) -> FloatArray:
    """What the measured muscles keep up against others, (T, M): it grows with this hand's local tempo and loudness.

    It is added to the optimum of effort, which has none; muscles of the forearm are taken to balance it.
    """
    onsets = np.array([n.onset for n in notes]).reshape(-1, 1)
    struck = np.array([n.velocity for n in notes]).reshape(-1, 1)
    near = np.exp(-0.5 * ((time - onsets) / TEMPO_WINDOW) ** 2)
    tempo = near.sum(axis=0) / (TEMPO_WINDOW * np.sqrt(2 * np.pi))
    loudness = (near * struck).sum(axis=0) / np.maximum(near.sum(axis=0), 1e-6)
    playing = np.minimum(tempo, 1.0)
    level = nerves.rest + nerves.tempo * tempo / 10 + nerves.loudness * playing * loudness / 127
    return np.clip(level[:, None] * np.array(nerves.muscle_bias), 0.0, 0.4)


def effort_weights(hand: HandModel, nerves: Nerves) -> FloatArray:
    """Weights of the muscles in the cost of effort, (U,): less for muscles inside the hand, and by personal habit."""
    random = np.random.default_rng([hand.body.seed, 2])
    habit = np.exp(nerves.habit * np.clip(random.normal(size=len(hand.muscles)), -2.5, 2.5))
    inside = np.array([m.startswith(INTRINSIC) for m in hand.muscles])
    return habit / np.where(inside, nerves.intrinsic, 1.0)


def measured(hand: HandModel) -> NDArray[np.int64]:
    """Indices of the six measured muscles."""
    return np.array([hand.muscles.index(MODEL_MUSCLES[m]) for m in MUSCLES])


def excite(activation: FloatArray, rate: float) -> tuple[FloatArray, FloatArray]:
    """Find excitations that come closest to (T, M) activations through first-order dynamics.

    Returns:
        Excitations (T, M), and the activations that they really give: muscles can't be let go faster than they are.
    """
    excitation, reached = np.empty_like(activation), np.empty_like(activation)
    now = activation[0].copy()
    for i, wanted in enumerate(activation):
        shape = 0.5 + 1.5 * now
        constant = np.where(wanted >= now, RISE * shape, FALL / shape)
        # Over one sample: reached = now + (u - now)(1 - exp(-dt / constant)), solved for u.
        share = 1.0 - np.exp(-1.0 / (rate * constant))
        excitation[i] = np.clip(now + (wanted - now) / share, 0.0, 1.0)
        now = now + (excitation[i] - now) * share
        reached[i] = now
    return excitation, reached


def advance(excitation: FloatArray, rate: float, delay: float) -> FloatArray:
    """Shift (T, M) excitations earlier by the electromechanical delay [s]; the last sample is held."""
    time = np.arange(len(excitation)) / rate
    return np.column_stack([np.interp(time + delay, time, c) for c in excitation.T])
