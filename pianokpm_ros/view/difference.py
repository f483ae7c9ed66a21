"""Picture of two estimates of one recording, muscle by muscle."""

from pathlib import Path

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from pianokpm_ros.replay.comparison import Difference

FloatArray = NDArray[np.floating]

POINTS = 4000
GAP = 50_000_000
"""Moments further apart are not joined by a line [ns]."""


def plot_difference(difference: Difference, names: tuple[str, str], path: Path) -> None:
    """Draw both estimates of every muscle into a PNG; gaps stay gaps."""
    d = difference
    step = max(1, len(d.stamp) // POINTS)
    stamp, before, after = (x[::step].copy() for x in (d.stamp, d.before, d.after))
    time, apart = (stamp - d.stamp[0]) * 1e-9, np.flatnonzero(np.diff(stamp) > GAP * step)
    before[apart] = after[apart] = np.nan
    figure, axes = plt.subplots(
        len(d.muscle), 1, sharex=True, figsize=(11, 1.5 * len(d.muscle) + 1), squeeze=False
    )
    for m, axis in enumerate(axes[:, 0]):
        _draw_muscle(axis, time, before[:, m], after[:, m], names)
        axis.set_ylabel(d.muscle[m])
        score = f'RMSE {d.rmse[m]:.3f}   r {d.correlation[m]:.3f}'
        axis.text(0.995, 0.95, score, transform=axis.transAxes, ha='right', va='top', fontsize=9)
    axes[0, 0].legend(
        loc='lower left', bbox_to_anchor=(0, 1.0), ncols=3, fontsize=9, frameon=False
    )
    figure.suptitle(
        f'Estimated activity of the {d.side.label} hand, fraction of the normalisation; '
        'an estimate, not a measurement',
        fontsize=10,
    )
    axes[-1, 0].set_xlabel('time [s]')
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw_muscle(
    axis: Axes, time: FloatArray, before: FloatArray, after: FloatArray, names: tuple[str, str]
) -> None:
    axis.fill_between(
        time, before, after, color='tab:red', alpha=0.25, linewidth=0, label='difference'
    )
    axis.plot(time, before, color='0.5', linewidth=2.0, label=names[0])
    axis.plot(time, after, color='tab:blue', linewidth=1.0, label=names[1])
    highest = max(np.nanmax(x, initial=0.1) for x in (before, after))
    axis.set_ylim(0, 1.25 * float(highest))
