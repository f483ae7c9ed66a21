"""Where the keyboard is, from hands that play on it: which keys went down, and where the fingertips were then.

Hands that play tell roughly which way is up and where the player sits (`playing_hand`), strokes tell the rest. Which
finger struck is not known: at first all places along the keys are tried, fingertips that move down count more; then
the likeliest finger of each stroke and the place of the keyboard are found in turn (expectation and maximisation).

The keyboard's frame: x along the keys to the right, y away from the player, z up, origin in the middle of the front
edge of middle C (C4), on its top. Letters: T poses, S strokes, F fingertips of both hands (10).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pianokpm_ros.anatomy import FINGER_CHAINS, LANDMARK_COUNT, Side, Status
from pianokpm_ros.geometry.association import SIDES
from pianokpm_ros.geometry.calibration.board import CalibrationError
from pianokpm_ros.geometry.playing_hand import load_playing_hands
from pianokpm_ros.geometry.rig import Rig, move_rig
from pianokpm_ros.keyboard.layout import (
    BLACK_FRONT,
    BLACK_HEIGHT,
    FIRST_KEY,
    KEY_CENTRES,
    is_black,
)
from pianokpm_ros.records import KEYBOARD_FRAME, HandPose

FloatArray = NDArray[np.floating]

TIPS = [chain[-1] for chain in FINGER_CHAINS]

WHITE_PLACE, BLACK_PLACE = 0.035, BLACK_FRONT + 0.014
"""How far from the front edge of the white keys a fingertip strikes [m], on average of rendered takes."""

ABOVE = -0.001
"""How far above the key's top at rest the fingertip's landmark is when the key sounds [m]: the key went down by 7 mm,
and the joint that networks call a tip is in the flesh."""

ALONG, DEEP, HIGH = 0.008, 0.020, 0.010
"""1 sigma of a striking fingertip beside its place, along x, y and z [m]."""

BEFORE = 100_000_000
"""From so long before the stroke on a finger moves down [ns]."""

DOWN = 0.004
"""Way down that makes a finger e times as likely to be the one that struck [m], up to `MOST_DOWN` times that."""

MOST_DOWN = 3.0

STRAY = 1e-3
"""Likelihood of a stroke by none of the fingertips, where one at the right place has 1."""

REACH, GRID = 1.2, 0.002
"""Places along the keys that are tried, either way, and how far apart they are [m]."""

TILT = 0.15
"""1 sigma of the keyboard's turn against that which the hands alone tell [rad]."""

ROUNDS, SETTLED = 40, 1e-5

LEAST_STROKES = 30
LEAST_LEAD = 8.0
"""The best place along the keys must be likelier than any other by e to this. Right places of seven rendered takes
(4 to 9 s, two cameras or more) lead by 5 to 25; of wrong keys (exchanged, at random, mirrored) none led by so much."""

LEAST_SHARE = 0.6
"""Of the strokes, which must have a fingertip at their key."""

Hands = Mapping[Side, tuple[NDArray[np.int64], FloatArray]]
"""Stamps (T,) [ns] and landmarks (T, 21, 3) [m] of each side, ascending."""


@dataclass(frozen=True, eq=False)
class PlayedKeyboard:
    """Where the keyboard is, and how sure that is.

    Attributes:
        rotation: (3, 3) from the rig's frame into the keyboard's.
        shift: (3,) likewise, after the rotation [m].
        strokes: at which a hand was seen.
        share: of these that have a fingertip at their key.
        lead: logarithm of how many times likelier the place along the keys is than the next best.
        beside: (3,) root mean square of how far these fingertips are from their keys' usual places [m].
    """

    rotation: FloatArray
    shift: FloatArray
    strokes: int
    share: float
    lead: float
    beside: FloatArray

    def move(self, rig: Rig) -> Rig:
        """Return the rig in the keyboard's frame."""
        return move_rig(rig, self.rotation, self.shift, KEYBOARD_FRAME)


def is_sound(pose: HandPose) -> bool:
    """Tell whether a pose is good enough to find the keyboard by."""
    return pose.status >= Status.OK and bool(np.isfinite(pose.landmarks).all())


def gather_hands(poses: Iterable[HandPose]) -> Hands:
    """Return the sound poses of each side, by time."""
    hands = {}
    chosen = sorted(filter(is_sound, poses), key=lambda p: p.stamp)
    for side in SIDES:
        own = [p for p in chosen if p.side == side]
        landmarks = np.array([p.landmarks for p in own], np.float64)
        hands[side] = (
            np.array([p.stamp for p in own], np.int64),
            landmarks.reshape(-1, LANDMARK_COUNT, 3),
        )
    return hands


