"""A piano roll of key presses."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from pianokpm_ros.anatomy import Side
from pianokpm_ros.keyboard.key_presses import KeyPress
from pianokpm_ros.keyboard.layout import is_black, name_key
from pianokpm_ros.view.palette import SIDE_INKS, Rgb


def as_ink(colour: Rgb) -> tuple[float, float, float]:
    """Turn an RGB colour of 0..255 into matplotlib's 0..1."""
    red, green, blue = colour
    return red / 255, green / 255, blue / 255


def choose_keys(presses: Sequence[KeyPress]) -> tuple[int, int]:
    """Return the (lowest, highest) keys to show: all pressed ones with some room, at least an octave."""
    if not presses:
        return 60, 72
    low, high = min(p.key for p in presses) - 2, max(p.key for p in presses) + 2
    grow = max(0, 12 - (high - low))
    return low - grow // 2, high + (grow + 1) // 2


def draw_roll(
    axes: Axes, presses: Sequence[KeyPress], origin: int, side: Side | None = None
) -> None:
    """Draw a piano roll.

    Args:
        axes: time in seconds after `origin` along x.
        presses: all presses.
        origin: [ns] of time 0.
        side: hand whose presses stand out; the other hand's are paled.
    """
    low, high = choose_keys(presses)
    for key in range(low, high + 1):
        if is_black(key):
            axes.axhspan(key - 0.5, key + 0.5, color='0.94', lw=0, zorder=0)
        if key % 12 == 0:
            axes.axhline(key - 0.5, color='0.8', lw=0.6, zorder=0.5)
    for press in presses:
        other = side is not None and press.side not in (side, Side.UNKNOWN)
        span = [((press.start - origin) * 1e-9, max((press.end - press.start) * 1e-9, 0.02))]
        axes.broken_barh(
            span,
            (press.key - 0.42, 0.84),
            facecolor=as_ink(SIDE_INKS[press.side]),
            alpha=0.18 if other else 0.9,
            lw=0,
            zorder=1 if other else 2,
        )
    octaves = [key for key in range(low, high + 1) if key % 12 == 0]
    axes.set_yticks(octaves, [name_key(key) for key in octaves])
    axes.set_ylim(low - 0.5, high + 0.5)
    axes.margins(x=0)
    axes.set_ylabel('keys')
