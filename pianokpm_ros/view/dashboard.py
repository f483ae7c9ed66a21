"""The band below the views: bars and curves of both hands' muscles, the keys, the time, and what it all is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pianokpm_ros.anatomy import Side
from pianokpm_ros.records import MuscleActivity
from pianokpm_ros.view.bars import BarGeometry, describe_bars, draw_bars
from pianokpm_ros.view.keyboard_strip import draw_keyboard
from pianokpm_ros.view.lettering import BgrImage, write
from pianokpm_ros.view.palette import FAINT, HANDS_LABEL, INK, PANEL, label_estimate
from pianokpm_ros.view.traces import Traces, draw_traces

REFERENCE_WIDTH = 1280
"""Width at which the drawing scale is 1 [px]."""

BAR_SCALE = 1.45
"""Bars are drawn larger than on a camera frame of the same width."""

WINDOW = 4.0
"""How far the curves reach back [s]."""

SIMULATED_WORDS = 'dashed: what the simulation says, not a person'


@dataclass(frozen=True, eq=False)
class DashboardContent:
    """What to show at one moment.

    Attributes:
        time: since the beginning [s].
        activity: newest estimate of each hand to show.
        traces: curves of each hand.
        position: of the keys that are not at rest, by MIDI number.
    """

    time: float
    activity: Mapping[Side, MuscleActivity]
    traces: Mapping[Side, Traces]
    position: Mapping[int, float] = field(default_factory=dict)


class Dashboard:
    """Plan the band once, draw it for every frame."""

    def __init__(
        self,
        width: int,
        sides: Sequence[Side],
        muscles: int,
        full_scale: float,
        keys: tuple[int, int] | None = None,
        title: str = '',
    ) -> None:
        """Plan.

        Args:
            width: of the band [px].
            sides: hands to make room for, from left to right.
            muscles: M.
            full_scale: activation at the top of bars and curves.
            keys: (lowest, highest) to draw; None = no keys known.
            title: such as the take's name.
        """
        self._scale = width / REFERENCE_WIDTH
        self._sides, self._full_scale, self._keys, self._title = (
            tuple(sides),
            full_scale,
            keys,
            title,
        )
        self._bars = BarGeometry(muscles, BAR_SCALE * self._scale).size
        self._line = round(26 * self._scale)
        self._keyboard = round(74 * self._scale) if keys else 0
        hands = self._bars[1] + round(10 * self._scale) if sides else 0
        height = self._line + hands + self._keyboard
        self.size = width, height + height % 2
        self._blank = np.empty((self.size[1], self.size[0], 3), np.uint8)
        self._blank[:] = PANEL[::-1]

    def draw(self, content: DashboardContent) -> BgrImage:
        """Return the (height, width, 3) BGR band."""
        image = self._blank.copy()
        self._draw_words(image, content)
        for number, side in enumerate(self._sides):
            self._draw_hand(image, content, side, number)
        if self._keys:
            margin = round(8 * self._scale)
            box = (
                margin,
                self.size[1] - self._keyboard,
                self.size[0] - margin,
                self.size[1] - margin,
            )
            draw_keyboard(image, box, self._keys, content.position)
        return image

    def _draw_words(self, image: BgrImage, content: DashboardContent) -> None:
        size, margin = round(14 * self._scale), round(12 * self._scale)
        y = round(5 * self._scale)
        facts = '   '.join(w for w in (self._title, f'{content.time:.2f} s') if w)
        write(image, facts, (margin, y), size, INK, bold=True)
        activities = list(content.activity.values())
        trained = all(a.simulated_training for a in activities)
        words = [label_estimate(trained) if self._sides else HANDS_LABEL]
        words += [describe_bars(activities[0])] if activities else []
        if any(len(t.simulated_seconds) for t in content.traces.values()):
            words.append(SIMULATED_WORDS)
        write(image, words[0], (self.size[0] - margin, y), size, INK, anchor='right')
        small = round(11 * self._scale)
        write(
            image,
            '   ·   '.join(words[1:]),
            (self.size[0] / 2, y + 2),
            small,
            FAINT,
            anchor='centre',
        )

    def _draw_hand(
        self, image: BgrImage, content: DashboardContent, side: Side, number: int
    ) -> None:
        """Put bars outside and curves inside, as the hands lie on the keys."""
        margin, width = round(8 * self._scale), self.size[0] / len(self._sides)
        left, right = round(number * width) + margin, round((number + 1) * width) - margin
        outside_left = number == 0
        corner = left if outside_left else right - self._bars[0]
        if side in content.activity:
            draw_bars(
                image,
                content.activity[side],
                (corner, self._line),
                BAR_SCALE * self._scale,
                self._full_scale,
            )
        span = (left + self._bars[0] + margin, right) if outside_left else (left, corner - margin)
        if side in content.traces:
            box = span[0], self._line, span[1], self._line + self._bars[1]
            size = round(11 * self._scale)
            draw_traces(image, box, content.traces[side], WINDOW, self._full_scale, size)
