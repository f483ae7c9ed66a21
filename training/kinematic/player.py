"""Play notes with a simulated hand: it travels along the keys and its fingers strike them.

Everything is computed for a right hand; a left one is mirrored (x to -x) before and after.
Letters: T times, five fingers in the order of `anatomy.FINGERS`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pianokpm_training.kinematic.activation import knuckle_angles
from pianokpm_training.kinematic.curves import Drift
from pianokpm_training.kinematic.hand import make_hand, palm_axes, pose_hand
from pianokpm_training.kinematic.notes import CHORD, Note
from pianokpm_training.kinematic.person import Person, Technique
from pianokpm_training.kinematic.strokes import (
    PAD,
    FingerCourse,
    Stroke,
    floor_height,
    key_height,
    key_travel,
    plan_strokes,
)
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from pianokpm_ros.anatomy import FINGERTIPS, Side
from pianokpm_ros.keyboard.layout import BLACK_FRONT, FIRST_KEY, KEY_CENTRES, is_black

FloatArray = NDArray[np.floating]

GRID = 0.005
SMOOTH = 0.02
"""Step and smoothing of the hand's path [s]."""

TRAVEL = (0.08, 0.9)
"""How long the hand takes to another place at least [s], and more for its distance [s/m]."""

PITCH = 0.24
"""How much the knuckles are higher than the wrist [rad]."""

IDLE_PLACE = 0.16
"""Where a hand that never plays waits, sideways from middle C [m]."""

AIM = 0.0012
"""How exactly a key's middle is hit, 1 sigma, at most 2.5 of it [m]."""


