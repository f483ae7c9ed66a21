"""Draw what is known about one camera frame on the frame: hands, muscle bars, status, time and the honest label."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pianokpm_ros.anatomy import Side
from pianokpm_ros.records import HandLandmarks, MuscleActivity
from pianokpm_ros.view.bars import BarGeometry, describe_bars, draw_bars
from pianokpm_ros.view.lettering import BgrImage, measure, shade, write
from pianokpm_ros.view.palette import HANDS_LABEL, INK, PANEL, label_estimate
from pianokpm_ros.view.skeleton import draw_hands

REFERENCE_HEIGHT = 480
"""Frame height at which the drawing scale is 1 [px]."""

SMALLEST_SCALE = 0.75
"""Below this the smallest letters can't be read any more."""


@dataclass(frozen=True, eq=False)
class OverlayContent:
    """What to draw on a frame.

    Attributes:
        camera: name.
        time: since the beginning [s].
        hands: landmarks of this frame; None = this frame was not looked at.
        activity: newest estimate of each hand; sides that are absent get no panel. None = no
            muscles are estimated.
        full_scale: activation at the top of the bars.
        note: a few words below the top strip; None = what the bars are.
    """

    camera: str
    time: float
    hands: HandLandmarks | None = None
    activity: Mapping[Side, MuscleActivity] | None = None
    full_scale: float = 1.0
    note: str | None = None


def choose_scale(size: tuple[int, int]) -> float:
    """Return the drawing scale for a (width, height) picture."""
    return max(SMALLEST_SCALE, min(size[1] / REFERENCE_HEIGHT, size[0] / 640))


def draw_overlay(image: BgrImage, content: OverlayContent) -> BgrImage:
    """Return a copy of a BGR frame with everything drawn on it."""
    picture = np.ascontiguousarray(image).copy()
    scale = choose_scale((picture.shape[1], picture.shape[0]))
    if content.hands is not None:
        draw_hands(picture, content.hands, scale)
    _draw_panels(picture, content, scale)
    _draw_strip(picture, content, scale)
    return picture


def _draw_panels(picture: BgrImage, content: OverlayContent, scale: float) -> None:
    """Put the left hand's panel into the lower left corner and the right hand's into the lower right one."""
    height, width = picture.shape[:2]
    for side, activity in (content.activity or {}).items():
        panel = BarGeometry(len(activity.muscle), scale).size
        margin = round(8 * scale)
        left = margin if side == Side.LEFT else width - panel[0] - margin
        draw_bars(picture, activity, (left, height - panel[1] - margin), scale, content.full_scale)


def _draw_strip(picture: BgrImage, content: OverlayContent, scale: float) -> None:
    width, margin = picture.shape[1], round(8 * scale)
    activities = list((content.activity or {}).values())
    label = (
        HANDS_LABEL
        if content.activity is None
        else label_estimate(all(a.simulated_training for a in activities))
    )
    name, facts = f'{content.camera}   ', f'{content.time:.3f} s'
    size = max(10, round(12 * scale))
    needed = measure(name, size, True) + measure(facts, size) + measure(label, size) + 4 * margin
    size = max(9, int(size * min(1.0, width / needed)))
    shade(picture, (0, 0, width, size + 2 * round(5 * scale)), PANEL, 0.72)
    y = round(4 * scale)
    write(picture, content.camera, (margin, y), size, INK, bold=True)
    write(picture, facts, (margin + measure(name, size, True), y), size, INK)
    # the label comes last: where room is short it covers the facts, never the other way round
    write(picture, label, (width - margin, y), size, INK, anchor='right')
    note = (
        content.note
        if content.note is not None
        else describe_bars(activities[0])
        if activities
        else ''
    )
    if note:
        at = (width - margin, y + size + 8 * scale)
        write(picture, note, at, max(9, round(0.8 * size)), INK, anchor='right', halo=PANEL)
