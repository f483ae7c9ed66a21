"""Play notes with a simulated hand: it travels along the keys, fingers prepare, strike, hold and let go.

Everything is computed for a right hand; a left one is mirrored (x to -x) before and after.
Letters: T times, fingers in the order of `anatomy.FINGERS`.
"""

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pianokpm_training.kinematic.activation import knuckle_angles
from pianokpm_training.kinematic.curves import Drift, follow, minimum_jerk
from pianokpm_training.kinematic.hand import palm_axes, pose_hand
from pianokpm_training.kinematic.notes import FIRST_KEY, Note
from pianokpm_training.kinematic.person import Person
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from pianokpm_ros.anatomy import FINGERTIPS, Side
from pianokpm_ros.muscle.features import KEY_CENTRES

FloatArray = NDArray[np.floating]

PAD = 0.006
"""Height of a fingertip's landmark over what its pad touches [m]: half a fingertip."""

WHITE_TRAVEL, BLACK_TRAVEL = 0.010, 0.008
BLACK_HEIGHT, BLACK_FRONT = 0.012, 0.050
"""Black keys: height over the white ones and where they begin behind the front edge [m]."""

BLACK = frozenset({1, 3, 6, 8, 10})
RELEASE = 0.09
"""How long a finger takes from the key bottom to hovering [s]."""

BIND = 0.13
"""How long a waiting finger takes to turn to its key, and to leave it [s]."""

GRID = 0.005
SMOOTH = 0.02
"""Step and smoothing of the hand's path [s]."""

PITCH = 0.24
"""How much the knuckles are higher than the wrist [rad]."""

IDLE_PLACE = 0.16
"""Where a hand that never plays waits, sideways from middle C [m]."""


def is_black(key: int) -> bool:
    """Tell whether a MIDI number is a black key's."""
    return key % 12 in BLACK


def key_travel(key: int) -> float:
    """Return how far a key goes down [m]."""
    return BLACK_TRAVEL if is_black(key) else WHITE_TRAVEL


def key_height(key: int) -> float:
    """Return the height of a key's top at rest [m]."""
    return BLACK_HEIGHT if is_black(key) else 0.0


def stroke_time(velocity: int) -> float:
    """Return how long a stroke takes from the lifted finger to the key bottom [s]: 120 ms softly, 55 ms at the hardest."""
    return 0.125 - 0.07 * velocity / 127


@dataclass(frozen=True)
class _Stroke:
    """A note with the times at which its finger begins to lift, to strike, to let go, and hovers again."""

    note: Note
    prepare: float
    strike: float
    release: float
    away: float
    place: tuple[float, float]

    @property
    def waits(self) -> bool:
        """Whether there is time to wait over the key before lifting."""
        return self.strike - self.prepare > 0.08