class HandPlayer:
    """One hand of a person playing its notes; ask for any times."""

    def __init__(
        self, notes: tuple[Note, ...], side: Side, person: Person, duration: float, seed: int
    ) -> None:
        self._mirror = -1.0 if side == Side.LEFT else 1.0
        self._person, self.side = person, side
        self._notes = tuple(n for n in notes if n.side == side)
        self._chords = _find_chords(self._notes)
        rng = np.random.default_rng([seed, int(side)])
        self._drift, self._sway = Drift(rng, 15, (0.1, 1.2)), Drift(rng, 6, (0.05, 0.6))
        self._aim = np.clip(rng.normal(0, AIM, len(self._notes)), -2.5 * AIM, 2.5 * AIM)
        self._rest = person.hand.rest * [1.0, person.technique.reach]
        shift = np.zeros((len(self._chords), 3))
        for _ in range(4):  # a hand that doesn't quite get there goes a bit further
            self._plan(duration, shift)
            shift += self._misses()

    def _plan(self, duration: float, shift: FloatArray) -> None:
        self._plan_path(duration, shift)
        places = self._contacts()
        self._strokes, self._courses = [], []
        for finger in range(5):
            own = [i for i, n in enumerate(self._notes) if n.finger == finger + 1]
            strokes = plan_strokes([self._notes[i] for i in own], [places[i] for i in own])
            self._strokes.append(strokes)
            self._courses.append(
                FingerCourse(strokes, self._person.technique) if strokes else None
            )

    @property
    def strokes(self) -> tuple[Stroke, ...]:
        """All strokes, finger by finger."""
        return tuple(stroke for strokes in self._strokes for stroke in strokes)

    def _key_x(self, key: int) -> float:
        return float(self._mirror * KEY_CENTRES[key - FIRST_KEY])

    def _yaw(self, x: ArrayLike) -> FloatArray:
        """Forearm from an elbow beside the body, half a metre before the keys; the wrist takes up some of the angle."""
        return 0.6 * np.arctan2(self._person.technique.elbow - 0.45 * np.asarray(x), 0.5)

    def _layout(self, x: ArrayLike) -> FloatArray:
        """Places of the five waiting tips around the middle one, for a hand at x [m]: (..., 5, 2)."""
        yaw = self._yaw(x)[..., None]
        around = self._rest - self._rest[2]
        c, s = np.cos(yaw), np.sin(yaw)
        return np.stack(
            [c * around[:, 0] - s * around[:, 1], s * around[:, 0] + c * around[:, 1]], axis=-1
        )

    def _plan_path(self, duration: float, shift: FloatArray) -> None:
        """Lay the path of the middle finger's waiting place, (x, y), and the hand's lift through all chords."""
        places = np.array([self._chord_place(chord) for chord in self._chords]).reshape(-1, 3)
        times, places = self._stay(places + shift)
        grid = np.arange(-0.5, duration + 0.5, GRID)
        course = _interpolate(times, places, grid)
        course[:, 1] += self._person.technique.depth
        # Between far places the hand rises.
        course[:, 2] += 0.02 * np.clip(np.abs(np.gradient(course[:, 0], GRID)) - 0.25, 0, 1.5)
        course = gaussian_filter1d(course, SMOOTH / GRID, axis=0)
        self._path = CubicSpline(grid, course, axis=0)

    def _stay(self, places: FloatArray) -> tuple[list[float], FloatArray]:
        """Let the hand stay with each chord until it is let go, or the hand must leave for the next one."""
        times, stays = [], []
        for i, (chord, place) in enumerate(zip(self._chords, places, strict=True)):
            onset = float(np.mean([n.onset for n in chord]))
            leave = max(n.end for n in chord)
            if i + 1 < len(places):
                far = float(np.linalg.norm(places[i + 1] - place))
                leave = min(leave, self._chords[i + 1][0].onset - TRAVEL[0] - TRAVEL[1] * far)
            times.append(onset)
            stays.append(place)
            if leave > onset + TRAVEL[0]:
                times.append(leave)
                stays.append(place)
        return times, np.array(stays).reshape(-1, 3)

    def _chord_place(self, chord: list[Note]) -> tuple[float, float, float]:
        """Where the hand plays a chord best: x, how far it goes in beyond its usual depth, and up [m]."""
        x = np.mean([self._key_x(n.key) for n in chord])
        for _ in range(2):  # the hand's turn depends a little on where it is
            around = self._layout(x)
            x = np.mean([self._key_x(n.key) - around[n.finger - 1, 0] for n in chord])
        inward = [
            BLACK_FRONT + 0.014 - around[n.finger - 1, 1] - self._person.technique.depth
            for n in chord
            if is_black(n.key)
        ]
        return float(x), 0.75 * max([0.0, *inward]), 0.0

    def _contacts(self) -> list[tuple[float, float]]:
        """Where each note's tip meets its key [m]: in its middle, as deep as the hand happens to be."""
        hands = self._path([n.onset for n in self._notes]) if self._notes else []
        places = []
        for note, aim, hand in zip(self._notes, self._aim, hands, strict=True):
            y = float(hand[1] + self._layout(hand[0])[note.finger - 1, 1])
            low, high = (BLACK_FRONT + 0.010, 0.095) if is_black(note.key) else (0.010, 0.046)
            places.append((self._key_x(note.key) + float(aim), float(np.clip(y, low, high))))
        return places

    def _misses(self) -> FloatArray:
        """Return how far the fingers of each chord fall short of their keys, (chords, 3) [m]."""
        misses = np.zeros((len(self._chords), 3))
        if not self._notes:
            return misses
        at = np.array([n.onset for n in self._notes])
        short = self.tips(at) - self._pose(at)[:, list(FINGERTIPS)]
        miss = {n: s[n.finger - 1] for n, s in zip(self._notes, short, strict=True)}
        for i, chord in enumerate(self._chords):
            misses[i] = sum(miss[n] for n in chord)
        return misses

    def _middle(self, at: FloatArray) -> FloatArray:
        """Waiting place of the middle finger (x, y) and the hand's lift, (T, 3) [m]."""
        place = self._path(at)
        place[:, :2] += 0.0015 * self._sway(at)[:, :2]
        return place

    def tips(self, at: FloatArray) -> FloatArray:
        """Return the (T, 5, 3) places [m] that the fingertips aim at, of a right hand."""
        tips = self._waiting(at)
        waiting, bound = tips[..., 2].copy(), np.zeros((len(at), 5))
        for finger, course in enumerate(self._courses):
            if course:
                tips[:, finger], bound[:, finger] = course.blend(at, tips[:, finger])
        return self._couple(tips, waiting, bound)

    def _waiting(self, at: FloatArray) -> FloatArray:
        middle, drift = self._middle(at), self._drift(at)
        tips = np.empty((len(at), 5, 3))
        tips[..., :2] = middle[:, None, :2] + self._layout(middle[:, 0])
        tips[..., :2] += 0.0012 * drift[:, :10].reshape(-1, 5, 2)
        hover = self._person.technique.hover * (1.0 + 0.25 * np.tanh(drift[:, 10:]))
        tips[..., 2] = floor_height(tips[..., 1]) + PAD + hover + middle[:, 2, None]
        return tips

    def _couple(self, tips: FloatArray, waiting: FloatArray, bound: FloatArray) -> FloatArray:
        """Let neighbours share a part of each finger's up and down, without touching their keys."""
        moved = tips[..., 2] - waiting
        shared = np.zeros_like(moved)
        shared[:, 1:4] += moved[:, 2:5]
        shared[:, 2:] += moved[:, 1:4]
        free = (1.0 - bound) * self._person.technique.coupling
        lowest = floor_height(tips[..., 1]) + PAD + 0.002
        room = tips[..., 2] + free * shared - lowest
        # A soft minimum: no kink where a finger would touch.
        kept = lowest + 0.5 * (room + np.sqrt(room**2 + 1e-5))
        tips[..., 2] += (1.0 - bound) * (kept - tips[..., 2])
        return tips

    def palm(self, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (T, 3) wrists [m] and (T, 3, 3) palm axes (columns), of a right hand."""
        technique, middle, sway = self._person.technique, self._middle(at), self._sway(at)
        yaw = self._yaw(middle[:, 0])
        pitch = PITCH + 0.02 * sway[:, 2]
        axes = palm_axes(yaw, pitch, technique.roll + 0.02 * sway[:, 3])
        c, s = np.cos(yaw), np.sin(yaw)
        x, y = self._rest[2]
        back = np.column_stack([c * x - s * y, s * x + c * y])
        height = technique.wrist_height + 0.003 * sway[:, 4] + middle[:, 2]
        return np.column_stack([middle[:, :2] - back, height]), axes

    def _pose(self, at: FloatArray) -> FloatArray:
        return pose_hand(self._person.hand, *self.palm(at), self.tips(at))

    def landmarks(self, at: ArrayLike) -> FloatArray:
        """Return (T, 21, 3) landmarks [m] at (T,) times [s], keyboard frame."""
        landmarks = self._pose(np.asarray(at, np.float64))
        landmarks[..., 0] *= self._mirror
        return landmarks

    def knuckle_angles(self, at: FloatArray) -> FloatArray:
        """Return (T, 5, 2) angles [rad] of the first links, beyond those of the hand at ease: out sideways and down."""
        return knuckle_angles(self._pose(at), self.palm(at)[1]) - self._at_ease()

    def _at_ease(self) -> FloatArray:
        """Angles of a typical hand as it waits over the keys; being bent counts from straight, but for the thumb."""
        hover = np.full(5, PAD + Technique().hover)
        wrist = np.array([[0.0, 0.0, Technique().wrist_height]])
        hand, level = make_hand(), np.zeros(1)
        axes = palm_axes(level, level + PITCH, level + Technique().roll)
        tips = np.column_stack([hand.rest, hover])[None]
        angles = knuckle_angles(pose_hand(hand, wrist, axes, tips), axes)[0]
        angles[1:, 1] = 0.0
        return angles


def press_key(stroke: Stroke, tip: FloatArray) -> FloatArray:
    """Return how far a stroke's key is down for (T,) heights of its finger's tip [m]: it follows the finger."""
    down = (key_height(stroke.note.key) + PAD - tip) / key_travel(stroke.note.key)
    return np.clip(down, 0.0, 1.0)


def _find_chords(notes: tuple[Note, ...]) -> list[list[Note]]:
    chords: list[list[Note]] = []
    for note in sorted(notes, key=lambda n: n.onset):
        if chords and note.onset - chords[-1][0].onset < CHORD:
            chords[-1].append(note)
        else:
            chords.append([note])
    return chords


def _interpolate(times: list[float], places: FloatArray, grid: FloatArray) -> FloatArray:
    if len(times) < 2:
        return np.tile(places[0] if len(times) else [IDLE_PLACE, 0.0, 0.0], (len(grid), 1))
    return PchipInterpolator(times, places, axis=0)(np.clip(grid, times[0], times[-1]))