def find_keyboard(hands: Hands, strokes: Sequence[tuple[int, int]]) -> PlayedKeyboard:
    """Find the keyboard.

    Args:
        hands: in space, in the frame of a rig; a few seconds or more.
        strokes: stamp [ns] and MIDI number of each key that sounded.

    Raises:
        CalibrationError: where this does not tell where the keyboard is.
    """
    seen = _Strokes(hands, strokes)
    if len(seen.key) < LEAST_STROKES:
        raise CalibrationError(
            f'{len(seen.key)} of {len(strokes)} key strokes came while a hand was seen by two cameras, at least '
            f'{LEAST_STROKES} are needed; play half a minute of scales with both hands'
        )
    rotation, shift = _guess(hands)
    shift, lead = _try_places(seen, rotation, shift)
    rotation, shift, chosen = _settle(seen, rotation, shift)
    share = float((chosen.max(axis=1) > 0.5).mean())
    if lead < LEAST_LEAD or share < LEAST_SHARE:
        raise CalibrationError(
            f'{len(seen.key)} key strokes do not tell where the keyboard is: a fingertip is at the key in {share:.0%} '
            f'of them (at least {LEAST_SHARE:.0%} are needed), and the best place along the keys is likelier than '
            f'others by e to the {lead:.1f} ({LEAST_LEAD:.0f}); play longer and over more keys, and see that the '
            'keys are those of this piano, not transposed, and come at the right time'
        )
    off = seen.miss(seen.place(rotation, shift))
    beside = np.sqrt((chosen[..., None] * off**2).sum(axis=(0, 1)) / chosen.sum())
    return PlayedKeyboard(rotation, shift, len(seen.key), share, lead, beside)


class _Strokes:
    """Strokes at which hands were seen: the keys, and all fingertips then and a little earlier.

    Fingertips of a hand that was not seen are NaN.
    """

    def __init__(self, hands: Hands, strokes: Sequence[tuple[int, int]]) -> None:
        stamps = np.array([stamp for stamp, _ in strokes], np.int64)
        keys = np.array([key for _, key in strokes], np.int64)
        now, before = (
            np.concatenate([_tips_at(*hands[s], stamps - early) for s in SIDES], axis=1)
            for early in (0, BEFORE)
        )
        known = np.isfinite(now + before).all(axis=2)
        kept = known.any(axis=1)
        self.key, self.known = keys[kept], known[kept]
        self.tips = np.where(known[..., None], now, np.nan)[kept]
        self._moved = np.where(known[..., None], now - before, np.nan)[kept]
        black = np.array([is_black(int(k)) for k in self.key], bool)
        along = KEY_CENTRES[self.key - FIRST_KEY]
        deep = np.where(black, BLACK_PLACE, WHITE_PLACE)
        self.target = np.column_stack([along, deep, ABOVE + np.where(black, BLACK_HEIGHT, 0.0)])

    def place(self, rotation: FloatArray, shift: FloatArray) -> FloatArray:
        """Return the (S, F, 3) fingertips in the keyboard's frame [m]; 0 where not known."""
        return np.where(self.known[..., None], np.nan_to_num(self.tips) @ rotation.T + shift, 0.0)

    def miss(self, places: FloatArray) -> FloatArray:
        """Return how far (S, F, 3) places are from where their keys are struck [m]; 0 where not known."""
        return np.where(self.known[..., None], places - self.target[:, None], 0.0)

    def weigh(self, rotation: FloatArray) -> FloatArray:
        """Return the (S, F) logarithms of how likely each finger struck, by its way down."""
        down = -np.nan_to_num(self._moved @ rotation.T)[..., 2] / DOWN
        likely = np.where(self.known, np.clip(down, -MOST_DOWN, MOST_DOWN), -np.inf)
        return likely - np.logaddexp.reduce(likely, axis=1, keepdims=True)


def _tips_at(
    stamps: NDArray[np.int64], landmarks: FloatArray, when: NDArray[np.int64]
) -> FloatArray:
    """Return the (S, 5, 3) fingertips of a hand at some times, linear between poses no more than 0.1 s apart."""
    if len(stamps) < 2:
        return np.full((len(when), len(TIPS), 3), np.nan)
    after = np.clip(np.searchsorted(stamps, when), 1, len(stamps) - 1)
    begin, step = stamps[after - 1], stamps[after] - stamps[after - 1]
    part = (when - begin) / np.maximum(step, 1)
    tips = landmarks[:, TIPS].astype(np.float64)
    found = tips[after - 1] + part[:, None, None] * (tips[after] - tips[after - 1])
    known = (part >= 0) & (part <= 1) & (step <= BEFORE)
    return np.where(known[:, None, None], found, np.nan)


