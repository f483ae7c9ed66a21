"""What the network sees of a hand: the same from every camera, for both sides and for every hand size.

Left hands are mirrored (x to -x) to right ones first. The palm frame has its origin in the wrist,
y towards the middle knuckle, z out of the back of the hand, x to the little finger's side. Lengths
are in units of the palm (wrist to middle knuckle), except places on the keyboard, in units of 0.1 m,
and speeds over it, in m/s. Letters: T ticks, F features, K keys (88).
Unknown is NaN here; `Scaling` turns it into the training mean, and flags tell the network so.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import (
    FINGER_CHAINS,
    FINGERS,
    FINGERTIPS,
    LANDMARK_COUNT,
    LANDMARKS,
    Side,
)
from pianokpm_ros.muscle.key_features import HAND_BINS, key_features
from pianokpm_ros.muscle.timebase import TICK, KeyTicks

FloatArray = NDArray[np.floating]

FEATURES_VERSION = 2
WRIST, INDEX, MIDDLE, LITTLE = (
    LANDMARKS.index(n) for n in ('wrist', 'index_mcp', 'middle_mcp', 'little_mcp')
)
PALM_LENGTHS = (0.04, 0.16)
"""Shortest and longest palm of a person [m], generously; anything else is no hand."""

SHORTEST = 0.01
"""A palm interpolated between two poses can be shorter than any hand; below this nothing is known [m]."""

FAR = 10.0
"""Landmarks further than this from the origin are no measurement [m]."""

KEYBOARD_REACH = ((-0.9, 0.9), (-0.45, 0.25), (-0.08, 0.35))
"""Where a wrist may be in the keyboard frame [m]; elsewhere the rig's frame is not the keyboard's."""

_LANDMARK_NAMES = tuple(f'{name}_{axis}' for name in LANDMARKS[1:] for axis in 'xyz')
_ANGLE_NAMES = tuple(f'{finger}_bend_{joint}' for finger in FINGERS for joint in (1, 2, 3))
_MOTION_NAMES = tuple(f'{finger}_velocity_{axis}' for finger in FINGERS for axis in 'xyz')
_PLACE_NAMES = (
    'palm_height',
    *(f'{f}_height' for f in FINGERS),
    *(f'{f}_depth' for f in FINGERS),
    *(f'{f}_knuckle_height' for f in FINGERS),
    'back_up',
    'fingers_up',
    'thumb_up',  # of x: negative where the thumb's side is up; models know it by this name
    'palm_velocity_x',
    'palm_velocity_y',
    'palm_velocity_z',
    *(f'{f}_height_velocity' for f in FINGERS),
)
_KEY_NAMES = tuple(
    f'{place}_{what}'
    for what in ('key', 'struck')
    for place in (*FINGERS, *(f'hand_{i}' for i in range(HAND_BINS)))
)
FLAG_NAMES = ('pose_noise', 'place_known', 'keys_known', 'landmarks_known')
FEATURE_NAMES = (
    *_LANDMARK_NAMES,
    *_ANGLE_NAMES,
    *_MOTION_NAMES,
    *_PLACE_NAMES,
    *_KEY_NAMES,
    *FLAG_NAMES,
)
FEATURE_COUNT = len(FEATURE_NAMES)


_CHAINS = np.array(FINGER_CHAINS)
_TIPS = np.array(FINGERTIPS)
_KNUCKLES = _CHAINS[:, 1]


def _span(names: tuple[str, ...]) -> slice:
    start = FEATURE_NAMES.index(names[0])
    return slice(start, start + len(names))


SHAPE = slice(0, len(_LANDMARK_NAMES) + len(_ANGLE_NAMES))
"""Features of the hand's shape alone; the out-of-distribution score looks at these."""

MOTION, PLACE, KEYS, FLAGS = (
    _span(_MOTION_NAMES),
    _span(_PLACE_NAMES),
    _span(_KEY_NAMES),
    _span(FLAG_NAMES),
)
PLACE_FLAG, KEYS_FLAG = FEATURE_NAMES.index('place_known'), FEATURE_NAMES.index('keys_known')


