"""A hand over the keys from one camera: the likeliest of all playing hands that look so.

A picture says where landmarks lie across the lines of sight, to some millimetres, but hardly how far along them. What
playing hands have in common says that: their lowest fingertips are at the keys, the palm is above them with its back
up, fingers point away from the player and are bent. Here it is a normal distribution of all 63 coordinates, wide
enough for people, hands and techniques that it was not made from (`pianokpm studio posture`).

Letters: J landmarks (21).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from pianokpm_ros.anatomy import LANDMARK_COUNT, PALM, Side
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.lone_view import Sight
from pianokpm_ros.geometry.mirrored import KEPT, SWAPPED
from pianokpm_ros.geometry.single_view import MIN_LANDMARKS, SINGLE_VIEW_NOISE, PlacedHand
from pianokpm_ros.geometry.triangulation import UPPER
from pianokpm_ros.outputs import whole_file
from pianokpm_ros.shares import find_asset

FloatArray = NDArray[np.floating]

ASSET = 'hands/playing.npz'

STEPS = 6
"""Of Gauss and Newton; the fourth moves no landmark by a tenth of a millimetre."""

MISFIT = 25.0
"""A hand that is stranger than this (squared deviations from what playing hands look like, in 1 sigma) does not play,
or was taken for its mirror image. On six rendered takes 5 in 1000 of the hands that were seen as they are are beyond
it, and 8 in 10 of those that were not."""

KEYBOARD_REACH = 0.9
"""No key is further from middle C [m]."""


@dataclass(frozen=True, eq=False)
class PlayingHands:
    """Where the landmarks of a right hand that plays are, in the frame of the keyboard, wherever along the keys.

    Attributes:
        mean: (J, 3) [m].
        covariance: (3 J, 3 J) [m^2].
        source: what it was made from.
    """

    mean: FloatArray
    covariance: FloatArray
    source: str

    @cached_property
    def information(self) -> FloatArray:
        """Inverse of the covariance, (3 J, 3 J) [1/m^2]."""
        return np.linalg.inv(self.covariance)

    def save(self, path: Path) -> None:
        """Write a `.npz`, complete or not at all."""
        parts = {n: getattr(self, n).astype(np.float32) for n in ('mean', 'covariance')}
        with whole_file(path) as part, part.open('wb') as file:
            np.savez_compressed(file, **parts, source=np.array(self.source))


@lru_cache(maxsize=1)
def load_playing_hands() -> PlayingHands:
    """Read what ships with the package."""
    with np.load(find_asset(ASSET), allow_pickle=False) as file:
        mean, covariance = (file[n].astype(np.float64) for n in ('mean', 'covariance'))
        return PlayingHands(mean, covariance, str(file['source']))


def place_playing_hand(sights: Sequence[Sight], side: Side) -> PlacedHand | None:
    """Place a hand as the view says whose picture looks most like a playing hand.

    Args:
        sights: of cameras of a rig whose frame is the keyboard's.
        side: which hand it is.

    Returns:
        None where too little is known, or where no playing hand looks so.
    """
    fits = [_fit_or_turn(camera, view.pixels[hand], side) for camera, view, hand in sights]
    fitting = [f for f in fits if f is not None]
    return min(fitting, key=lambda f: f.misfit).placed if fitting else None


@dataclass(frozen=True, eq=False)
class _Fit:
    """A hand, and its squared residuals in units of their noise."""

    placed: PlacedHand
    misfit: float


def _fit_or_turn(camera: Camera, pixels: FloatArray, side: Side) -> _Fit | None:
    """Find the likeliest playing hand, if any is likely.

    One that the detector took for its mirror image is placed by its wrist and middle finger, which are right all the
    same; then its misfit is that of the whole.
    """
    straight = _fit(camera, pixels, side)
    if straight is None or straight.misfit <= MISFIT:
        return straight
    mirrored = _fit(camera, pixels[SWAPPED], side)
    if mirrored is None or mirrored.misfit >= straight.misfit:
        return None
    kept = np.full_like(pixels, np.nan)
    kept[list(KEPT)] = pixels[list(KEPT)]
    rest = _fit(camera, kept, side, len(KEPT))
    return replace(rest, misfit=straight.misfit) if rest and rest.misfit <= MISFIT else None


def _fit(
    camera: Camera, pixels: FloatArray, side: Side, least: int = MIN_LANDMARKS
) -> _Fit | None:
    """Find the likeliest playing hand (Gauss-Newton)."""
    rays = camera.normalize(pixels)
    known = np.isfinite(rays).all(axis=1)
    if known.sum() < least:
        return None
    flip = np.diag([-1.0 if side is Side.LEFT else 1.0, 1.0, 1.0])
    problem = _Problem(camera.rotation @ flip, camera.translation, rays, known)
    hand = problem.begin()
    for _ in range(STEPS):
        if not problem.in_front(hand):
            return None
        gradient, normal, _ = problem.linearise(hand)
        # Cholesky, as in `single_view`.
        root, step, failed = lapack.dposv(normal, gradient, lower=1)
        if failed:
            return None
        hand = hand - step.reshape(-1, 3)
    if not problem.in_front(hand):
        return None
    placed = PlacedHand(hand @ flip, _list_covariances(root, flip))
    return _Fit(placed, problem.linearise(hand)[2])


class _Problem:
    """A right hand that plays, and its picture; left ones are seen in a mirror.

    `rotation` and `translation` bring the keyboard's frame into the camera's, some of the (J, 2) `rays` are known.
    """

    def __init__(
        self,
        rotation: FloatArray,
        translation: FloatArray,
        rays: FloatArray,
        known: NDArray[np.bool_],
    ) -> None:
        self._rotation, self._translation = rotation, translation
        self._rays, self._known = rays[known], np.flatnonzero(known)
        hands = load_playing_hands()
        self._mean, self._information = hands.mean, hands.information

    def begin(self) -> FloatArray:
        """Return the mean hand where along the keys its palm is seen; beside the keys there is nothing to play."""
        palm = np.isin(self._known, PALM)
        chosen = palm if palm.any() else slice(None)
        middle = self._mean[self._known[chosen]].mean(axis=0)
        centre = -self._rotation.T @ self._translation
        sight = self._rotation.T @ np.append(self._rays[chosen].mean(axis=0), 1.0)
        across = sight[1:] @ sight[1:]
        far = (middle - centre)[1:] @ sight[1:] / across if across > 0 else 0.0
        along = centre[0] + far * sight[0] - middle[0]
        return self._mean + (np.clip(along, -KEYBOARD_REACH, KEYBOARD_REACH), 0.0, 0.0)

    def in_front(self, hand: FloatArray) -> bool:
        """Tell whether all landmarks are before the camera."""
        return bool((self._to_camera(hand)[:, 2] > 0).all())

    def linearise(self, hand: FloatArray) -> tuple[FloatArray, FloatArray, float]:
        """Return half the gradient of the misfit of a (J, 3) hand [m], half its second derivative, and the misfit."""
        local = self._to_camera(hand)[self._known]
        seen = local[:, :2] / local[:, 2:]
        inverse_noise = np.median(local[:, 2]) / SINGLE_VIEW_NOISE
        shown = (seen - self._rays) * inverse_noise
        lens = np.zeros((len(local), 2, 3))
        lens[:, 0, 0] = lens[:, 1, 1] = 1.0
        lens[:, :, 2] = -seen
        slope = inverse_noise / local[:, 2, None, None] * lens @ self._rotation
        away = (hand - self._mean).ravel()
        pull = self._information @ away
        gradient, normal = pull.copy(), self._information.copy()
        gradient.reshape(-1, 3)[self._known] += np.einsum('jri,jr->ji', slope, shown)
        blocks = normal.reshape(LANDMARK_COUNT, 3, LANDMARK_COUNT, 3)
        blocks[self._known, :, self._known, :] += np.einsum('jri,jrk->jik', slope, slope)
        return gradient, normal, float((shown**2).sum() + away @ pull)

    def _to_camera(self, hand: FloatArray) -> FloatArray:
        return hand @ self._rotation.T + self._translation


def _list_covariances(root: FloatArray, flip: FloatArray) -> FloatArray:
    """Return the landmarks' own (J, 6) of the covariance whose inverse has the Cholesky factor `root` (lower)."""
    # Only the triangle: LAPACK's own inverse takes a hundred times as long when its threads find the cores busy.
    inverse, _ = lapack.dtrtri(np.tril(root), lower=1)
    inverse = inverse.reshape(-1, LANDMARK_COUNT, 3) @ flip
    own = np.einsum('kji,kjl->jil', inverse, inverse)
    return np.stack([own[:, i, j] for i, j in UPPER], axis=1)
