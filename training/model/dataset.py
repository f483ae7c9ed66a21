"""Examples to learn from: virtual persons play, cameras and keys see it, features and envelopes come out.

Letters: T ticks, F features, L look-aheads, M muscles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.kinematic.performance import perform
from pianokpm_training.kinematic.person import random_person
from pianokpm_training.kinematic.pieces import random_exercise
from pianokpm_training.kinematic.postures import idle
from pianokpm_training.model.noise import RATES, jitter_stamps, observe

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.keyboard.key_samples import KeySamples, positions_at
from pianokpm_ros.muscle.batch import KeyLookup, PoseSeries, batch_features, no_keys
from pianokpm_ros.muscle.timebase import MILLISECOND, TICK
from pianokpm_ros.records import NANOSECONDS
from pianokpm_ros.takes import SIDES, Performance

Float32Array = NDArray[np.float32]

DENSE_RATE = 250.0
"""Of the true poses that cameras of any rate are interpolated from [Hz]: a finger's course is smooth over 4 ms."""

ESCAPEMENT = 0.6
"""Position beyond which a MIDI keyboard says that a key is down."""


@dataclass(frozen=True, eq=False)
class Example:
    """One hand over one stretch of time without a gap.

    Attributes:
        person: number of the virtual person.
        features: (T, F), unscaled.
        target: (T, L, M) envelopes at tick + `TICK` - look-ahead; NaN outside the take.
        playing: not idle.
    """

    person: int
    features: Float32Array
    target: Float32Array
    playing: bool


@dataclass(frozen=True)
class Conditions:
    """How a take is seen: drawn by chance.

    Attributes:
        rate: of the cameras [Hz].
        single: one view.
        placed: the rig's frame is the keyboard's.
        keys: `none`, `midi`, `sensor` or `some`, a sensor that comes and goes.
    """

    rate: float
    single: bool
    placed: bool
    keys: str


def draw_conditions(rng: np.random.Generator) -> Conditions:
    """Draw how a take is seen: mostly several calibrated views, keys in three of five takes."""
    single = rng.random() < 0.25
    placed = bool(rng.random() < (0.5 if single else 0.85))
    keys = rng.choice(['none', 'midi', 'sensor', 'some'], p=[0.4, 0.25, 0.2, 0.15])
    return Conditions(float(rng.choice(RATES)), bool(single), placed, str(keys))


def make_examples(
    person: int,
    seed: int,
    seconds: float,
    lookaheads: tuple[float, ...],
    variants: int = 2,
) -> list[Example]:
    """Let a person play and idle, and see each take under several conditions."""
    rng = np.random.default_rng([seed, person])
    who = random_person(rng)
    takes = [
        (perform(random_exercise(rng, seconds), who, DENSE_RATE, int(rng.integers(2**31))), True),
        (idle(who, 0.2 * seconds, DENSE_RATE, int(rng.integers(2**31))), False),
    ]
    examples = []
    for performance, playing in takes:
        for _ in range(variants):
            for side in SIDES:
                conditions = draw_conditions(rng)
                examples += see_take(
                    performance, side, conditions, rng, lookaheads, person, playing
                )
    return examples


def see_take(
    performance: Performance,
    side: Side,
    conditions: Conditions,
    rng: np.random.Generator,
    lookaheads: tuple[float, ...],
    person: int = 0,
    playing: bool = True,
) -> list[Example]:
    """Turn one hand of a take into examples under given conditions."""
    poses = see_poses(performance, side, conditions, rng)
    keys = key_lookup(performance.sensor_keys(), conditions.keys, rng)
    examples = []
    for stretch in batch_features(poses, side, keys):
        target = targets_at(performance, side, stretch.stamp, lookaheads)
        features = stretch.features.astype(np.float32)
        examples.append(Example(person, features, target, playing))
    return examples


def see_poses(
    performance: Performance, side: Side, conditions: Conditions, rng: np.random.Generator
) -> PoseSeries:
    """Look at one hand of a take with cameras of some rate."""
    stamps = jitter_stamps(rng, performance.duration, conditions.rate)
    true = performance.landmarks[:, SIDES.index(side)].reshape(len(performance.stamp), -1)
    at = np.clip(np.searchsorted(performance.stamp, stamps), 1, len(true) - 1)
    before, after = performance.stamp[at - 1], performance.stamp[at]
    weight = ((stamps - before) / (after - before))[:, None]
    landmarks = ((1 - weight) * true[at - 1] + weight * true[at]).reshape(-1, 21, 3)
    return observe(stamps, landmarks, rng, conditions.single, conditions.placed)


def key_lookup(samples: KeySamples, kind: str, rng: np.random.Generator) -> KeyLookup:
    """Return what is known of the keys at ticks: nothing, MIDI, sensors, or sensors that come and go."""
    if kind == 'none':
        return no_keys
    change = rng.uniform(2.0, 8.0) * NANOSECONDS
    phase = rng.uniform(0, 2 * np.pi)

    def look(ticks: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
        positions = positions_at(samples, ticks)
        if kind == 'midi':
            positions = (positions > ESCAPEMENT).astype(np.float32)
        known = np.ones(len(ticks), bool)
        if kind == 'some':
            known = np.sin(2 * np.pi * ticks / change + phase) > -0.3
        return positions, known

    return look


def targets_at(
    performance: Performance,
    side: Side,
    ticks: NDArray[np.int64],
    lookaheads: tuple[float, ...],
) -> Float32Array:
    """Return the (T, L, M) envelopes that the network should say at (T,) ticks."""
    envelope = performance.envelope[SIDES.index(side)]
    targets = np.full((len(ticks), len(lookaheads), len(MUSCLES)), np.nan, np.float32)
    for i, lookahead in enumerate(lookaheads):
        index = (ticks + TICK - round(lookahead * 1e9)) // MILLISECOND
        inside = (index >= 0) & (index < len(envelope))
        targets[inside, i] = envelope[index[inside]]
    return targets
