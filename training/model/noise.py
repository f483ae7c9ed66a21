"""What one camera makes of true landmarks, and what gets lost with any number; several: `simulation.sight`.

Letters: P poses. Sizes are 1 sigma [m]; most of the error varies slowly, because a detector is wrong about a pose in
the same way for many frames.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.damping import damp, draw_gains, palm_axes
from pianokpm_training.simulation.sight import load_sight
from scipy import signal
from scipy.spatial.transform import Rotation
from scipy.stats import norm

from pianokpm_ros.muscle.batch import PoseSeries

FloatArray = NDArray[np.floating]

RATES = (25.0, 30.0, 50.0, 60.0, 90.0, 120.0)


@dataclass(frozen=True)
class NoiseSettings:
    """How wrong the landmarks of one view are, and how much is lost.

    Attributes:
        white: from frame to frame, each landmark.
        slow: bias of each landmark that changes within `slow_time`.
        steady: bias of each landmark that stays for the take, in the hand's own frame.
        common: of the hand as a whole, changing within `slow_time`.
        slow_time: [s].
        depth: along the line of sight with one view, of the hand as a whole.
        depth_shape: along the line of sight with one view, each landmark.
        size: relative error of the hand's size with one view.
        doubt: deviation that goes with a pose of one view [m], the usual one; `doubt_spread` is how much its
            logarithm varies from take to take.
        gain: factor on what several views show of a finger's motion (`simulation.damping`); `gain_spread` is one on how
            much that varies.
        lost_frame: part of the frames without this hand.
        lost_hand: times a minute that the hand is lost for 0.1 to 1.5 s.
        lost_landmark: part of the time each landmark of the fingers is unknown.
    """

    white: float = 0.0012
    slow: float = 0.0035
    steady: float = 0.0030
    common: float = 0.0025
    slow_time: float = 0.4
    depth: float = 0.05
    depth_shape: float = 0.006
    size: float = 0.07
    doubt: float = 0.045
    doubt_spread: float = 0.3
    gain: float = 0.7
    gain_spread: float = 2.0
    lost_frame: float = 0.01
    lost_hand: float = 1.0
    lost_landmark: float = 0.005


def wander(
    rng: np.random.Generator, count: int, channels: int, rate: float, time: float
) -> FloatArray:
    """Draw unit noise that forgets within `time` [s] (Ornstein-Uhlenbeck), (count, channels)."""
    keep = np.exp(-1.0 / (rate * time))
    white = rng.normal(size=(count, channels)) * np.sqrt(1.0 - keep**2)
    start = rng.normal(size=(1, channels)) * keep
    return signal.lfilter([1.0], [1.0, -keep], white, axis=0, zi=start)[0]


def jitter_stamps(rng: np.random.Generator, duration: int, rate: float) -> NDArray[np.int64]:
    """Draw the stamps of a camera [ns]: a rate a bit off, exposures a bit uneven."""
    period = 1e9 / (rate * rng.uniform(0.98, 1.02))
    count = int(duration / period)
    uneven = rng.uniform(0.0, 0.12)
    stamps = (np.arange(count) + 0.5 + uneven * rng.uniform(-1, 1, count)) * period
    return np.clip(stamps, 0, duration).astype(np.int64)


def show_to_one(
    landmarks: FloatArray,
    rng: np.random.Generator,
    rate: float,
    settings: NoiseSettings | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Show true landmarks as one camera and a detector see them: depth and size are guesses.

    Args:
        landmarks: (P, 21, 3) [m], true.
        rng: chance.
        rate: of the frames [Hz].
        settings: sizes.

    Returns:
        (P, 21, 3) landmarks, and the (P, 21) deviations stated of them [m].
    """
    settings = settings or NoiseSettings()
    noise = _shape_noise(landmarks, rng, rate, settings)
    noise += _depth_noise(landmarks, rng, rate, settings)
    doubt = settings.doubt * np.exp(rng.normal(0, settings.doubt_spread))
    return landmarks + noise, np.full(landmarks.shape[:2], doubt)


def _shape_noise(
    landmarks: FloatArray, rng: np.random.Generator, rate: float, settings: NoiseSettings
) -> FloatArray:
    count = len(landmarks)
    white = settings.white * rng.normal(size=landmarks.shape)
    slow = settings.slow * wander(rng, count, 63, rate, settings.slow_time).reshape(-1, 21, 3)
    common = settings.common * wander(rng, count, 3, rate, settings.slow_time)[:, None]
    steady = settings.steady * rng.normal(size=(21, 3)) @ palm_axes(landmarks)
    sight = load_sight()
    gains = draw_gains(
        settings.gain * np.array(sight.gain),
        settings.gain_spread * np.array(sight.gain_spread),
        rng,
    )
    return white + slow + common + steady + damp(landmarks, gains)


def _depth_noise(
    landmarks: FloatArray, rng: np.random.Generator, rate: float, settings: NoiseSettings
) -> FloatArray:
    """Errors of one view, seen from some place above the keys."""
    count = len(landmarks)
    sight = rng.normal(size=3) * [0.7, 0.5, 0.3] + [0.0, 0.0, 1.0]
    sight /= np.linalg.norm(sight)
    depth = settings.depth * wander(rng, count, 1, rate, 2 * settings.slow_time)
    depth = depth + settings.depth_shape * wander(rng, count, 21, rate, settings.slow_time)
    size = rng.normal(0.0, settings.size)
    around = landmarks - landmarks.mean(axis=1, keepdims=True)
    return depth[..., None] * sight + size * around


def lose(
    stamp: NDArray[np.int64],
    seen: FloatArray,
    deviation: FloatArray,
    placed: bool,
    rng: np.random.Generator,
    settings: NoiseSettings | None = None,
) -> PoseSeries:
    """Lose frames, hands for a while and single landmarks; a pose that is not `placed` is in some camera's frame."""
    settings = settings or NoiseSettings()
    count, rate = len(stamp), 1e9 / np.median(np.diff(stamp))
    if not placed:
        turn = Rotation.random(random_state=int(rng.integers(2**31))).as_matrix()
        seen = seen @ turn.T + rng.uniform(-0.3, 0.3, 3)
    kept = rng.random(count) >= settings.lost_frame
    for _ in range(rng.poisson(settings.lost_hand * count / rate / 60)):
        first = rng.integers(count)
        kept[first : first + int(rng.uniform(0.1, 1.5) * rate)] = False
    kept[0] = True
    seen = seen.copy()
    lost = wander(rng, count, 21, rate, 0.2) > norm.isf(settings.lost_landmark)
    lost[:, [0, 5, 9, 13, 17]] = False
    seen[lost] = np.nan
    return PoseSeries(
        stamp[kept],
        seen[kept],
        np.where(lost, np.nan, deviation)[kept],
        np.zeros(int(kept.sum()), np.int64),
        np.full(int(kept.sum()), placed),
    )