def is_hand(landmarks: FloatArray) -> bool:
    """Tell whether (21, 3) landmarks [m] can be used: the palm known, of human size, nothing absurd."""
    # fmax passes over NaN, so that infinite and absurd numbers show and unknown ones don't.
    if landmarks.shape != (LANDMARK_COUNT, 3) or np.fmax.reduce(np.abs(landmarks), None) > FAR:
        return False
    wrist, index, middle, little = (np.array(landmarks[i]) for i in (WRIST, INDEX, MIDDLE, LITTLE))
    length = float(np.sqrt(np.sum((middle - wrist) ** 2)))
    width = float(np.sqrt(np.sum(_cross(index - wrist, little - wrist) ** 2)))
    return PALM_LENGTHS[0] <= length <= PALM_LENGTHS[1] and width > 1e-5  # False for NaN


def are_hands(landmarks: FloatArray) -> NDArray[np.bool_]:
    """Tell which of (T, 21, 3) landmarks [m] `is_hand` accepts, (T,): for whole takes; live one hand is quicker."""
    landmarks = np.asarray(landmarks, np.float64)
    absurd = np.fmax.reduce(np.abs(landmarks), axis=(1, 2)) > FAR
    wrist, index, middle, little = (landmarks[:, i] for i in (WRIST, INDEX, MIDDLE, LITTLE))
    with np.errstate(invalid='ignore', over='ignore'):
        length = np.sqrt(np.sum((middle - wrist) ** 2, axis=-1))
        width = np.sqrt(np.sum(_cross(index - wrist, little - wrist) ** 2, axis=-1))
    human = (length >= PALM_LENGTHS[0]) & (length <= PALM_LENGTHS[1])  # False for NaN
    return human & (width > 1e-5) & ~absurd


@dataclass(frozen=True, eq=False)
class HandShape:
    """A hand in its palm frame.

    Attributes:
        local: (T, 21, 3) landmarks [palms], palm frame.
        world: (T, 21, 3) landmarks [m], mirrored to a right hand, in their own frame.
        axes: (T, 3, 3) rows are the palm frame's axes in the own frame.
        length: (T,) palm length [m].
        placed: (T,) bool, the own frame is the keyboard's.
    """

    local: FloatArray
    world: FloatArray
    axes: FloatArray
    length: FloatArray
    placed: NDArray[np.bool_]

    def tail(self) -> 'HandShape':
        """Return the last tick alone."""
        return HandShape(
            self.local[-1:], self.world[-1:], self.axes[-1:], self.length[-1:], self.placed[-1:]
        )


def _unit(vectors: FloatArray) -> FloatArray:
    return vectors / np.sqrt(np.einsum('...i,...i->...', vectors, vectors))[..., None]


def _cross(first: FloatArray, second: FloatArray) -> FloatArray:
    """Vector product; numpy's own takes six times as long for a few vectors."""
    turned, twice = first[..., [1, 2, 0]], second[..., [1, 2, 0]]
    return (first * twice - turned * second)[..., [1, 2, 0]]


def shape_hand(landmarks: FloatArray, side: Side, placed: NDArray[np.bool_]) -> HandShape:
    """Bring (T, 21, 3) landmarks [m] into the palm frame of a right hand."""
    world = np.array(landmarks, np.float64)
    if side == Side.LEFT:
        world[..., 0] = -world[..., 0]
    wrist, middle = world[:, WRIST], world[:, MIDDLE]
    # Where a hand turns over between two frames, lengths in between can vanish: NaN, not a warning.
    with np.errstate(divide='ignore', invalid='ignore'):
        axes = find_palm_axes(world)
        length = np.sqrt(np.sum((middle - wrist) ** 2, axis=-1))
        length = np.where(length > SHORTEST, length, np.nan)
        local = ((world - wrist[:, None]) @ axes.transpose(0, 2, 1)) / length[:, None, None]
    return HandShape(local, world, axes, length, placed & _on_keyboard(wrist))


def find_palm_axes(landmarks: FloatArray) -> FloatArray:
    """Axes of the palm of (T, 21, 3) landmarks, rows of (T, 3, 3): sideways, forward, normal; else NaN."""
    wrist, index, middle, little = (landmarks[:, i] for i in (WRIST, INDEX, MIDDLE, LITTLE))
    forward = _unit(middle - wrist)
    sideways = _unit(_cross(forward, _cross(little - wrist, index - wrist)))
    return np.stack([sideways, forward, _cross(sideways, forward)], axis=1)


def _on_keyboard(wrist: FloatArray) -> NDArray[np.bool_]:
    low, high = np.array(KEYBOARD_REACH).T
    return ((wrist >= low) & (wrist <= high)).all(axis=-1)


