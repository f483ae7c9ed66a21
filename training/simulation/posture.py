"""What playing hands have in common, from the exact hands of a simulated data set: see `geometry.playing_hand`.

Simulated people sit alike and hold their hands alike. So the hands are turned, scaled and moved by what real people
may differ more, and their spread is widened.

Letters: N hands, J landmarks (21).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.collection import DataSet
from pianokpm_training.datasets.recording import DataError
from scipy.spatial.transform import Rotation

from pianokpm_ros.anatomy import FINGERTIPS, LANDMARK_COUNT, Side
from pianokpm_ros.geometry.playing_hand import PlayingHands

FloatArray = NDArray[np.floating]
Report = Callable[[int, int], None]

EACH = 20
"""Hands of a recording."""

DRAWN = 20_000
"""Hands that the covariance is measured on."""

TURN = np.radians([8.0, 10.0, 20.0])
"""1 sigma of how much further people turn a hand about x (wrist up or down), y (to a side) and z (along the keys)."""

SIZE = 0.05
"""1 sigma of the logarithm of sizes, beyond those of the simulated people (5 %)."""

DEPTH, HEIGHT = 0.03, 0.015
"""1 sigma of how far on the keys hands play, and of how high over them the lowest fingertips are [m], beyond the
simulated ones'."""

ALONG = 0.6
"""1 sigma of a hand's place along the keys [m]: any."""

WIDER = 1.3
"""Factor on the spread of shapes: other techniques, other fingers."""

ODD = 0.005
"""1 sigma of each landmark by itself [m]: what a detector calls a joint is not quite the joint."""

LOWEST = 2
"""So many fingertips of a hand that plays are at the keys."""


def describe_hands(data: DataSet, report: Report, seed: int = 0) -> PlayingHands:
    """Measure the playing hands of all recordings."""
    random = np.random.default_rng(seed)
    entries, hands = list(data.entries.values()), []
    for done, entry in enumerate(entries, 1):
        recording = data.load(entry, ('pose_truth',))
        if recording.pose_truth is None:
            raise DataError(
                f'asked for the hands that play in {data.folder}, but nobody knows the exact hand of {entry.name}; '
                'give a simulated data set'
            )
        landmarks = recording.pose_truth.landmarks.astype(np.float64)
        some = landmarks[random.choice(len(landmarks), min(EACH, len(landmarks)), replace=False)]
        hands.append(some * (-1, 1, 1) if recording.info.side == Side.LEFT else some)
        report(done, len(entries))
    source = f'{len(entries)} recordings of {len({e.subject for e in entries})} simulated people, widened'
    return summarise_hands(vary_hands(np.concatenate(hands), random), source)


def vary_hands(hands: FloatArray, random: np.random.Generator) -> FloatArray:
    """Draw hands like some (N, J, 3) of right hands [m], but of more people; their place along the keys is left out."""
    hands = hands[random.integers(len(hands), size=DRAWN)]
    tips = hands[:, list(FINGERTIPS)].mean(axis=1, keepdims=True)
    around = (hands - tips) * np.exp(SIZE * random.normal(size=(DRAWN, 1, 1)))
    turns = Rotation.from_rotvec(TURN * random.normal(size=(DRAWN, 3))).as_matrix()
    around = around @ turns.transpose(0, 2, 1)
    varied = around + tips * (0, 1, 1)
    varied[..., 2] += (lowest_height(hands) - lowest_height(varied))[:, None]
    return varied


def lowest_height(hands: FloatArray) -> FloatArray:
    """Return how high the lowest fingertips of (N, J, 3) hands are in the mean, (N,) [m]."""
    return np.sort(hands[:, list(FINGERTIPS), 2], axis=1)[:, :LOWEST].mean(axis=1)


def summarise_hands(hands: FloatArray, source: str) -> PlayingHands:
    """Return the mean and the widened covariance of (N, J, 3) hands [m]."""
    flat = hands.reshape(len(hands), -1)
    whole = np.tile(np.eye(3), (LANDMARK_COUNT, 1)) * (ALONG, DEPTH, HEIGHT)
    covariance = WIDER**2 * np.cov(flat.T) + whole @ whole.T + ODD**2 * np.eye(flat.shape[1])
    return PlayingHands(hands.mean(axis=0), covariance, source)
