"""The report's figures, as PNG bytes. Colours tell fingers and muscles apart also without colour vision."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pianokpm_training.simulation.dynamics import MUSCLE_RATE
from pianokpm_training.simulation.motor_units import EMG_RATE
from pianokpm_training.simulation.plan import RATE
from pianokpm_training.simulation.report.measures import AFTER, BEFORE, OWN_MUSCLE, HandMeasures
from pianokpm_training.simulation.take import HandTake
from scipy import signal

from pianokpm_ros.anatomy import FINGERS, MUSCLES

FloatArray = NDArray[np.floating]

INKS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9')
SHOWN = 4.0
"""How much of a take is drawn [s]."""


def _figure(rows: int, columns: int, size: tuple[float, float], **options):
    figure = Figure(size, dpi=110, layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    for axis in axes.flat:
        axis.spines[['top', 'right']].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure, axes


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png')
    return buffer.getvalue()


def _name(axis: Axes, title: str, x: str = '', y: str = '') -> None:
    axis.set_title(title, fontsize=9, loc='left')
    axis.set_xlabel(x, fontsize=8)
    axis.set_ylabel(y, fontsize=8)


def draw_take(hand: HandTake, title: str) -> bytes:
    """Draw a part of a take: pads over the keys, forces, activations and EMG of the six muscles."""
    start = max(hand.plan.notes[0].onset - 0.6, 0.0) if hand.plan.notes else 0.0
    span = (start, start + SHOWN)
    figure, axes = _figure(4, 1, (10, 9), sharex=True)
    time = np.arange(len(hand.motion.pads)) / RATE
    for f, finger in enumerate(FINGERS):
        axes[0, 0].plot(time, 1e3 * hand.motion.pads[:, f, 2], INKS[f], lw=1, label=str(finger))
        axes[1, 0].plot(time, hand.forces[:, f], INKS[f], lw=1)
    axes[0, 0].axhline(-10, color='0.6', lw=0.8, ls='--')
    _name(axes[0, 0], f'{title}: height of the pads (dashed: bed of white keys)', y='mm')
    axes[0, 0].legend(fontsize=7, ncol=5, frameon=False, loc='upper right')
    _name(axes[1, 0], 'force of the keys on the pads', y='N')
    muscle_time = np.arange(len(hand.activation)) / MUSCLE_RATE
    emg_time = np.arange(len(hand.emg.raw)) / EMG_RATE
    for m, muscle in enumerate(MUSCLES):
        axes[2, 0].plot(muscle_time, hand.activation[:, m], INKS[m], lw=1, label=muscle)
        scale = 8 * np.std(hand.emg.raw[:, m])
        axes[3, 0].plot(emg_time, hand.emg.raw[:, m] / scale - m, INKS[m], lw=0.3)
        envelope = hand.emg.envelope[:, m]
        at = np.arange(len(envelope)) / 1000
        axes[3, 0].plot(at, envelope / max(np.max(envelope), 1e-9) - m, '0.1', lw=0.9)
    axes[2, 0].legend(fontsize=7, ncol=6, frameon=False, loc='upper right')
    _name(axes[2, 0], 'activation of the six muscles', y='part of maximum')
    axes[3, 0].set_yticks(-np.arange(len(MUSCLES)), MUSCLES)
    _name(axes[3, 0], 'raw EMG and its envelope (black), each to its own scale', 'time [s]')
    axes[3, 0].set_xlim(*span)
    for note in hand.plan.notes:
        for axis in axes[:, 0]:
            axis.axvline(note.onset, color=INKS[note.finger - 1], lw=0.4, alpha=0.6)
    return _png(figure)


def draw_torques(measures: Sequence[HandMeasures]) -> bytes:
    """Draw what playing asks of each joint, and what the muscles don't give."""
    joints = measures[0].joints
    asked = np.median([m.torque for m in measures], axis=0)
    left = np.median([m.reserve for m in measures], axis=0)
    figure, axes = _figure(1, 1, (10, 3.4))
    place = np.arange(len(joints))
    axes[0, 0].bar(place - 0.2, 1e3 * asked, 0.4, color=INKS[0], label='asked (RMS)')
    axes[0, 0].bar(place + 0.2, 1e3 * left, 0.4, color=INKS[1], label='not given by muscles (RMS)')
    axes[0, 0].set_xticks(place, joints, rotation=60, ha='right', fontsize=7)
    axes[0, 0].legend(fontsize=8, frameon=False)
    _name(axes[0, 0], 'torque by joint, median over takes', y='mN m')
    return _png(figure)


