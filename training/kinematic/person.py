"""Who plays: a virtual person's hand, technique and muscles, typical or random."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.kinematic.hand import TYPICAL_LENGTH, Hand, make_hand

FloatArray = NDArray[np.floating]

PRESS = np.array(
    [
        # thumb index middle ring little      rows in the order of anatomy.MUSCLES
        [0.02, 0.01, 0.03, 0.12, 0.55],  # ADM
        [0.55, 0.06, 0.02, 0.01, 0.01],  # APB
        [0.26, 0.46, 0.05, 0.02, 0.01],  # 1DI
        [0.04, 0.10, 0.42, 0.06, 0.02],  # 2DI
        [0.01, 0.04, 0.32, 0.26, 0.05],  # 3DI
        [0.01, 0.02, 0.06, 0.44, 0.20],  # 4DI
    ]
)
"""Activity at the hardest stroke of each finger [fraction of MVC]: a muscle works most for its own finger's knuckle and
keeps the neighbours steady. Chosen by anatomy, not measured."""


@dataclass(frozen=True)
class Technique:
    """How somebody plays.

    Attributes:
        wrist_height: of the wrist over the white keys [m].
        reach: how far the tips lie before the wrist, 1 typical; less is a rounder hand.
        depth: how far behind the keys' front edge the middle finger plays [m].
        hover: height of the waiting tips over the keys [m].
        lift: height from which the hardest stroke comes [m].
        roll: of the palm, the thumb's side down [rad].
        elbow: distance of the elbow from the middle of the body [m].
        coupling: part of a finger's motion that its neighbours share.
    """

    wrist_height: float = 0.040
    reach: float = 1.0
    depth: float = 0.046
    hover: float = 0.009
    lift: float = 0.020
    roll: float = -0.04
    elbow: float = 0.25
    coupling: float = 0.22


@dataclass(frozen=True, eq=False)
class Muscles:
    """How somebody's muscles work.

    Attributes:
        press: (6, 5) as `PRESS`.
        rest: activity at rest [fraction of MVC].
        exponent: of the stroke's force in the activity.
        lead: how long before the key-down the stroke's activity peaks [s].
        hold: activity of a held key, as a part of the stroke's.
        spread: activity of full abduction (25 degrees) [fraction of MVC].
        bend: activity of a knuckle bent by 60 degrees [fraction of MVC].
        stiffness: co-contraction of all muscles at 10 notes a second [fraction of MVC].
        noise: coefficient of variation of the envelope that no movement explains.
    """

    press: FloatArray = field(default_factory=PRESS.copy)
    rest: float = 0.015
    exponent: float = 1.2
    lead: float = 0.050
    hold: float = 0.28
    spread: float = 0.16
    bend: float = 0.05
    stiffness: float = 0.09
    noise: float = 0.16


@dataclass(frozen=True, eq=False)
class Person:
    """A virtual pianist."""

    hand: Hand = field(default_factory=make_hand)
    technique: Technique = field(default_factory=Technique)
    muscles: Muscles = field(default_factory=Muscles)


def random_person(rng: np.random.Generator) -> Person:
    """Draw a person: hand 165 to 207 mm, technique and muscles about the typical ones."""

    def vary(value: float, part: float) -> float:
        return float(value * np.exp(rng.normal(0.0, part)))

    t, m = Technique(), Muscles()
    technique = Technique(
        wrist_height=vary(t.wrist_height, 0.15),
        reach=float(np.clip(rng.normal(1.0, 0.035), 0.92, 1.06)),
        depth=float(np.clip(rng.normal(t.depth, 0.004), 0.040, 0.050)),
        hover=vary(t.hover, 0.3),
        lift=vary(t.lift, 0.3),
        roll=float(rng.normal(t.roll, 0.06)),
        elbow=float(rng.normal(t.elbow, 0.04)),
        coupling=float(rng.uniform(0.1, 0.35)),
    )
    gain = np.exp(rng.normal(0.0, 0.18, (6, 1)) + rng.normal(0.0, 0.15, (6, 5)))
    muscles = Muscles(
        press=m.press * gain,
        rest=vary(m.rest, 0.3),
        exponent=float(rng.uniform(1.0, 1.4)),
        lead=float(rng.uniform(0.030, 0.075)),
        hold=vary(m.hold, 0.2),
        spread=vary(m.spread, 0.25),
        bend=vary(m.bend, 0.3),
        stiffness=vary(m.stiffness, 0.3),
        noise=float(rng.uniform(0.12, 0.20)),
    )
    length = float(np.clip(rng.normal(TYPICAL_LENGTH, 0.01), 0.165, 0.207))
    return Person(make_hand(length, rng), technique, muscles)
