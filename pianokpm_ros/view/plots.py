"""The figure of a take: keys, six muscle envelopes per hand with their deviation, confidence and status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from pianokpm_ros.anatomy import MUSCLE_NAMES, Side, Status
from pianokpm_ros.keyboard.key_presses import KeyPress
from pianokpm_ros.outputs import whole_file
from pianokpm_ros.tracks import ActivityTrack
from pianokpm_ros.view.bars import NORMALIZATION_WORDS
from pianokpm_ros.view.palette import SIDE_INKS, STATUS_COLOURS, label_estimate
from pianokpm_ros.view.piano_roll import as_ink, draw_roll

FloatArray = NDArray[np.floating]

STYLE = {
    'font.family': 'DejaVu Sans',
    'font.size': 8.5,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.linewidth': 0.7,
    'axes.labelsize': 8.5,
    'xtick.labelsize': 8,
    'ytick.labelsize': 8,
}
DRAWN_RATE = 500.0
"""Envelopes of 10 Hz bandwidth are drawn at this rate [Hz]; more only makes the file larger."""


@dataclass(frozen=True, eq=False)
class SimulatedEnvelope:
    """What a simulation says the muscles did: to compare with, never the truth of a person.

    Attributes:
        stamp: (E,) int64 [ns].
        envelope: (E, M), in the order of `muscle`, NaN = unknown.
        muscle: M names.
    """

    stamp: NDArray[np.int64]
    envelope: FloatArray
    muscle: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class TakeFigure:
    """What the figure of a take shows.

    Attributes:
        title: such as the take's name.
        origin: [ns] of time 0.
        tracks: the estimate of each hand; hands without any estimate can be left out.
        presses: keys going down, empty = keys unknown.
        simulated: the simulation's envelopes for each hand, empty = none known.
        remarks: lines for the foot of the figure.
    """

    title: str
    origin: int
    tracks: Mapping[Side, ActivityTrack]
    presses: Sequence[KeyPress] = ()
    simulated: Mapping[Side, SimulatedEnvelope] = field(default_factory=dict)
    remarks: Sequence[str] = ()


def plot_take(content: TakeFigure, path: Path, dots_per_inch: int = 150) -> Path:
    """Draw the figure into a PNG, PDF or SVG file (by its name), complete or not at all."""
    from matplotlib import rc_context

    path = Path(path)
    with whole_file(path) as part, rc_context(STYLE):
        make_figure(content).savefig(part, format=path.suffix[1:], dpi=dots_per_inch)
    return path


def make_figure(content: TakeFigure) -> Figure:
    """Build the figure: one column a hand, keys on top, a row a muscle, trust at the bottom."""
    sides = list(content.tracks)
    if not sides:
        raise ValueError(
            'asked to plot a take, found no estimate of any hand in it; nothing can be drawn'
        )
    rows = max(len(track.muscle) for track in content.tracks.values())
    figure = Figure(figsize=(max(8.0, 6.6 * len(sides)), 3.4 + 1.05 * rows), layout='constrained')
    FigureCanvasAgg(figure)
    heights = [1.5 if content.presses else 0.01, *[1.0] * rows, 0.8]
    grid = figure.subplots(
        rows + 2, len(sides), sharex=True, squeeze=False, gridspec_kw={'height_ratios': heights}
    )
    top = _find_top(content)
    for column, side in enumerate(sides):
        _fill_column(grid[:, column], content, side, top, column == 0)
    _write_texts(figure, content)
    return figure


def _find_top(content: TakeFigure) -> float:
    """Return one common upper limit, so that muscles and hands can be compared by eye."""
    values = [t.envelope + np.nan_to_num(t.deviation) for t in content.tracks.values()]
    values += [s.envelope for s in content.simulated.values()]
    known = np.concatenate([v[np.isfinite(v)] for v in values]) if values else np.zeros(0)
    top = float(np.percentile(known, 99.8)) if known.size else 1.0
    return max(0.05, 1.08 * top)


def _fill_column(
    column: NDArray[np.object_], content: TakeFigure, side: Side, top: float, first: bool
) -> None:
    track = content.tracks[side]
    column[0].set_title(f'{side.label} hand', fontweight='bold', color=as_ink(SIDE_INKS[side]))
    if content.presses:
        draw_roll(column[0], content.presses, content.origin, side)
    else:
        column[0].set_axis_off()
    for index, axes in enumerate(column[1:-1]):
        if index < len(track.muscle):
            _draw_muscle(axes, content, side, index, top, first)
        else:
            axes.set_axis_off()
    _draw_trust(column[-1], track, content.origin, first)


def _draw_muscle(
    axes: Axes, content: TakeFigure, side: Side, index: int, top: float, first: bool
) -> None:
    track, ink = content.tracks[side], as_ink(SIDE_INKS[side])
    seconds, value, deviation = _thin(track, content.origin, index)
    _draw_simulated(axes, content, side, track.muscle[index])
    axes.fill_between(
        seconds, np.maximum(value - deviation, 0), value + deviation, color=ink, alpha=0.25, lw=0
    )
    axes.plot(seconds, value, color=ink, lw=1.1, zorder=3)
    axes.set_ylim(0, top)
    axes.margins(x=0)
    axes.grid(axis='x', color='0.9', lw=0.5)
    name = track.muscle[index]
    if first:
        axes.set_ylabel(name, rotation=0, ha='right', va='center', fontweight='bold')
    axes.text(
        0.995,
        0.93,
        f'{name}  {MUSCLE_NAMES.get(name, "")}'.strip(),
        transform=axes.transAxes,
        ha='right',
        va='top',
        fontsize=7,
        color='0.4',
        zorder=4,
        bbox={'fc': 'white', 'ec': 'none', 'alpha': 0.6, 'pad': 1},
    )


def _draw_simulated(axes: Axes, content: TakeFigure, side: Side, muscle: str) -> None:
    simulated = content.simulated.get(side)
    if simulated is not None and muscle in simulated.muscle:
        values = simulated.envelope[:, simulated.muscle.index(muscle)]
        axes.plot(
            (simulated.stamp - content.origin) * 1e-9,
            values,
            color='0.25',
            lw=0.9,
            ls=(0, (4, 1.5)),
            zorder=2,
        )


def _thin(
    track: ActivityTrack, origin: int, index: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (K,) times [s], values and deviations to draw, with a NaN where samples are missing between two."""
    step = max(1, int(track.sample_rate // DRAWN_RATE))
    seconds = track.seconds(origin)[::step]
    value, deviation = (
        track.envelope[::step, index].astype(float),
        track.deviation[::step, index].astype(float),
    )
    gaps = np.flatnonzero(np.diff(seconds) > 2.5 * step / track.sample_rate) + 1
    middle = (seconds[gaps - 1] + seconds[gaps]) / 2 if len(gaps) else np.zeros(0)
    return (
        np.insert(seconds, gaps, middle),
        np.insert(value, gaps, np.nan),
        np.insert(deviation, gaps, np.nan),
    )


def _draw_trust(axes: Axes, track: ActivityTrack, origin: int, first: bool) -> None:
    """Draw confidence over time, above a strip coloured by status."""
    seconds = (track.estimate_stamp - origin) * 1e-9
    breaks = _find_breaks(seconds)
    at = np.insert(seconds, breaks, np.nan)
    confidence = np.insert(track.estimate_confidence, breaks, np.nan)
    # A line alone at 1 looks like a frame.
    axes.fill_between(at, 0.0, confidence, color='0.88', lw=0)
    axes.plot(at, confidence, color='0.2', lw=0.9)
    axes.set_ylim(-0.35, 1.15)
    axes.set_yticks([0, 0.5, 1])
    for start, end, status in _find_spans(seconds, track.estimate_status, breaks):
        axes.axvspan(
            start, end, 0.03 / 1.5, 0.23 / 1.5, color=as_ink(STATUS_COLOURS[status]), lw=0
        )
    axes.set_xlabel('time [s]')
    axes.margins(x=0)
    if first:
        axes.set_ylabel('confidence\nand status')


def _find_breaks(seconds: FloatArray) -> NDArray[np.intp]:
    """Return the indices before which estimates are missing: steps beyond three usual ones."""
    steps = np.diff(seconds)
    return np.flatnonzero(steps > 3 * np.median(steps)) + 1 if len(steps) else np.zeros(0, np.intp)


def _find_spans(
    seconds: FloatArray, status: NDArray[np.uint8], breaks: NDArray[np.intp]
) -> list[tuple[float, float, Status]]:
    """List (start, end, status) of the stretches of one status; a stretch reaches up to the next estimate."""
    if not len(seconds):
        return []
    changes = np.flatnonzero(np.diff(status)) + 1
    starts = np.unique(np.concatenate([[0], changes, breaks])).astype(int)
    ends = [*starts[1:], len(seconds) - 1]
    missing = set(breaks.tolist())
    return [
        (float(seconds[a]), float(seconds[b - 1 if b in missing else b]), Status(int(status[a])))
        for a, b in zip(starts, ends, strict=True)
    ]


def _write_texts(figure: Figure, content: TakeFigure) -> None:
    track = next(iter(content.tracks.values()))
    figure.suptitle(
        f'{content.title}: muscle activity, {label_estimate(track.last.simulated_training)}',
        fontsize=10.5,
        fontweight='bold',
    )
    unit = NORMALIZATION_WORDS.get(track.last.normalization, 'unknown scale')
    figure.supylabel(f'EMG amplitude, {unit}', fontsize=8.5)
    foot = '   ·   '.join(
        [f'model {track.last.model_id}', *content.remarks, 'an estimate is not a measurement']
    )
    # as the legend's title: constrained layout would draw a text of its own across the legend
    legend = figure.legend(
        handles=_make_handles(content),
        loc='outside lower center',
        ncols=4 * len(content.tracks),
        frameon=False,
        fontsize=8,
        title=foot,
        title_fontsize=7,
    )
    legend.get_title().set_color('0.4')


def _make_handles(content: TakeFigure) -> list[Line2D | Patch]:
    """Return what the legend explains: each hand, the band, the simulation, each status that occurs."""
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=as_ink(SIDE_INKS[side]), label=f'estimated, {side.label}')
        for side in content.tracks
    ]
    handles.append(Patch(color='0.7', label='estimate ± 1 σ'))
    if content.simulated:
        handles.append(
            Line2D([], [], color='0.25', ls=(0, (4, 1.5)), label='simulated (not a person)')
        )
    found = {int(s) for t in content.tracks.values() for s in t.estimate_status}
    handles += [
        Patch(color=as_ink(STATUS_COLOURS[Status(s)]), label=Status(s).name)
        for s in sorted(found, reverse=True)
    ]
    return handles