def bend_angles(local: FloatArray) -> FloatArray:
    """Angles between successive bones, (T, 15) [rad]: three joints of each finger from the palm outwards."""
    joints = local[:, _CHAINS]
    with np.errstate(divide='ignore', invalid='ignore'):
        bones = _unit(joints[:, :, 1:] - joints[:, :, :-1])
    cosine = np.einsum('tfbi,tfbi->tfb', bones[:, :, :-1], bones[:, :, 1:])
    return np.arccos(np.minimum(np.maximum(cosine, -1.0), 1.0)).reshape(len(local), 15)


def hand_features(
    shape: HandShape,
    before: HandShape | None,
    deviation: FloatArray,
    keys: KeyTicks,
    side: Side,
) -> FloatArray:
    """Compute all features of T successive ticks.

    Args:
        shape: hand at T ticks.
        before: hand at the tick before the first, None at a start (then at rest).
        deviation: (T, 21) [m], NaN = unknown.
        keys: at the T ticks.
        side: of the hand before mirroring; keys mirror with it.

    Returns:
        (T, F), NaN = unknown.
    """
    before = before or HandShape(
        shape.local[:1], shape.world[:1], shape.axes[:1], shape.length[:1], shape.placed[:1]
    )
    count = len(shape.local)
    features = np.full((count, FEATURE_COUNT), np.nan)
    features[:, : len(_LANDMARK_NAMES)] = shape.local[:, 1:].reshape(count, -1)
    features[:, len(_LANDMARK_NAMES) : SHAPE.stop] = bend_angles(shape.local)
    features[:, MOTION] = _velocity(shape.local[:, _TIPS], before.local[:, _TIPS]).reshape(
        count, -1
    )
    placed, related = shape.placed, keys.known & shape.placed
    features[placed, PLACE] = _place(shape, before)[placed]
    if related.any():
        tips, palm = shape.world[related][:, _TIPS], shape.world[related, MIDDLE]
        features[related, KEYS] = key_features(tips, palm, keys.part(related), side)
    features[:, FLAGS] = _flags(shape, deviation, related)
    return features


def _velocity(now: FloatArray, before: FloatArray) -> FloatArray:
    """Difference from tick to tick, per second."""
    return (now - np.concatenate([before, now[:-1]])) / (TICK * 1e-9)


def _place(shape: HandShape, before: HandShape) -> FloatArray:
    same = shape.placed & np.concatenate([before.placed, shape.placed[:-1]])
    velocity = np.where(same[:, None, None], _velocity(shape.world, before.world), 0.0)
    return np.concatenate(
        [
            10 * shape.world[:, MIDDLE, 2:],
            10 * shape.world[:, _TIPS, 2],
            10 * shape.world[:, _TIPS, 1],
            10 * shape.world[:, _KNUCKLES, 2],
            shape.axes[:, [2, 1, 0], 2],
            velocity[:, MIDDLE],
            velocity[:, _TIPS, 2],
        ],
        axis=1,
    )


def _flags(shape: HandShape, deviation: FloatArray, related: NDArray[np.bool_]) -> FloatArray:
    # Unknown ones sort to the end: a middle one of the known, without a warning where none is.
    middle = np.maximum(np.isfinite(deviation).sum(axis=1) - 1, 0) // 2
    typical = np.sort(deviation, axis=1)[np.arange(len(middle)), middle]
    noise = np.log10(np.clip(typical / 1e-3, 0.1, 100.0))
    known = np.isfinite(shape.local).all(axis=2).mean(axis=1)
    return np.stack([noise, shape.placed.astype(float), related.astype(float), known], axis=1)


@dataclass(frozen=True, eq=False)
class Scaling:
    """Bring features to zero mean and unit deviation as in training.

    Attributes:
        mean: (F,).
        deviation: (F,), positive.
        limit: values are clipped to this many deviations.
    """

    mean: FloatArray
    deviation: FloatArray
    limit: float = 6.0

    def apply(self, features: FloatArray) -> NDArray[np.float32]:
        """Scale (T, F) features; unknown ones become 0, the training mean."""
        scaled = (features - self.mean) / self.deviation
        known = np.isfinite(scaled)
        if not known.all():
            scaled = np.where(known, scaled, 0.0)
        return np.minimum(np.maximum(scaled, -self.limit), self.limit).astype(np.float32)
