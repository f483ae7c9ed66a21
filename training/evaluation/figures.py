"""Figures of an evaluation: scores side by side, an excerpt of a take, training curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.evaluation.report import HEARD, ROLES, Summary, is_ours, label
from pianokpm_training.evaluation.takes import Estimate, Take

from pianokpm_ros.anatomy import MUSCLES

EXCERPT = (6.0, 12.0)
"""Seconds of a take that are shown; as many from the end of a shorter one."""


def draw_scores(path: Path, rows: Sequence[Summary]) -> None:
    """Draw r of every estimator, with its interval over persons, for each role and way of hearing keys."""
    groups = list(dict.fromkeys((r['role'], r['keys']) for r in rows))
    figure, axes = _figure(len(groups), (5.0, 3.6))
    for axis, (role, keys) in zip(axes, groups, strict=True):
        group = [r for r in rows if (r['role'], r['keys']) == (role, keys)][::-1]
        for i, row in enumerate(group):
            found = row['r']
            if found['mean'] != found['mean']:
                continue
            spread = [[found['mean'] - found['low']], [found['high'] - found['mean']]]
            colour = 'tab:blue' if is_ours(row) else 'tab:gray'
            axis.barh(i, found['mean'], xerr=spread, color=colour, height=0.7, capsize=2)
        axis.set_yticks(range(len(group)), [label(r) for r in group], fontsize=7)
        lowest = [v for r in group for v in (r['r']['mean'], r['r']['low'])]
        axis.set_xlim(min([0.0, *(1.05 * v for v in lowest if v == v)]), 1)
        axis.set_title(f'{ROLES.get(role, role)}\n{HEARD.get(keys, keys)}', fontsize=8)
        axis.set_xlabel('r, mean over persons and muscles', fontsize=7)
    _save(figure, path)


def choose_excerpt(time: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell which of (N,) times [s] are shown."""
    early = max(0.0, EXCERPT[1] - time[-1])
    return (time >= EXCERPT[0] - early) & (time <= EXCERPT[1])


def name_truth(take: Take) -> str:
    """Say what an estimate is compared with."""
    return 'simulated EMG' if take.recording.info.simulated else 'measured EMG'


def draw_excerpt(path: Path, take: Take, estimates: dict[str, Estimate]) -> None:
    """Draw some seconds of a take: the truth, and what was estimated."""
    figure, axes = _figure(len(MUSCLES), (9.0, 1.5), rows=len(MUSCLES))
    time = take.stamp * 1e-9
    shown = choose_excerpt(time)
    for m, axis in enumerate(axes):
        axis.plot(time[shown], take.truth[shown, m], 'k', lw=1, label=name_truth(take))
        for i, (name, estimate) in enumerate(estimates.items()):
            line = axis.plot(time[shown], estimate.mean[shown, m], color=f'C{i}', lw=1, label=name)
            if estimate.deviation is not None:
                low, high = (
                    estimate.mean + s * estimate.reach[1] * estimate.deviation for s in (-1, 1)
                )
                axis.fill_between(
                    time[shown],
                    low[shown, m],
                    high[shown, m],
                    color=line[0].get_color(),
                    alpha=0.2,
                )
        scale = take.recording.info.normalization or 'own scale, 0 to 1'
        axis.set_ylabel(f'{MUSCLES[m]} [{scale}]', fontsize=7)
    axes[0].legend(fontsize=7, ncols=4, loc='upper right')
    axes[0].set_title(f'{take.recording.info.name}; shade: 80 % interval', fontsize=8)
    axes[-1].set_xlabel('time [s]', fontsize=7)
    _save(figure, path)


def draw_curve(path: Path, notes: dict[str, Any]) -> None:
    """Draw the training curve of the rebuilt published network, so that one can see how far it got."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure, (axis,) = _figure(1, (5.0, 3.2))
    spent, loss, error = np.array(notes['curve'], float).T
    axis.plot(spent, loss, lw=0.5, alpha=0.6, label='loss')
    axis.plot(spent, error, lw=0.5, alpha=0.6, label='squared error')
    width = max(1, len(error) // 25)
    smooth = np.convolve(error, np.full(width, 1 / width), 'valid')
    axis.plot(spent[width - 1 :], smooth, 'k', label=f'squared error, mean of {width} steps')
    if notes['validation']:
        epoch, unknown = np.array(notes['validation'], float).T
        when = spent[np.rint(epoch / notes['epochs'] * len(spent)).astype(int).clip(1) - 1]
        axis.plot(when, unknown, color='C3', lw=0.9, label='squared error, role `validation`')
        best = np.argmin(unknown)
        axis.plot(when[best], unknown[best], 'o', color='C3', ms=4, label='kept')
    axis.set_yscale('log')
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel('time [s]', fontsize=8)
    axis.set_ylabel('in units of envelopes from -1 to 1', fontsize=7)
    where = f'; {notes["hardware"]}' if 'hardware' in notes else ''
    title = f'{notes["steps"]} steps, {notes["epochs"]:.3g} epochs{where}'
    axis.set_title(f'PianoKPM Net, rebuilt: {title}', fontsize=7)
    axis.legend(fontsize=7)
    _save(figure, path)


def _figure(count: int, size: tuple[float, float], rows: int = 0) -> tuple[Any, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = 1 if rows else min(count, 2)
    rows = rows or -(-count // columns)
    figure = Figure((size[0] * columns, size[1] * rows), dpi=110, layout='constrained')
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(rows, columns, i + 1) for i in range(count)]
    for axis in axes:
        axis.tick_params(labelsize=7)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    part = path.with_name(f'.{path.name}')
    figure.savefig(part, format='png')
    part.replace(path)
