"""Virtual pianists: what differs between persons, drawn from a seed.

Standard deviations are choices that give a plausible spread, not fitted to a population; hand length
and breadth follow the spread of adult hands (Pheasant and Haslegrave, Bodyspace: about 5 %).
"""

from dataclasses import dataclass

import numpy as np

from pianokpm_ros.anatomy import MUSCLES


@dataclass(frozen=True)
class Body:
    """Size and strength of a hand.

    Attributes:
        size: factor on all lengths.
        breadth: additional factor across the palm.
        fingers: additional factor on each finger's length, thumb first.
        strength: factor on all muscle forces.
        muscle_spread: random log-normal deviation of each muscle's force.
        arm_spread: random log-normal deviation of each muscle's moment arms.
        seed: of the two random spreads.
    """

    size: float = 1.0
    breadth: float = 1.0
    fingers: tuple[float, float, float, float, float] = (1.0, 1.0, 1.0, 1.0, 1.0)
    strength: float = 1.0
    muscle_spread: float = 0.0
    arm_spread: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Technique:
    """How someone plays.

    Attributes:
        lift: height of waiting fingertips above the keys [m].
        curve: factor on the bend of the fingers, 1 = average.
        wrist_height: of the wrist above the key tops [m].
        wrist_bob: rise and fall of the wrist with each stroke [m at MIDI velocity 127].
        holding: force on a held key [N].
        softness: exponent from MIDI velocity to stroke speed; larger = wider range.
        coupling: how much resting fingers follow their neighbours, 1 = average.
        depth: where on the white keys the fingers play, added to the average [m].
        timing: standard deviation of onset times [s].
        loudness: factor on MIDI velocities.
    """

    lift: float = 0.011
    curve: float = 1.0
    wrist_height: float = 0.060
    wrist_bob: float = 0.006
    holding: float = 1.0
    softness: float = 1.0
    coupling: float = 1.0
    depth: float = 0.0
    timing: float = 0.006
    loudness: float = 1.0


@dataclass(frozen=True)
class Nerves:
    """How someone activates muscles.

    Attributes:
        rest: co-contraction at rest, part of the maximum.
        tempo: what 10 strokes a second add to it.
        loudness: what MIDI velocity 127 adds to it.
        intrinsic: how much rather the muscles inside the hand are used than those of the forearm.
        habit: random log-normal deviation of how gladly each muscle is used.
        delay: from the muscle's electric activity to the start of its force [s], without activation dynamics.
        muscle_bias: factor on the co-contraction of each of the six muscles.
    """

    rest: float = 0.015
    tempo: float = 0.04
    loudness: float = 0.06
    intrinsic: float = 3.0
    habit: float = 0.0
    delay: float = 0.030
    muscle_bias: tuple[float, ...] = (1.0,) * len(MUSCLES)


@dataclass(frozen=True)
class Electrodes:
    """How the muscles' potentials are measured.

    Attributes:
        gain: factor of each channel.
        crosstalk: part of a neighbour's signal that reaches a channel.
        noise: signal-to-noise ratio against 20 % MVC [dB].
        mains: amplitude against 20 % MVC.
        mains_frequency: [Hz].
        movement: amplitude of movement artefacts against 20 % MVC.
        mvc_effort: part of the true maximum reached in the MVC trial, per channel.
    """

    gain: tuple[float, ...] = (1.0,) * len(MUSCLES)
    crosstalk: float = 0.08
    noise: float = 25.0
    mains: float = 0.02
    mains_frequency: float = 50.0
    movement: float = 0.1
    mvc_effort: tuple[float, ...] = (1.0,) * len(MUSCLES)


@dataclass(frozen=True)
class Pianist:
    """A virtual person; nobody's data went into it."""

    name: str
    seed: int
    body: Body = Body()
    technique: Technique = Technique()
    nerves: Nerves = Nerves()
    electrodes: Electrodes = Electrodes()


def draw_pianist(seed: int, index: int) -> Pianist:
    """Draw one person; the same seed and index always give the same, whoever else is drawn."""
    random = np.random.default_rng([seed, index])
    return Pianist(
        f's{index + 1:02d}',
        int(random.integers(2**31)),
        _draw_body(random),
        _draw_technique(random),
        _draw_nerves(random),
        _draw_electrodes(random),
    )


def _around(random: np.random.Generator, mean: float, spread: float) -> float:
    """Draw a log-normal value, cut at two and a half deviations so that nobody is a freak."""
    return float(mean * np.exp(spread * np.clip(random.normal(), -2.5, 2.5)))


def _draw_body(random: np.random.Generator) -> Body:
    fingers = tuple(_around(random, 1.0, 0.025) for _ in range(5))
    return Body(
        _around(random, 1.02, 0.05),
        _around(random, 1.0, 0.04),
        fingers,
        _around(random, 1.0, 0.2),
        0.15,
        0.10,
        int(random.integers(2**31)),
    )


def _draw_technique(random: np.random.Generator) -> Technique:
    return Technique(
        _around(random, 0.011, 0.25),
        _around(random, 1.0, 0.12),
        float(np.clip(random.normal(0.060, 0.007), 0.045, 0.078)),
        _around(random, 0.005, 0.4),
        _around(random, 1.0, 0.35),
        _around(random, 1.0, 0.1),
        _around(random, 1.0, 0.3),
        float(np.clip(random.normal(0.0, 0.005), -0.008, 0.010)),
        _around(random, 0.006, 0.3),
        _around(random, 1.0, 0.08),
    )


def _draw_nerves(random: np.random.Generator) -> Nerves:
    return Nerves(
        _around(random, 0.015, 0.4),
        _around(random, 0.04, 0.5),
        _around(random, 0.06, 0.5),
        _around(random, 3.0, 0.3),
        0.25,
        float(random.uniform(0.020, 0.045)),
        tuple(_around(random, 1.0, 0.3) for _ in MUSCLES),
    )


def _draw_electrodes(random: np.random.Generator) -> Electrodes:
    return Electrodes(
        tuple(_around(random, 1.0, 0.35) for _ in MUSCLES),
        float(random.uniform(0.02, 0.15)),
        float(random.uniform(15.0, 40.0)),
        float(random.uniform(0.0, 0.08)),
        float(random.choice([50.0, 60.0])),
        float(random.uniform(0.02, 0.25)),
        tuple(float(random.uniform(0.8, 1.0)) for _ in MUSCLES),
    )