class HandPlayer:
    """One hand of a person playing its notes; ask for any times."""

    def __init__(
        self, notes: tuple[Note, ...], side: Side, person: Person, duration: float, seed: int
    ) -> None:
        self._mirror = -1.0 if side == Side.LEFT else 1.0
        self._person, self.side = person, side
        self._notes = tuple(n for n in notes if n.side == side)
        rng = np.random.default_rng([seed, int(side)])
        self._drift = Drift(rng, 15, (0.1, 1.2))
        self._sway = Drift(rng, 6, (0.05, 0.6))
        self._rest = person.hand.rest * [1.0, person.technique.reach]
        self._groups = _group(self._notes)
        self._aim = {
            note: float(np.clip(rng.normal(0, 0.0012), -0.003, 0.003)) for note in self._notes
        }
        shift = np.zeros((max(len(self._groups), 1), 2))
        for _ in range(3):
            self._plan_path(duration, shift)
            self._strokes = [self._plan_strokes(finger) for finger in range(5)]
            shift += self._misses()

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

    def _misses(self) -> FloatArray:
        """Return how far the fingers of each chord fall short of their keys, (chords, 2) [m]: the hand must go there."""
        misses = np.zeros((max(len(self._groups), 1), 2))
        places = {s.note: s.place for s in self.strokes()}
        for i, group in enumerate(self._groups):
            for note in group:
                tip = self._reached(np.array([note.onset]))[0, FINGERTIPS[note.finger - 1]]
                misses[i] += np.array(places[note]) - tip[:2]
        return misses

    def _plan_path(self, duration: float, shift: FloatArray) -> None:
        """Lay the path of the middle finger's waiting place, (x, y), through all chords, each shifted a bit [m]."""
        times, places = [], []
        for group in self._groups:
            x = np.mean([self._key_x(n.key) for n in group])
            for _ in range(2):  # the hand's turn depends a little on where it is
                around = self._layout(x)
                x = np.mean([self._key_x(n.key) - around[n.finger - 1, 0] for n in group])
            inward = [
                BLACK_FRONT + 0.014 - around[n.finger - 1, 1] - self._person.technique.depth
                for n in group
                if is_black(n.key)
            ]
            times.append(np.mean([n.onset for n in group]))
            places.append((x, 0.75 * max([0.0, *inward])))
        if not times:
            times, places = [0.0], [(IDLE_PLACE, 0.0)]
        places = np.array(places) + shift
        grid = np.arange(-0.5, duration + 0.5, GRID)
        course = _hold_and_interpolate(np.array(times), places, grid)
        course[:, 1] += self._person.technique.depth
        # Between far places the hand rises.
        far = np.abs(np.gradient(course[:, 0], GRID))
        height = 0.02 * np.clip(far - 0.25, 0, 1.5)
        course = gaussian_filter1d(np.column_stack([course, height]), SMOOTH / GRID, axis=0)
        self._path = CubicSpline(grid, course, axis=0)

    def _middle(self, at: FloatArray) -> FloatArray:
        """Waiting place of the middle finger, (T, 2), and the hand's lift, as (T, 3)."""
        place = self._path(at)
        place[:, :2] += 0.0015 * self._sway(at)[:, :2]
        return place

    def _plan_strokes(self, finger: int) -> list[_Stroke]:
        notes = [n for n in self._notes if n.finger == finger + 1]
        strokes: list[_Stroke] = []
        for note, after in zip_longest(notes, notes[1:]):
            before = strokes[-1] if strokes else None
            strike = note.onset - stroke_time(note.velocity)
            if before:
                strike = max(strike, before.release + 0.6 * (note.onset - before.release))
            prepare = max(strike - 0.12, before.away if before else -1.0)
            room = after.onset - note.end if after else 1.0
            away = note.end + min(RELEASE, 0.4 * room)
            place = self._contact(note, finger)
            strokes.append(_Stroke(note, prepare, strike, note.end, away, place))
        return strokes

    def _contact(self, note: Note, finger: int) -> tuple[float, float]:
        """Where the tip meets its key: in its middle, as deep as the hand happens to be."""
        hand = self._path(note.onset)
        y = float(hand[1] + self._layout(hand[0])[finger, 1])
        low, high = (BLACK_FRONT + 0.010, 0.095) if is_black(note.key) else (0.010, 0.046)
        return self._key_x(note.key) + self._aim[note], float(np.clip(y, low, high))

    def tips(self, at: FloatArray) -> FloatArray:
        """Return the (T, 5, 3) places [m] that the fingertips aim at."""
        middle = self._middle(at)
        waiting = np.empty((len(at), 5, 3))
        waiting[..., :2] = middle[:, None, :2] + self._layout(middle[:, 0])
        waiting[..., :2] += 0.0012 * self._drift(at)[:, :10].reshape(-1, 5, 2)
        waiting[..., 2] = _floor(waiting[..., 1]) + PAD + self._hover(at) + middle[:, 2, None]
        tips, bound = waiting.copy(), np.zeros((len(at), 5))
        for finger, strokes in enumerate(self._strokes):
            if strokes:
                bound[:, finger] = self._strike(at, strokes, finger, tips)
        return self._couple(tips, waiting, bound)

    def _hover(self, at: FloatArray) -> FloatArray:
        hover = self._person.technique.hover
        return hover * (1.0 + 0.25 * np.tanh(self._drift(at)[:, 10:]))

    def _strike(
        self, at: FloatArray, strokes: list[_Stroke], finger: int, tips: FloatArray
    ) -> FloatArray:
        """Blend a waiting finger into its strokes, in place; returns (T,) how much it is bound by them."""
        bound = follow(*_split(_bind(strokes)), at)
        places = [
            knot
            for s in strokes
            for knot in ((s.strike, s.place), (0.5 * (s.release + s.away), s.place))
        ]
        heights = [knot for s in strokes for knot in self._heights(s)]
        place, height = (follow(*_split(knots), at) for knots in (places, heights))
        tips[:, finger, :2] += bound[:, None] * (place - tips[:, finger, :2])
        tips[:, finger, 2] += bound * (height - tips[:, finger, 2])
        return bound

    def _heights(self, stroke: _Stroke) -> list[tuple[float, float]]:
        """Knots of a stroke's height [m]: wait, lift, key bottom, let go."""
        technique, note = self._person.technique, stroke.note
        top = key_height(note.key) + PAD
        raised = top + 0.004 + technique.lift * (0.25 + 0.75 * note.velocity / 127)
        bottom = top - key_travel(note.key)
        waiting = top + 0.7 * technique.hover
        knots = [(stroke.strike, raised), (note.onset, bottom), (stroke.release, bottom)]
        knots.append((stroke.away, waiting))
        # Without time to wait the finger goes on to lift at once.
        return [(stroke.prepare, waiting), *knots] if stroke.waits else knots

    def _couple(self, tips: FloatArray, waiting: FloatArray, bound: FloatArray) -> FloatArray:
        """Let neighbours share a part of each finger's up and down, without touching their keys."""
        moved = tips[..., 2] - waiting[..., 2]
        shared = np.zeros_like(moved)
        shared[:, 1:4] += moved[:, 2:5]
        shared[:, 2:] += moved[:, 1:4]
        free = (1.0 - bound) * self._person.technique.coupling
        lowest = _floor(tips[..., 1]) + PAD + 0.002
        room = tips[..., 2] + free * shared - lowest
        # A soft minimum: no kink where a finger would touch.
        kept = lowest + 0.5 * (room + np.sqrt(room**2 + 1e-5))
        tips[..., 2] += (1.0 - bound) * (kept - tips[..., 2])
        return tips

    def palm(self, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (T, 3) wrists [m] and (T, 3, 3) palm axes."""
        technique, middle, sway = self._person.technique, self._middle(at), self._sway(at)
        yaw = self._yaw(middle[:, 0])
        pitch = PITCH + 0.02 * sway[:, 2]
        axes = palm_axes(yaw, pitch, technique.roll + 0.02 * sway[:, 3])
        c, s = np.cos(yaw), np.sin(yaw)
        x, y = self._rest[2]
        wrist = np.column_stack(
            [
                middle[:, 0] - (c * x - s * y),
                middle[:, 1] - (s * x + c * y),
                technique.wrist_height + 0.003 * sway[:, 4] + middle[:, 2],
            ]
        )
        return wrist, axes

    def landmarks(self, at: ArrayLike) -> FloatArray:
        """Return (T, 21, 3) landmarks [m] at (T,) times [s], keyboard frame."""
        landmarks = self._reached(np.asarray(at, np.float64))
        landmarks[..., 0] *= self._mirror
        return landmarks

    def knuckle_angles(self, at: FloatArray) -> FloatArray:
        """Return (T, 5, 2) angles [rad] as `activation.knuckle_angles` describes them."""
        wrist, axes = self.palm(at)
        landmarks = pose_hand(self._person.hand, wrist, axes, self.tips(at))
        out = self._person.hand.rest - self._person.hand.bases[:, :2]
        return knuckle_angles(landmarks, axes, np.arctan2(out[:, 0], out[:, 1]))

    def _reached(self, at: FloatArray) -> FloatArray:
        return pose_hand(self._person.hand, *self.palm(at), self.tips(at))

    def strokes(self) -> list[_Stroke]:
        """List all strokes, finger by finger."""
        return [stroke for strokes in self._strokes for stroke in strokes]

    def key_positions(self, stroke: _Stroke, at: FloatArray) -> FloatArray:
        """Return how far the stroke's key is down at (T,) times within it: it follows the fingertip."""
        tip = self.tips(at)[:, stroke.note.finger - 1, 2]
        top = key_height(stroke.note.key) + PAD
        return np.clip((top - tip) / key_travel(stroke.note.key), 0.0, 1.0)


def _floor(y: FloatArray) -> FloatArray:
    """Height of what lies under a waiting tip [m]: it rises smoothly over the black keys, wherever they are."""
    return BLACK_HEIGHT * minimum_jerk((y - BLACK_FRONT + 0.005) / 0.02)


def _group(notes: tuple[Note, ...], chord: float = 0.05) -> list[list[Note]]:
    groups: list[list[Note]] = []
    for note in sorted(notes, key=lambda n: n.onset):
        if groups and note.onset - groups[-1][0].onset < chord:
            groups[-1].append(note)
        else:
            groups.append([note])
    return groups


def _hold_and_interpolate(times: FloatArray, places: FloatArray, grid: FloatArray) -> FloatArray:
    if len(times) == 1:
        return np.tile(places, (len(grid), 1))
    inside = np.clip(grid, times[0], times[-1])
    return PchipInterpolator(times, places, axis=0)(inside)


def _bind(strokes: list[_Stroke]) -> list[tuple[float, float]]:
    """Knots of how much a finger is bound by its strokes: 1 from preparing to letting go, less in longer pauses."""
    knots: list[tuple[float, float]] = [(strokes[0].prepare - BIND, 0.0)]
    for stroke, after in zip_longest(strokes, strokes[1:]):
        knots += [(stroke.prepare, 1.0), (stroke.away, 1.0)]
        pause = after.prepare - stroke.away if after else np.inf
        if pause > 2 * BIND:
            knots.append((stroke.away + BIND, 0.0))
            knots += [(after.prepare - BIND, 0.0)] if after else []
        else:
            loose = float(minimum_jerk(pause / (2 * BIND)))
            knots.append((stroke.away + 0.5 * pause, 1.0 - loose))
    return knots


def _split(knots: list[tuple]) -> tuple[FloatArray, FloatArray]:
    return np.array([t for t, _ in knots]), np.array([v for _, v in knots])
