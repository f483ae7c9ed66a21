"""Landmarks as the vision front end sees them: fingers that move less and together, correlated noise, bias, losses.

The figures come from `assets/sight.json`, which names the renders and the detector they were measured on.
Letters: T frames.
"""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.damping import FINGERS, PLAIN, Gains, damp, draw_gains
from scipy.signal import lfilter

from pianokpm_ros.anatomy import PALM

FloatArray = NDArray[np.floating]
ASSET = 'sight.json'
GROUPS = (PALM, *FINGERS)
"""Landmarks that are well or badly placed together: the palm, and what of each finger is not part of it."""

BURST_TIME = 0.08
"""How fast errors grow and shrink [s]; on renders, what they are after 0.1 s still tells."""

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
        gain: how much of each finger's motion is seen in each finger along the palm's axes; see `simulation.damping`.
        gain_spread: deviation of these from hand to hand and take to take, likewise.
        burst: log-normal deviation of how large wander and jitter of a hand are from moment to moment: most of
            the time little, then for some frames much.
        stated: deviation that the front end itself states of a landmark [m]: it knows of jitter, not of bias.
        stated_spread: deviation of the logarithm of that from take to take.
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
    gain: Gains = PLAIN
    gain_spread: Gains = ((((0.0,) * len(FINGERS),) * len(FINGERS)),) * 3
    burst: float = 0.0
    stated: float = 0.0025
    stated_spread: float = 0.1

    @property
    def deviation(self) -> FloatArray:
        """Root mean square error of each landmark of a still hand per axis, (21,) [m]."""
        slipping = 1 - np.exp(-self.slip_rate * self.slip_time)
        slow = np.square(self.wander) * (1 + slipping * (self.slip**2 - 1))
        uneven = np.exp(2 * self.spread**2)
        return np.sqrt(np.square(self.jitter) + uneven * (slow + np.square(self.bias)))


@lru_cache(maxsize=4)
def load_sight(text: str | None = None) -> SightModel:
    """Read the model that ships with the package, or one from JSON text."""
    if text is None:
        text = (resources.files('pianokpm_training.simulation') / 'assets' / ASSET).read_text()
    return SightModel(**{name: as_tuples(value) for name, value in json.loads(text).items()})


def as_tuples(value: Any) -> Any:
    """Return nested lists as nested tuples."""
    return tuple(map(as_tuples, value)) if isinstance(value, list) else value


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
    slips = stretches(count, rate, model.slip_rate, model.slip_time, random)
    wander[slips] *= model.slip
    seen = landmarks + damp(landmarks, draw_gains(model.gain, model.gain_spread, random))
    moving = wander + random.normal(size=seen.shape) * np.array(model.jitter)[:, None]
    seen += _errors((1, 21), uneven * np.array(model.bias), model, random)
    seen += moving * _bursts(count, rate, model.burst, random)
    seen[stretches(count, rate, model.lost_rate, model.lost_time, random)] = np.nan
    return seen


def _bursts(count: int, rate: float, burst: float, random: np.random.Generator) -> FloatArray:
    """Draw factors on the errors of successive frames, of unit mean square, (T, 1, 1)."""
    return np.exp(burst * draw_wander((count, 1, 1), rate, BURST_TIME, random) - burst**2)


def state_doubt(seen: FloatArray, model: SightModel, random: np.random.Generator) -> FloatArray:
    """Return the deviations that the front end states of landmarks seen, (T, 21) [m]; NaN where they are unknown."""
    take = model.stated * np.exp(model.stated_spread * random.normal())
    return np.where(np.isnan(seen[..., 0]), np.nan, take)


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


def stretches(
    count: int, rate: float, often: float, lasting: float, random: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw stretches of frames that begin `often` [1/s] and last `lasting` [s] in the mean."""
    chosen = np.zeros(count, bool)
    if often <= 0:
        return chosen
    for start in np.flatnonzero(random.random(count) < often / rate):
        chosen[start : start + max(1, int(random.exponential(lasting) * rate))] = True
    return chosen
