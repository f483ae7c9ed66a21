"""Picture of two estimates of one recording, muscle by muscle."""

from pathlib import Path

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np

from pianokpm_ros.replay.comparison import Difference

POINTS = 4000


def plot_difference(difference: Difference, names: tuple[str, str], path: Path) -> None:
    """Draw both estimates of every muscle into a PNG; gaps stay gaps."""
    d = difference
    step = max(1, len(d.stamp) // POINTS)
    time = (d.stamp[::step] - d.stamp[0]) * 1e-9
    figure, axes = plt.subplots(
        len(d.muscle), 1, sharex=True, figsize=(11, 1.5 * len(d.muscle) + 1), squeeze=False
    )
    for m, axis in enumerate(axes[:, 0]):
        axis.plot(time, d.before[::step, m], color='0.6', linewidth=2.2, label=names[0])
        axis.plot(time, d.after[::step, m], color='tab:blue', linewidth=1.0, label=names[1])
        axis.set_ylabel(d.muscle[m])
        axis.set_ylim(0, max(0.1, 1.1 * float(np.nanmax([d.before[:, m], d.after[:, m]]))))
        score = f'RMSE {d.rmse[m]:.3f}   r {d.correlation[m]:.3f}'
        axis.text(0.995, 0.93, score, transform=axis.transAxes, ha='right', va='top', fontsize=9)
    axes[0, 0].legend(
        loc='lower left', bbox_to_anchor=(0, 1.0), ncols=2, fontsize=9, frameon=False
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
