"""Landmarks as the vision front end sees them: damped fingers, correlated noise, bias, dropouts; more than white noise.

The figures come from `assets/sight.json`, which names the renders and the detector they were measured on.
Letters: T frames.
"""

import json
from dataclasses import asdict, dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.damping import FINGERS, damp, draw_gains
from scipy.signal import lfilter

from pianokpm_ros.anatomy import PALM

FloatArray = NDArray[np.floating]
ASSET = 'sight.json'
GROUPS = (PALM, *FINGERS)
"""Landmarks that are well or badly placed together: the palm, and what of each finger is not part of it."""

GROUP_OF = np.array([next(g for g, marks in enumerate(GROUPS) if i in marks) for i in range(21)])


@dataclass(frozen=True)
class SightModel:
    """How triangulated landmarks differ from the truth.

    Attributes:
        jitter: white noise of each landmark, (21,) [m] per axis.
        wander: slowly varying error of each landmark, (21,) [m] per axis, one sigma.
        wander_time: its time constant [s]; see `_wander`.
        bias: constant error of a take and landmark, (21,) [m] per axis, one sigma.
        common: part of the variance of wander and bias that all landmarks share, 0..1.
        lost_rate: how often a hand is lost [1/s].
        lost_time: mean time it stays lost [s].
        source: what it was measured on.
        spread: log-normal deviation of wander and bias between fingers and takes: a finger that is
            hidden is badly placed for long.
        slip_rate: how often the whole hand is misplaced [1/s].
        slip_time: mean time that this lasts [s].
        slip: factor on the wander meanwhile.
        gain: of the motion of fingers about their mean, along the palm's sideways, forward and normal axes (3,):
            a detector shows fingers that move less than they do; see `simulation.damping`.
        gain_spread: deviation of these from finger to finger and take to take, (3,).
    """

    jitter: tuple[float, ...]
    wander: tuple[float, ...]
    wander_time: float
    bias: tuple[float, ...]
    common: float
    lost_rate: float
    lost_time: float
    source: str
    spread: float = 0.0
    slip_rate: float = 0.0
    slip_time: float = 0.1
    slip: float = 1.0
    gain: tuple[float, ...] = (1.0, 1.0, 1.0)
    gain_spread: tuple[float, ...] = (0.0, 0.0, 0.0)

    @property
    def deviation(self) -> FloatArray:
        """Root mean square error of each landmark of a still hand per axis, (21,) [m]."""
        slipping = 1 - np.exp(-self.slip_rate * self.slip_time)
        slow = np.square(self.wander) * (1 + slipping * (self.slip**2 - 1))
        uneven = np.exp(2 * self.spread**2)
        return np.sqrt(np.square(self.jitter) + uneven * (slow + np.square(self.bias)))


def load_sight(text: str | None = None) -> SightModel:
    """Read the model that ships with the package, or one from JSON text."""
    if text is None:
        text = (resources.files('pianokpm_training.simulation') / 'assets' / ASSET).read_text()
    values = json.loads(text)
    return SightModel(**{n: tuple(v) if isinstance(v, list) else v for n, v in values.items()})


def dump_sight(model: SightModel) -> str:
    """Write a model as JSON text."""
    return json.dumps(asdict(model), indent=1) + '\n'


def see(
    landmarks: FloatArray, rate: float, model: SightModel, random: np.random.Generator
) -> FloatArray:
    """Disturb exact landmarks.

    Args:
        landmarks: (T, 21, 3) [m].
        rate: of the frames [Hz].
        model: how large the errors are.
        random: decides everything.

    Returns:
        (T, 21, 3) [m], NaN while the hand is lost.
    """
    count = len(landmarks)
    uneven = np.exp(model.spread * random.normal(size=len(GROUPS)))[GROUP_OF]
    wander = _errors((count, 21), uneven * np.array(model.wander), model, random, rate)
    slips = _stretches(count, rate, model.slip_rate, model.slip_time, random)
    wander[slips] *= model.slip
    seen = landmarks + damp(landmarks, draw_gains(model.gain, model.gain_spread, random))
    seen += wander + _errors((1, 21), uneven * np.array(model.bias), model, random)
    seen += random.normal(size=seen.shape) * np.array(model.jitter)[:, None]
    seen[_stretches(count, rate, model.lost_rate, model.lost_time, random)] = np.nan
    return seen


def _errors(
    shape: tuple[int, int],
    size: FloatArray,
    model: SightModel,
    random: np.random.Generator,
    rate: float = 0.0,
) -> FloatArray:
    """Errors of unit variance per landmark, partly common to all, correlated in time if a rate is given."""
    own, common = (
        draw_wander((shape[0], n, 3), rate, model.wander_time, random) for n in (shape[1], 1)
    )
    return (np.sqrt(model.common) * common + np.sqrt(1 - model.common) * own) * size[:, None]


def draw_wander(
    shape: tuple[int, ...], rate: float, time: float, random: np.random.Generator
) -> FloatArray:
    """Draw smooth correlated noise of unit variance; without a rate white noise.

    White noise through two equal first-order filters: its covariance is (1 + x) exp(-x) at a distance of
    x = t / `time`. A detector that tracks moves its mistakes smoothly.
    """
    if rate <= 0:
        return random.normal(size=shape)
    keep = float(np.exp(-1 / (rate * time)))
    lead = int(np.ceil(12 * rate * time))
    noise = random.normal(size=(lead + shape[0], *shape[1:]))
    made = lfilter([1.0], np.convolve([1, -keep], [1, -keep]), noise, axis=0)[lead:]
    # White noise through two equal poles has the variance (1 + k^2) / (1 - k^2)^3.
    return made * np.sqrt((1 - keep**2) ** 3 / (1 + keep**2))


def _stretches(
    count: int, rate: float, often: float, lasting: float, random: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw stretches of frames that begin `often` [1/s] and last `lasting` [s] in the mean."""
    chosen = np.zeros(count, bool)
    if often <= 0:
        return chosen
    for start in np.flatnonzero(random.random(count) < often / rate):
        chosen[start : start + max(1, int(random.exponential(lasting) * rate))] = True
    return chosen
