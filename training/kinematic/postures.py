"""Hands that don't play: resting, turned, open, closed, waving; their muscles only hold what is bent or spread."""

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.kinematic.activation import activate, knuckle_angles
from pianokpm_training.kinematic.curves import Drift, follow
from pianokpm_training.kinematic.hand import palm_axes, pose_hand
from pianokpm_training.kinematic.performance import RATE, SIDES
from pianokpm_training.kinematic.person import Person

from pianokpm_ros.anatomy import Side
from pianokpm_ros.records import NANOSECONDS
from pianokpm_ros.takes import Performance

FloatArray = NDArray[np.floating]

PAUSE, CHANGE = (0.3, 2.5), (0.3, 1.2)
"""How long a posture is kept, and how long the next one takes to come [s]."""


class IdleHand:
    """One hand that moves from posture to posture; ask for any times."""

    def __init__(self, side: Side, person: Person, duration: float, seed: int) -> None:
        self._mirror = -1.0 if side == Side.LEFT else 1.0
        self._person = person
        rng = np.random.default_rng([seed, 2, int(side)])
        times, postures, now = [], [], 0.0
        while now < duration + 1.0:
            posture = self._draw(rng)
            times += [now, now + rng.uniform(*PAUSE)]
            postures += [posture, posture]
            now = times[-1] + rng.uniform(*CHANGE)
        self._knots = np.array(times), np.array(postures)
        self._sway = Drift(rng, self._knots[1].shape[1], (0.1, 1.0))

    @staticmethod
    def _draw(rng: np.random.Generator) -> FloatArray:
        """Draw wrist (3) [m], yaw, pitch, roll [rad], and for each finger reach (part), sideways and down [rad]."""
        wrist = rng.uniform([0.0, -0.35, 0.03], [0.5, -0.02, 0.30])
        turns = rng.normal([0.2, 0.1, 0.0], [0.4, 0.4, 0.5])
        curl = rng.uniform(0.45, 0.97)
        reach = np.clip(rng.normal(curl, 0.08, 5), 0.40, 0.985)
        down = rng.normal(1.5 * (1.0 - curl) + 0.1, 0.15, 5)
        sideways = np.array([-0.55, -0.12, 0.0, 0.1, 0.22]) * rng.uniform(0.3, 1.5)
        return np.concatenate([wrist, turns, reach, sideways + rng.normal(0, 0.05, 5), down])

    def _at(self, at: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        posture = follow(*self._knots, at)
        size = np.array([0.004] * 3 + [0.03] * 3 + [0.008] * 5 + [0.015] * 10)
        posture = posture + size * self._sway(at)
        wrist, turns, reach, angles = np.split(posture, [3, 6, 11], axis=1)
        return wrist, palm_axes(*turns.T), np.clip(reach, 0.38, 0.99), angles.reshape(-1, 2, 5)

    def _pose(self, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        hand = self._person.hand
        wrist, axes, reach, angles = self._at(at)
        sideways, down = angles[:, 0], angles[:, 1]
        away = np.stack(
            [np.sin(sideways) * np.cos(down), np.cos(sideways) * np.cos(down), -np.sin(down)], -1
        )
        local = hand.bases + away * (reach * hand.links.sum(axis=1))[..., None]
        tips = wrist[:, None] + np.einsum('tij,tfj->tfi', axes, local)
        return pose_hand(hand, wrist, axes, tips), axes

    def landmarks(self, at: FloatArray) -> FloatArray:
        """Return (T, 21, 3) landmarks [m] at (T,) times [s], keyboard frame."""
        landmarks, _ = self._pose(np.asarray(at, np.float64))
        landmarks[..., 0] *= self._mirror
        return landmarks

    def knuckle_angles(self, at: FloatArray) -> FloatArray:
        """Return (T, 5, 2) [rad] as `activation.activate` wants them."""
        neutral = np.zeros((5, 2))
        neutral[:, 0] = [-0.75, -0.12, 0.0, 0.1, 0.22]
        neutral[0, 1] = 0.2
        return knuckle_angles(*self._pose(at)) - neutral


def idle(person: Person, duration: float, rate: float = 60.0, seed: int = 0) -> Performance:
    """Let both hands do anything but play; no key moves."""
    hands = [IdleHand(side, person, duration, seed) for side in SIDES]
    stamp = np.rint(np.arange(int(duration * rate) + 1) * (NANOSECONDS / rate))
    at = np.arange(int(duration * RATE) + 1) / RATE
    envelopes = []
    for i, hand in enumerate(hands):
        rng, none = np.random.default_rng([seed, 3, i]), np.zeros(len(at))
        angles = hand.knuckle_angles(at)
        envelopes.append(activate(np.zeros((len(at), 5)), angles, none, person.muscles, RATE, rng))
    return Performance(
        stamp.astype(np.int64),
        np.stack([h.landmarks(stamp / NANOSECONDS) for h in hands], axis=1),
        *np.zeros((4, 0)),
        np.arange(len(at), dtype=np.int64) * (NANOSECONDS // int(RATE)),
        np.stack(envelopes),
        'idle',
        seed,
        "Simulated: hands that do not play; muscles from documented formulas, never a person's truth.",
    )
