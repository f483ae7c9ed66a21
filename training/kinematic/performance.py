"""Let a virtual person play a piece: hands, keys and muscles over time, as a `Performance`."""

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.kinematic.activation import (
    activate,
    stroke_forces,
    tempo,
)
from pianokpm_training.kinematic.person import Person
from pianokpm_training.kinematic.pieces import Piece
from pianokpm_training.kinematic.player import HandPlayer, press_key

from pianokpm_ros.anatomy import Side
from pianokpm_ros.records import NANOSECONDS
from pianokpm_ros.takes import Performance

FloatArray = NDArray[np.floating]

SIDES = (Side.LEFT, Side.RIGHT)
RATE = 1000.0
"""Of keys and envelopes [Hz]."""

ANGLE_STEP = 5
"""Angles are computed at every fifth sample of the envelope and interpolated: they change slowly."""


def perform(
    piece: Piece, person: Person | None = None, rate: float = 60.0, seed: int = 0
) -> Performance:
    """Play a piece.

    Args:
        piece: what.
        person: who; None is a typical one.
        rate: of the poses [Hz], any.
        seed: of drift, aim and what of the envelopes no movement explains.
    """
    person = person or Person()
    players = [HandPlayer(piece.notes, side, person, piece.duration, seed) for side in SIDES]
    stamp = np.rint(np.arange(int(piece.duration * rate) + 1) * (NANOSECONDS / rate))
    landmarks = np.stack([p.landmarks(stamp / NANOSECONDS) for p in players], axis=1)
    at = np.arange(int(piece.duration * RATE) + 1) / RATE
    envelope = [_envelope(p, piece, person, at, [seed, 1, i]) for i, p in enumerate(players)]
    return Performance(
        stamp.astype(np.int64),
        landmarks,
        *_move_keys(players, at),
        np.arange(len(at), dtype=np.int64) * (NANOSECONDS // int(RATE)),
        np.stack(envelope),
        piece.name,
        seed,
        f'Simulated: {piece.description}, played by a kinematic hand model; muscles from '
        "documented formulas, never a person's truth.",
    )


def _envelope(
    player: HandPlayer, piece: Piece, person: Person, at: FloatArray, seed: list[int]
) -> FloatArray:
    notes = tuple(n for n in piece.notes if n.side == player.side)
    coarse = at[::ANGLE_STEP]
    angles = player.knuckle_angles(coarse).reshape(len(coarse), -1)
    angles = np.stack([np.interp(at, coarse, a) for a in angles.T], axis=1).reshape(-1, 5, 2)
    forces, rng = stroke_forces(notes, person.muscles, at), np.random.default_rng(seed)
    return activate(forces, angles, tempo(notes, at), person.muscles, RATE, rng)


def _move_keys(players: list[HandPlayer], at: FloatArray) -> tuple[NDArray, ...]:
    """Return stamp [ns], key, position and velocity [1/s] of every sample at which a key moves."""
    courses: dict[int, FloatArray] = {}
    for player in players:
        heights = player.tips(at)[..., 2]
        for stroke in player.strokes:
            near = slice(*np.searchsorted(at, (stroke.strike, stroke.away)))
            course = courses.setdefault(stroke.note.key, np.zeros(len(at)))
            pressed = press_key(stroke, heights[near, stroke.note.finger - 1])
            course[near] = np.maximum(course[near], pressed.round(4))  # a micrometre is no motion
    moving = []
    for key, course in courses.items():
        steps = np.diff(course, prepend=0.0, append=course[-1]) != 0
        index = np.flatnonzero(steps[:-1] | steps[1:])
        velocity = np.gradient(course, 1.0 / RATE)
        moving.append(np.stack([index, np.full(len(index), key), course[index], velocity[index]]))
    index, key, position, velocity = np.concatenate(moving, axis=1) if moving else np.zeros((4, 0))
    order = np.lexsort((key, index))
    stamp = index[order].astype(np.int64) * (NANOSECONDS // int(RATE))
    return stamp, key[order].astype(np.uint8), position[order], velocity[order]
