"""A right hand as rigid bones: a palm and five chains of three links that bend together.

Palm frame: origin in the wrist, x to the little finger's side, y to the middle knuckle, z out of
the back. Letters: T times, chains in the order of `anatomy.FINGERS`, four joints a chain (base, two
joints, tip).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

SEGMENTS = np.array(
    [
        [0.251, 0.196, 0.158],
        [0.245, 0.143, 0.097],
        [0.266, 0.170, 0.108],
        [0.244, 0.165, 0.107],
        [0.204, 0.117, 0.093],
    ]
)
"""Lengths of the links as parts of the hand's length; the thumb's begin with its metacarpal (Buchholz et al. 1992)."""

BASES = np.array(
    [
        [-0.125, 0.130, -0.065],
        [-0.120, 0.452, -0.010],
        [0.000, 0.446, 0.000],
        [0.103, 0.421, -0.015],
        [0.195, 0.372, -0.050],
    ]
)
"""Where the chains begin, as parts of the hand's length: metacarpals as there, spread to a palm's width."""

REST = np.array([[-0.285, 0.605], [-0.133, 0.775], [0.000, 0.810], [0.119, 0.775], [0.236, 0.625]])
"""Where curved fingers' tips lie before the wrist (x, y), as parts of the hand's length: one white key apart."""

BENDS = np.array([[0.7, 1.0], [1.0, 0.67], [1.0, 0.67], [1.0, 0.67], [1.0, 0.67]])
"""How far the second and third link turn for one unit of bend; the last joint follows with two thirds of the middle
one (Rijpkema and Girard 1991)."""

HINGES = np.array([[-0.5, 0.0, -0.87], *[[-1.0, 0.0, 0.0]] * 4])
"""Axes about which the chains bend, palm frame; the thumb bends sideways, towards the fingers."""

BEND_LIMITS = (0.06, 1.92)
"""Least and most bend [rad]: hardly straight up to 110 degrees."""

SOFTNESS = 0.002
"""Over how much a finger gives in before its longest reach [m]."""

SPREAD_LIMIT, SPREAD_SOFTNESS = np.deg2rad(34.0), np.deg2rad(1.5)
"""How far a finger (not the thumb) goes sideways from where it lies at ease, and over how much it gives in [rad]."""

NEAR = 0.010
"""A tip less far before its knuckle than this loses its side smoothly [m]."""

TYPICAL_LENGTH = 0.185
"""Wrist to middle fingertip of an adult [m]."""


@dataclass(frozen=True, eq=False)
class Hand:
    """The bones of one person's right hand.

    Attributes:
        length: wrist to middle fingertip [m].
        bases: (5, 3) [m], palm frame.
        links: (5, 3) [m].
        rest: (5, 2) [m], places of the tips before the wrist.
    """

    length: float
    bases: FloatArray
    links: FloatArray
    rest: FloatArray


def make_hand(length: float = TYPICAL_LENGTH, rng: np.random.Generator | None = None) -> Hand:
    """Make a hand of typical proportions; with `rng`, every bone differs by some per cent as people do."""
    links, bases = SEGMENTS * length, BASES * length
    if rng is not None:
        links = links * rng.normal(1.0, 0.035, links.shape)
        bases = bases * rng.normal(1.0, 0.04, bases.shape)
    return Hand(length, bases, links, REST * length)


def turn(vectors: FloatArray, axes: FloatArray, angles: FloatArray) -> FloatArray:
    """Rotate (..., 3) vectors about (..., 3) unit axes by (...) angles [rad] (Rodrigues)."""
    cosine, sine = np.cos(angles)[..., None], np.sin(angles)[..., None]
    along = np.sum(axes * vectors, axis=-1, keepdims=True)
    return vectors * cosine + np.cross(axes, vectors) * sine + axes * along * (1.0 - cosine)


def _planar(
    links: FloatArray, ratios: FloatArray, bend: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return reach and angle of the tip, seen from the base along the first link, of a chain bent by `bend`."""
    second, third = ratios[0] * bend, (ratios[0] + ratios[1]) * bend
    x = links[0] + links[1] * np.cos(second) + links[2] * np.cos(third)
    y = links[1] * np.sin(second) + links[2] * np.sin(third)
    return np.hypot(x, y), np.arctan2(y, x)


def _soften(reach: FloatArray, most: float) -> FloatArray:
    """Bring a wanted reach below the most possible one without a kink."""
    return most - SOFTNESS * np.logaddexp(0.0, (most - reach) / SOFTNESS)


