"""A strip of film: a hand of flesh at moments of its motion, seen from the side and from above."""

import cv2
import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.plan import RATE
from pianokpm_training.simulation.take import SimulatedTake

from pianokpm_ros.anatomy import Side
from pianokpm_ros.keyboard.key_samples import KeySamples, positions_at

SIZE = (300, 225)
STEP, COUNT = 0.060, 8
"""Time between pictures [s], and how many there are."""


def draw_strip(take: SimulatedTake, side: Side, start: float) -> bytes | None:
    """Return a PNG, or None where the studio's renderer (numba) is not installed."""
    try:
        from pianokpm_training.studio.rigs import look_at
        from pianokpm_training.studio.view import View
    except ImportError:
        return None
    hand = take.hands[side]
    time = start + STEP * np.arange(COUNT)
    rows = np.clip(np.round(time * RATE).astype(int), 0, len(hand.landmarks) - 1)
    centre = hand.landmarks[rows][:, 9].mean(axis=0)
    outwards = 1 if side == Side.RIGHT else -1
    places = {
        'side': centre + np.array([-0.26 * outwards, 0.10, 0.07]),
        'top': centre + np.array([0.0, -0.03, 0.34]),
    }
    keys = _key_positions(take, (time * 1e9).astype(np.int64))
    strips = []
    for number, (name, place) in enumerate(places.items()):
        view = View(look_at(name, tuple(place), tuple(centre), 1.0, SIZE), number)
        pictures = [
            view.render(hand.landmarks[r][None], k) for r, k in zip(rows, keys, strict=True)
        ]
        strips.append(np.hstack([_label(p, t) for p, t in zip(pictures, time, strict=True)]))
    return cv2.imencode('.png', np.vstack(strips))[1].tobytes()


def _key_positions(take: SimulatedTake, stamp: NDArray[np.int64]) -> NDArray[np.floating]:
    k = take.keys
    none = np.zeros(len(k['key']), np.uint8)
    samples = KeySamples(k['stamp'], k['key'], k['position'], k['velocity'], none, 'simulated')
    return positions_at(samples, stamp)


def _label(picture: NDArray[np.uint8], time: float) -> NDArray[np.uint8]:
    picture = picture.copy()
    cv2.putText(picture, f'{time:.2f} s', (6, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255))
    return picture