def _guess(hands: Hands) -> tuple[FloatArray, FloatArray]:
    """Return the turn, and the shift but for x, that make the hands look most like playing ones."""
    turns, places, wanted = [], [], []
    mean = load_playing_hands().mean
    for side, (_, landmarks) in hands.items():
        usual = mean * [-1.0 if side is Side.LEFT else 1.0, 1.0, 1.0]
        middle = usual.mean(axis=0)
        for points in landmarks.astype(np.float64):
            centre = points.mean(axis=0)
            turns.append(Rotation.align_vectors(usual - middle, points - centre)[0])
            places.append(centre)
            wanted.append(middle)
    rotation = Rotation.concatenate(turns).mean().as_matrix()
    shift = np.median(np.array(wanted) - np.array(places) @ rotation.T, axis=0)
    return rotation, np.array([0.0, *shift[1:]])


def _try_places(
    seen: _Strokes, rotation: FloatArray, shift: FloatArray
) -> tuple[FloatArray, float]:
    """Return the shift with the likeliest place along the keys, and by what logarithm it leads."""
    off = seen.miss(seen.place(rotation, shift))[..., 0]
    likely = np.exp(seen.weigh(rotation))
    middle = -float(np.median(off[seen.known]))
    grid = middle + np.arange(-REACH, REACH, GRID)
    wide = 1.5 * ALONG
    score = np.array(
        [
            np.log((likely * np.exp(-(((off + x) / wide) ** 2) / 2)).sum(axis=1) + 0.02).sum()
            for x in grid
        ]
    )
    best = int(np.argmax(score))
    others = score[np.abs(grid - grid[best]) > wide]
    return shift + [grid[best], 0.0, 0.0], float(score[best] - others.max())


def _settle(
    seen: _Strokes, rotation: FloatArray, shift: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return turn, shift, and (S, F) how surely each fingertip struck."""
    first, chosen = rotation, np.zeros(seen.known.shape)
    for _ in range(ROUNDS):
        places = seen.place(rotation, shift)
        off = seen.miss(places)
        chosen = _choose(seen.weigh(rotation), off)
        centre = (chosen[..., None] * places).sum(axis=(0, 1)) / max(chosen.sum(), 1e-9)
        turned = Rotation.from_matrix(rotation @ first.T).as_rotvec()
        step = _step(places - centre, off, chosen, turned)
        turn = Rotation.from_rotvec(step[:3]).as_matrix()
        rotation, shift = turn @ rotation, turn @ (shift - centre) + centre + step[3:]
        if np.abs(step).max() < SETTLED:
            break
    return rotation, shift, chosen


def _choose(likely: FloatArray, off: FloatArray) -> FloatArray:
    """Return (S, F) how probably each fingertip struck; what is left to 1 is that none did."""
    fit = likely - ((off[..., [0, 2]] / [ALONG, HIGH]) ** 2).sum(axis=-1) / 2
    total = np.logaddexp(np.logaddexp.reduce(fit, axis=1), np.log(STRAY))
    return np.exp(fit - total[:, None])


def _step(arms: FloatArray, off: FloatArray, chosen: FloatArray, turned: FloatArray) -> FloatArray:
    """Return the small turn [rad] and shift [m] that bring the fingertips nearest to their keys, (6,).

    Args:
        arms: (S, F, 3) fingertips from the point that is turned about [m].
        off: (S, F, 3) from their keys [m].
        chosen: (S, F) weights.
        turned: (3,) turn against the first guess so far [rad].
    """
    x, y, z = np.moveaxis(arms, -1, 0)
    zero, one = np.zeros_like(x), np.ones_like(x)
    slopes = np.stack(
        [
            np.stack([zero, z, -y, one, zero, zero], axis=-1),
            np.stack([-z, zero, x, zero, one, zero], axis=-1),
            np.stack([y, -x, zero, zero, zero, one], axis=-1),
        ],
        axis=2,
    )
    weight = np.sqrt(chosen)[..., None] / [ALONG, DEEP, HIGH]
    rows = np.concatenate([(slopes * weight[..., None]).reshape(-1, 6), np.eye(3, 6) / TILT])
    wanted = np.concatenate([-(off * weight).ravel(), -turned / TILT])
    return np.linalg.lstsq(rows, wanted, rcond=None)[0]
