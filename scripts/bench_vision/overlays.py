"""Pictures of hands in their recordings: crops only, a face may be beside them."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pianokpm_ros.anatomy import BONES
from pianokpm_ros.geometry.rig import Rig

from .measures import Sighted

SIDE, MARGIN, EDGE = 260, 0.25, 25
ROWS = 5
SEEN, SOLVED = (0, 200, 255), (80, 220, 80)


def draw_hands(
    rig: Rig,
    frames: Sequence[dict],
    hands: Sequence[Sighted],
    points: Sequence[np.ndarray],
    path: Path,
) -> None:
    """Write a picture of some hands, a row each, a crop of each view in it."""
    pictures = {n: {t[n].sequence: t[n].image for t in frames} for n in rig.names}
    stamps = {n: np.array([t[n].stamp for t in frames]) - rig.delay_of(n) for n in rig.names}
    rows = []
    for i in np.linspace(0, len(hands) - 1, ROWS).astype(int):
        crops = []
        for v, name in enumerate(rig.names):
            nearest = int(np.argmin(np.abs(stamps[name] - hands[i].stamp)))
            image = pictures[name][frames[nearest][name].sequence]
            crops.append(_crop(image, hands[i].pixels[v], rig.cameras[v].project(points[i])))
        rows.append(np.hstack(crops))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.vstack(rows))


def _crop(image: np.ndarray, seen: np.ndarray, solved: np.ndarray) -> np.ndarray:
    """Cut a hand out, what was seen and what was solved drawn into it; black where it wasn't seen."""
    if not np.isfinite(seen).all():
        return np.zeros((SIDE, SIDE, 3), np.uint8)
    low, high = seen.min(axis=0), seen.max(axis=0)
    width = (high - low).max() * (1 + 2 * MARGIN)
    corner, scale = (low + high) / 2 - width / 2, SIDE / width
    matrix = np.array([[scale, 0, -scale * corner[0]], [0, scale, -scale * corner[1]]])
    crop = cv2.warpAffine(image, matrix, (SIDE, SIDE))
    crop[_outside((seen - corner) * scale)] = 0
    for pixels, colour, thick in ((solved, SOLVED, 2), (seen, SEEN, 1)):
        for a, b in BONES:
            if np.isfinite(pixels[[a, b]]).all():
                ends = [
                    np.round((pixels[k] - corner) * scale).astype(int).tolist() for k in (a, b)
                ]
                cv2.line(crop, ends[0], ends[1], colour, thick, cv2.LINE_AA)
    return crop


def _outside(pixels: np.ndarray) -> np.ndarray:
    """Return the mask of what is not close to the hand."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    hull = cv2.convexHull(np.round(pixels).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1)
    cv2.polylines(mask, [hull], True, 1, 2 * EDGE)
    return mask == 0