def draw_strikes(strikes: FloatArray) -> bytes:
    """Draw the peak activation of each finger's own muscle against MIDI velocity, (N, 3) of all takes."""
    figure, axes = _figure(1, 5, (11, 2.6), sharey=True)
    for f, axis in enumerate(axes[0], 1):
        own = strikes[strikes[:, 0] == f]
        axis.plot(own[:, 1], own[:, 2], '.', color=INKS[f - 1], ms=2, alpha=0.5)
        middle, line = bin_medians(own[:, 1], own[:, 2])
        axis.plot(middle, line, 'k.-', lw=1.2)
        _name(axis, f'{f} {FINGERS[f - 1]}: {OWN_MUSCLE[f]}', 'MIDI velocity')
    axes[0, 0].set_ylabel('peak activation', fontsize=8)
    axes[0, 0].set_ylim(0, 1.02)
    return _png(figure)


def bin_medians(
    x: FloatArray, y: FloatArray, width: float = 15.0
) -> tuple[FloatArray, FloatArray]:
    """Medians of y over bins of x with at least five values."""
    edges = np.arange(0, 128 + width, width)
    rows = [
        (0.5 * (a + b), np.median(y[(x >= a) & (x < b)]))
        for a, b in zip(edges, edges[1:], strict=False)
        if ((x >= a) & (x < b)).sum() >= 5
    ]
    return np.array(rows).reshape(-1, 2).T


def draw_bursts(windows: Mapping[int, FloatArray]) -> bytes:
    """Draw the mean course of each finger's own muscle about strokes that stand alone."""
    figure, axes = _figure(1, 5, (11, 2.8), sharex=True)
    time = 1e3 * np.linspace(-BEFORE, AFTER, round((BEFORE + AFTER) * MUSCLE_RATE) + 1)
    for f, axis in enumerate(axes[0], 1):
        rows = windows.get(f, np.zeros((0, 3, len(time))))
        for kind, name, style in (
            (1, 'excitation', '-'),
            (0, 'activation', '--'),
            (2, 'EMG', ':'),
        ):
            if len(rows):
                axis.plot(time, rows[:, kind].mean(axis=0), style, color=INKS[f - 1], label=name)
        axis.axvline(0, color='0.6', lw=0.8)
        _name(axis, f'{OWN_MUSCLE[f]}, {len(rows)} strokes', 'ms from key-down')
    axes[0, 0].set_ylabel('part of maximum', fontsize=8)
    axes[0, -1].legend(fontsize=7, frameon=False)
    return _png(figure)


def draw_spectra(hands: Sequence[HandTake]) -> bytes:
    """Draw spectra of raw EMG and the distribution of envelope levels."""
    figure, axes = _figure(1, 2, (10, 3))
    for m, muscle in enumerate(MUSCLES):
        raw = np.concatenate([h.emg.raw[:, m] / h.emg.raw[:, m].std() for h in hands])
        frequency, power = signal.welch(raw, EMG_RATE, nperseg=1024)
        axes[0, 0].semilogy(frequency, power, INKS[m], lw=1, label=muscle)
        level = np.sort(np.concatenate([h.emg.envelope[:, m] for h in hands]))
        axes[0, 1].plot(100 * level, np.linspace(0, 1, len(level)), INKS[m], lw=1.2)
    axes[0, 0].set_xlim(0, 600)
    axes[0, 0].set_ylim(1e-6, 3e-2)
    axes[0, 0].legend(fontsize=7, ncol=2, frameon=False)
    axes[0, 1].set_xlim(0, 60)
    _name(axes[0, 0], 'power spectra of raw EMG, unit variance', 'Hz')
    _name(axes[0, 1], 'part of the time below a level', 'envelope [% MVC]')
    return _png(figure)


def draw_levels(measures: Mapping[str, Sequence[HandMeasures]]) -> bytes:
    """Draw the 99th percentile of excitation by task and muscle."""
    figure, axes = _figure(1, 1, (10, 3))
    for i, rows in enumerate(measures.values()):
        values = np.array([m.excitation[1] for m in rows])
        for m in range(len(MUSCLES)):
            x = np.full(len(values), i + 0.12 * (m - 2.5))
            label = MUSCLES[m] if i == 0 else None
            axes[0, 0].plot(x, 100 * values[:, m], '.', color=INKS[m], ms=5, label=label)
    axes[0, 0].set_xticks(range(len(measures)), measures)
    axes[0, 0].set_ylim(0, 102)
    axes[0, 0].legend(fontsize=7, ncol=6, frameon=False)
    _name(axes[0, 0], '99th percentile of excitation, each dot a hand of a take', y='% of maximum')
    return _png(figure)