def bend_chain(
    base: FloatArray, tip: FloatArray, hinge: FloatArray, links: FloatArray, ratios: FloatArray
) -> FloatArray:
    """Bend a chain so that its tip reaches a point, or as near as its limits let it.

    Args:
        base: (T, 3) [m].
        tip: (T, 3) [m], wanted.
        hinge: (T, 3) axis it would like to bend about; the real one is the nearest across base-tip.
        links: (3,) [m].
        ratios: (2,) as in `BENDS`.

    Returns:
        (T, 4, 3) [m]: base, two joints, tip.
    """
    bends = np.linspace(*BEND_LIMITS, 400)
    reaches, angles = _planar(links, ratios, bends)
    away = tip - base
    reach = np.linalg.norm(away, axis=-1)
    within = _soften(reach, reaches[0])
    # Reach falls as the bend grows; np.interp wants it to rise.
    bend = np.interp(within, reaches[::-1], bends[::-1])
    angle = np.interp(bend, bends, angles)
    direction = away / np.maximum(reach, 1e-9)[:, None]
    axis = hinge - np.sum(hinge * direction, axis=-1, keepdims=True) * direction
    axis /= np.linalg.norm(axis, axis=-1, keepdims=True)
    turns = np.stack([-angle, ratios[0] * bend - angle, ratios.sum() * bend - angle], axis=-1)
    steps = links[:, None] * turn(direction[:, None], axis[:, None], turns)
    return np.concatenate([base[:, None], base[:, None] + np.cumsum(steps, axis=1)], axis=1)


def limit_spread(away: FloatArray, ease: float) -> FloatArray:
    """Turn (T, 3) vectors from a knuckle to a wanted tip, palm frame, back to what a finger can spread.

    Args:
        away: (T, 3) [m].
        ease: angle sideways of the finger at ease [rad].
    """
    x, y, z = away.T
    ahead = 0.5 * (
        y + np.sqrt(y**2 + NEAR**2)
    )  # so that a tip that falls behind its knuckle doesn't flip sides
    angle = np.arctan2(x, ahead) - ease
    room = (SPREAD_LIMIT - np.abs(angle)) / SPREAD_SOFTNESS
    allowed = np.sign(angle) * (SPREAD_LIMIT - SPREAD_SOFTNESS * np.logaddexp(0.0, room))
    reach = np.hypot(x, y)
    return np.column_stack([reach * np.sin(ease + allowed), reach * np.cos(ease + allowed), z])


def pose_hand(hand: Hand, wrist: FloatArray, axes: FloatArray, tips: FloatArray) -> FloatArray:
    """Bend all fingers so that their tips reach where they should.

    Args:
        hand: bones.
        wrist: (T, 3) [m].
        axes: (T, 3, 3), columns are the palm frame's axes.
        tips: (T, 5, 3) [m], wanted.

    Returns:
        (T, 21, 3) landmarks [m].
    """
    landmarks = np.empty((len(wrist), 21, 3))
    landmarks[:, 0] = wrist
    for finger in range(5):
        base, tip = wrist + axes @ hand.bases[finger], tips[:, finger]
        if finger:
            ease = np.arctan2(*(hand.rest[finger] - hand.bases[finger, :2]))
            away = np.einsum('tji,tj->ti', axes, tip - base)
            tip = base + np.einsum('tij,tj->ti', axes, limit_spread(away, float(ease)))
        hinge = axes @ HINGES[finger]
        chain = bend_chain(base, tip, hinge, hand.links[finger], BENDS[finger])
        landmarks[:, 1 + 4 * finger : 5 + 4 * finger] = chain
    return landmarks


def palm_axes(yaw: FloatArray, pitch: FloatArray, roll: FloatArray) -> FloatArray:
    """Return (T, 3, 3) palm axes (columns) of a hand turned by (T,) angles [rad].

    Yaw turns it to the left about z, pitch lifts the knuckles, roll lifts the thumb's side.
    """
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)
    c, s = np.cos(yaw), np.sin(yaw)
    about_z = np.stack([c, -s, zero, s, c, zero, zero, zero, one], -1).reshape(-1, 3, 3)
    c, s = np.cos(pitch), np.sin(pitch)
    about_x = np.stack([one, zero, zero, zero, c, -s, zero, s, c], -1).reshape(-1, 3, 3)
    c, s = np.cos(roll), np.sin(roll)
    about_y = np.stack([c, zero, s, zero, one, zero, -s, zero, c], -1).reshape(-1, 3, 3)
    return about_z @ about_x @ about_y
