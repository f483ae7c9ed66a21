"""Drawings of a report as inline SVG: stretched to any width, lines of constant thickness, no lettering inside."""

import html
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.keyboard.key_presses import KeyPress
from pianokpm_ros.keyboard.layout import is_black
from pianokpm_ros.stretches import finite_stretches

FloatArray = NDArray[np.floating]
HEIGHT = 100
"""Of every drawing, in its own units; its width is time in [s]."""


def draw_svg(start: float, end: float, content: Iterable[str], kind: str, title: str) -> str:
    """Return a drawing of the time from `start` to `end` [s]; `title` is read to those who can't see it."""
    return (
        f'<svg class="{kind}" viewBox="{start:.3f} 0 {max(end - start, 1e-3):.3f} {HEIGHT}" '
        f'preserveAspectRatio="none" role="img" aria-label="{html.escape(title, quote=True)}">'
        f'{"".join(content)}</svg>'
    )


def draw_line(times: FloatArray, values: FloatArray, top: float, kind: str) -> str:
    """Return a curve, broken where values are unknown; 0 is at the bottom, `top` at the top."""
    paths = [
        'M'
        + ' '.join(
            f'{t:.2f},{y:.1f}' for t, y in zip(times[a:b], _level(values[a:b], top), strict=True)
        )
        for a, b in finite_stretches(values, 2)
    ]
    return f'<path class="{kind}" d="{"".join(paths)}"/>' if paths else ''


def draw_band(times: FloatArray, low: FloatArray, high: FloatArray, top: float, kind: str) -> str:
    """Return the area between two curves."""
    paths = []
    for a, b in finite_stretches(low + high, 2):
        across = np.concatenate([times[a:b], times[a:b][::-1]])
        level = np.concatenate([_level(high[a:b], top), _level(low[a:b], top)[::-1]])
        paths.append(
            'M' + ' '.join(f'{t:.2f},{y:.1f}' for t, y in zip(across, level, strict=True)) + 'Z'
        )
    return f'<path class="{kind}" d="{"".join(paths)}"/>' if paths else ''


def draw_spans(spans: Iterable[tuple[float, float]], kind: str) -> str:
    """Return vertical stripes from start to end [s]."""
    return ''.join(
        f'<rect class="{kind}" x="{a:.2f}" y="0" width="{max(b - a, 0.0):.2f}" height="{HEIGHT}"/>'
        for a, b in spans
    )


def draw_roll(
    presses: Sequence[KeyPress], origin: int, keys: tuple[int, int], kind: str = 'note'
) -> str:
    """Return a piano roll of the keys from low to high."""
    low, high = keys
    lane = HEIGHT / (high - low + 1)
    return ''.join(
        f'<rect class="{kind}" x="{(p.start - origin) * 1e-9:.2f}" y="{(high - p.key) * lane:.1f}" '
        f'width="{max((p.end - p.start) * 1e-9, 0.02):.2f}" height="{0.86 * lane:.1f}"/>'
        for p in presses
        if low <= p.key <= high
    )


def draw_lanes(start: float, end: float, keys: tuple[int, int]) -> str:
    """Return the shaded lanes of the black keys and the lines below each C."""
    low, high = keys
    lane, width = HEIGHT / (high - low + 1), end - start
    made = []
    for key in range(low, high + 1):
        y = (high - key) * lane
        if is_black(key):
            made.append(
                f'<rect class="lane" x="{start:.2f}" y="{y:.1f}" width="{width:.2f}" '
                f'height="{lane:.1f}"/>'
            )
        if key % 12 == 0:
            made.append(f'<path class="octave" d="M{start:.2f},{y + lane:.1f}h{width:.2f}"/>')
    return ''.join(made)


def _level(values: FloatArray, top: float) -> FloatArray:
    return HEIGHT * (1 - np.clip(values / top, 0.0, 1.0))
