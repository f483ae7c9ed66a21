"""Simulate a take: both hands of a person play notes; motion, keys, muscles and EMG come out.

A left hand is a right hand in a world mirrored about D above middle C.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.kinematic.notes import Note
from pianokpm_training.simulation.dynamics import MUSCLE_RATE, Load, compute_load
from pianokpm_training.simulation.electrodes import QUICK, ElectrodeSession, EmgRecording
from pianokpm_training.simulation.excitation import (
    advance,
    co_contraction,
    effort_weights,
    excite,
    measured,
)
from pianokpm_training.simulation.hand import HandModel, build_hand
from pianokpm_training.simulation.keys import Press, finger_forces, press_keys, sample_keys
from pianokpm_training.simulation.kinematics import Motion, follow_plan, missed_notes
from pianokpm_training.simulation.optimisation import Sharing, share_load
from pianokpm_training.simulation.people import Pianist
from pianokpm_training.simulation.plan import Plan, plan_hand
from pianokpm_training.simulation.score import MIRROR, key_x, mirror_note

from pianokpm_ros.anatomy import Side

FloatArray = NDArray[np.floating]

MIRROR_X = key_x(MIRROR // 2)
"""Place of the mirror [m]."""

ATTEMPTS = 3


@dataclass(frozen=True, eq=False)
class HandTake:
    """What one hand did; all but `landmarks` and `presses` is told of the right hand it was simulated as.

    Attributes:
        side: whose hand it stands for.
        plan: what was wanted.
        motion: what was done.
        landmarks: (T, 21, 3) [m] in the rig's frame, at `plan.RATE`.
        presses: positions of the keys it pressed, by MIDI number.
        forces: (T, 5) of the keys on the pads [N].
        load: torques and muscles.
        sharing: activations of all muscles.
        activation: (A, 6) that the measured muscles reached, at `MUSCLE_RATE`.
        excitation: (A, 6) that drives the electrodes' signal, ahead of the force by the delay.
        emg: what the electrodes gave, None if not asked for.
    """

    side: Side
    plan: Plan
    motion: Motion
    landmarks: FloatArray
    presses: dict[int, Press]
    forces: FloatArray
    load: Load
    sharing: Sharing
    activation: FloatArray
    excitation: FloatArray
    emg: EmgRecording | None


@dataclass(frozen=True, eq=False)
class SimulatedTake:
    """What a person played.

    Attributes:
        pianist: who.
        notes: of both hands, sorted; without those out of a hand's reach.
        duration: [s].
        hands: by side; only the sides asked for.
        keys: samples of moving keys, as `sample_keys` gives them.
        seconds: processor time by stage [s].
    """

    pianist: Pianist
    notes: tuple[Note, ...]
    duration: float
    hands: dict[Side, HandTake]
    keys: dict[str, NDArray]
    seconds: dict[str, float]


@dataclass
class Stopwatch:
    """Adds up processor time by stage; other programs on the machine don't count."""

    seconds: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.process_time)

    def lap(self, stage: str) -> None:
        """Count the time since the last lap to a stage."""
        now = time.process_time()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now


def simulate_take(
    pianist: Pianist,
    notes: Sequence[Note],
    duration: float,
    seed: Sequence[int],
    sessions: dict[Side, ElectrodeSession] | None = None,
) -> SimulatedTake:
    """Let a person play playable notes.

    Args:
        pianist: who.
        notes: of both hands, as `make_playable` gives them.
        duration: [s].
        seed: of spikes and noise.
        sessions: the electrodes on each hand; None skips EMG, which needs neither.
    """
    watch = Stopwatch()
    hand = build_hand(pianist.body)
    watch.lap('hand model')
    hands = {}
    for side in (Side.LEFT, Side.RIGHT):
        own = [n for n in notes if n.side == side]
        session = sessions[side] if sessions else None
        random = np.random.default_rng([*seed, int(side)])
        hands[side] = _simulate_hand(hand, pianist, own, side, duration, session, random, watch)
    keys = sample_keys([h.presses for h in hands.values()])
    played = [
        mirror_note(n) if h.side == Side.LEFT else n for h in hands.values() for n in h.plan.notes
    ]
    played.sort(key=lambda n: (n.onset, n.key))
    watch.lap('keys')
    return SimulatedTake(pianist, tuple(played), duration, hands, keys, watch.seconds)


def _simulate_hand(
    hand: HandModel,
    pianist: Pianist,
    notes: Sequence[Note],
    side: Side,
    duration: float,
    session: ElectrodeSession | None,
    random: np.random.Generator,
    watch: Stopwatch,
) -> HandTake:
    own = [mirror_note(n) for n in notes] if side == Side.LEFT else list(notes)
    plan, motion = _move(hand, pianist, own, duration, watch)
    presses, forces = press_keys(plan, motion), finger_forces(plan, motion, pianist.technique)
    watch.lap('keys')
    load = compute_load(hand, motion, forces)
    watch.lap('inverse dynamics')
    sharing = share_load(load, effort_weights(hand, pianist.nerves))
    watch.lap('muscle optimisation')
    wanted = sharing.activation[:, measured(hand)]
    wanted = np.clip(wanted + co_contraction(load.time, plan.notes, pianist.nerves), 0, 1)
    excitation, activation = excite(wanted, MUSCLE_RATE)
    excitation = advance(excitation, MUSCLE_RATE, pianist.nerves.delay)
    emg = None
    if session is not None:
        emg = session.record(excitation, MUSCLE_RATE, _movement(motion), random)
    watch.lap('EMG')
    landmarks = motion.landmarks.copy()
    if side == Side.LEFT:
        landmarks[..., 0] = 2 * MIRROR_X - landmarks[..., 0]
        presses = {MIRROR - key: press for key, press in presses.items()}
    return HandTake(
        side,
        plan,
        motion,
        landmarks,
        presses,
        forces,
        load,
        sharing,
        activation,
        excitation,
        emg,
    )


def _move(
    hand: HandModel, pianist: Pianist, notes: list[Note], duration: float, watch: Stopwatch
) -> tuple[Plan, Motion]:
    """Plan and follow; notes that the hand turns out not to reach are left out, and it is done again."""
    for attempt in range(ATTEMPTS):
        plan = plan_hand(notes, duration, pianist.technique, pianist.body)
        watch.lap('plan')
        motion = follow_plan(hand, plan, pianist.technique)
        watch.lap('inverse kinematics')
        missed = set(missed_notes(plan, motion))
        if not missed or attempt == ATTEMPTS - 1:
            break
        notes = [n for i, n in enumerate(notes) if i not in missed]
    return plan, motion


def _movement(motion: Motion) -> FloatArray:
    """How quickly the back of the hand moves, at `MUSCLE_RATE`, 1 = quick."""
    knuckle = motion.landmarks[::2, 9]
    speed = np.linalg.norm(np.gradient(knuckle, axis=0), axis=1) * MUSCLE_RATE
    return np.minimum(speed / QUICK, 1.0)
