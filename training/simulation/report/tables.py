"""The report's numbers as tables, the same on the console and on the page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.simulation.ceiling import combine_scores
from pianokpm_training.simulation.report.gather import Findings
from pianokpm_training.simulation.report.measures import OWN_MUSCLE, find_lead
from pianokpm_training.simulation.variants import VARIANTS
from scipy.stats import spearmanr

from pianokpm_ros.anatomy import FINGERS, MUSCLES

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class Table:
    """Rows of words and numbers under a header; the first column names the rows."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def lines(self) -> list[str]:
        """Return it as text."""
        columns = list(zip(self.header, *self.rows, strict=True))
        widths = [max(map(len, c)) for c in columns]

        def line(row: Sequence[str]) -> str:
            first, *others = (
                c.ljust(w) if i == 0 else c.rjust(w)
                for i, (c, w) in enumerate(zip(row, widths, strict=True))
            )
            return '  '.join([first, *others]).rstrip()

        return [self.title, line(self.header), *map(line, self.rows)]


def _muscle_row(name: str, values: Iterable[float], words: str = '.2f') -> tuple[str, ...]:
    return (name, *('-' if np.isnan(v) else format(float(v), words) for v in values))


def _table(title: str, corner: str, rows: Iterable[tuple[str, ...]]) -> Table:
    return Table(title, (corner, *MUSCLES), tuple(rows))


def player_table(found: Findings) -> Table:
    """How well the player does what a pianist does."""
    measures = found.measures
    error = 1e3 * np.concatenate([m.error for m in measures])
    sideways = 1e3 * np.concatenate([m.sideways for m in measures])
    force = np.concatenate([m.force for m in measures])
    asked = len(error) + sum(m.left_out for m in measures)
    rows = (
        ('notes asked for; left out as beyond the reach', f'{asked}; {asked - len(error)}'),
        ('pad from its place on the key at key-down, median / p99 / max', _spread(error, 'mm')),
        ('pad from the middle line of its key, median / p99 / max', _spread(sideways, 'mm')),
        ('deepest pad below the key bed', f'{1e3 * max(m.sunk for m in measures):.2f} mm'),
        (
            'resting pads inside a key by over 1 mm',
            f'{np.mean([m.grazed for m in measures]):.3%} of the time',
        ),
        ('furthest joint outside its limits', f'{max(m.overrun for m in measures):.1e} rad'),
        (
            'hands that go through each other, mean / worst take',
            '{:.1%} / {:.1%} of the time'.format(*_touching(found)),
        ),
        (
            'quickest hand joint, median of hands / max',
            f'{np.median([m.joint_speed for m in measures]):.0f} / '
            f'{max(m.joint_speed for m in measures):.0f} rad/s',
        ),
        ('quickest landmark', f'{max(m.speed for m in measures):.2f} m/s'),
        (
            'largest bend of a landmark course within 10 ms',
            f'{1e3 * max(m.bend for m in measures):.2f} mm',
        ),
        ('largest force on a pad in a note, median / p99 / max', _spread(force, 'N')),
    )
    return Table('The player', ('', f'{len(measures)} hands of takes'), rows)


def _touching(found: Findings) -> tuple[float, float]:
    parts = np.array([j.touching for j in found.jobs])
    parts = parts[np.isfinite(parts)]
    return (float(parts.mean()), float(parts.max())) if len(parts) else (np.nan, np.nan)


def _spread(values: FloatArray, unit: str) -> str:
    middle, high = np.percentile(values, (50, 99))
    return f'{middle:.1f} / {high:.1f} / {values.max():.1f} {unit}'


def torque_table(found: Findings) -> Table:
    """What each joint is asked for, and what the muscles don't give."""
    measures = found.measures
    asked = np.array([m.torque for m in measures])
    left = np.array([m.reserve for m in measures])
    rows = [
        (joint, f'{1e3 * np.median(a):.1f}', f'{1e3 * np.median(b):.1f}',
         f'{np.sqrt((b**2).sum() / (a**2).sum()):.0%}')
        for joint, a, b in zip(measures[0].joints, asked.T, left.T, strict=True)
    ]  # fmt: skip
    header = ('joint', 'asked, RMS mN m', 'reserve, RMS mN m', 'reserve of asked')
    return Table('Torques and reserves, median over hands of takes', header, tuple(rows))


def saturation_table(found: Findings) -> Table:
    """How often muscles are at their maximum."""
    measures = found.measures
    every = np.array([m.saturated for m in measures])
    names = measures[0].muscles
    from pianokpm_training.simulation.hand import MODEL_MUSCLES

    own = every[:, [names.index(MODEL_MUSCLES[m]) for m in MUSCLES]]
    worst = int(np.argmax(every.mean(axis=0)))
    low, high = (np.array([m.excitation[i] for m in measures]) for i in (0, 1))
    levels, peaks = (np.array([m.envelope[i] for m in measures]) for i in (0, 1))
    rows = [
        _muscle_row('samples at the maximum, mean over takes, %', 100 * own.mean(axis=0), '.3f'),
        _muscle_row('likewise, worst take, %', 100 * own.max(axis=0), '.2f'),
        _muscle_row('excitation, median, % of maximum', 100 * np.median(low, axis=0), '.1f'),
        _muscle_row('excitation, p99, % of maximum', 100 * np.median(high, axis=0), '.1f'),
        _muscle_row('envelope, median, % MVC', 100 * np.median(levels, axis=0), '.1f'),
        _muscle_row('envelope, p99, % MVC', 100 * np.median(peaks, axis=0), '.1f'),
    ]
    title = (
        f'Saturation and levels (of all {len(names)} muscles {names[worst]} is at its maximum most: '
        f'{every.mean(axis=0)[worst]:.2%})'
    )
    return _table(title, '', rows)


def strike_table(found: Findings) -> Table:
    """How activation follows key velocity, and when bursts begin."""
    strikes = np.concatenate([m.strikes for m in found.measures])
    windows = join_windows(found)
    rows = []
    for finger, muscle in OWN_MUSCLE.items():
        own = strikes[strikes[:, 0] == finger]
        r = spearmanr(own[:, 1], own[:, 2]).statistic if len(own) > 9 else np.nan
        rows.append((f'{finger} {FINGERS[finger - 1]}, {muscle}', f'{len(own)}', f'{r:.2f}',
                     *_timing(windows.get(finger))))  # fmt: skip
    header = ('finger, muscle', 'strokes', 'rank r with velocity', 'alone',
              'excitation begins, ms', 'peaks, ms', 'activation peaks, ms', 'EMG envelope peaks, ms')  # fmt: skip
    return Table('Strokes: loudness and timing about key-down', header, tuple(rows))


def _timing(rows: FloatArray | None) -> tuple[str, ...]:
    if rows is None or len(rows) < 5:
        return (str(0 if rows is None else len(rows)), *'----')
    activation, excitation, envelope = (find_lead(rows[:, k].mean(axis=0)) for k in range(3))
    values = (*excitation, activation[1], envelope[1])
    return (str(len(rows)), *(f'{1e3 * v:+.0f}' for v in values))


def join_windows(found: Findings) -> dict[int, FloatArray]:
    """Put the strokes that stand alone together, by finger."""
    parts: dict[int, list[FloatArray]] = {}
    for m in found.measures:
        for finger, rows in m.windows.items():
            parts.setdefault(finger, []).append(rows)
    return {finger: np.concatenate(rows) for finger, rows in parts.items()}


def emg_table(found: Findings) -> Table:
    """Frequency and bursts."""
    measures = found.measures
    frequency = np.array([m.frequency for m in measures])
    widths = [np.concatenate([m.widths[n] for m in measures]) for n in MUSCLES]
    rows = [
        _muscle_row('median frequency, Hz', np.median(frequency, axis=0), '.0f'),
        _muscle_row('lowest of a take', frequency.min(axis=0), '.0f'),
        _muscle_row('highest of a take', frequency.max(axis=0), '.0f'),
        _muscle_row('bursts over 3 % MVC', [len(w) for w in widths], '.0f'),
        _muscle_row(
            'their width at half height, median ms',
            [1e3 * np.median(w) if len(w) else np.nan for w in widths],
            '.0f',
        ),
    ]
    return _table('Raw EMG and bursts of the 6-Hz envelope', '', rows)


CEILING_WORDS = {
    'r': 'Pearson r', 'r_max': 'r at the best lag', 'lag': 'that lag, ms', 'r2': 'R2',
    'rmse': 'RMSE, % MVC', 'nrmse': 'NRMSE', 'f1_50': 'onset F1, 50 ms', 'f1_25': 'onset F1, 25 ms',
    'onset_timing': 'onset timing, ms', 'coherence': 'coherence to 20 Hz',
}  # fmt: skip


def ceiling_table(found: Findings) -> Table:
    """Scores of a second EMG of the same excitation against the first: nobody can do better."""
    scores = [s for j in found.jobs for s in j.ceiling.values()]
    combined = combine_scores(scores)
    scale = {'lag': 1e3, 'onset_timing': 1e3, 'rmse': 100.0}
    rows = [
        _muscle_row(words, scale.get(name, 1.0) * combined[name])
        for name, words in CEILING_WORDS.items()
        if name in combined
    ]
    silent = [m for s in scores for m in s.silent]
    title = (
        f'Noise ceiling: two EMGs of one excitation, median over {len(scores)} right hands; pooled RMSE '
        f'{float(combined["pooled_rmse"]):.3f} MVC, OTD {float(combined["otd"]):.5f}'
    )
    if silent:
        title += f'; left out of NRMSE as they hardly move: {_count(silent)}'
    return _table(title, '', rows)


def _count(names: Sequence[str]) -> str:
    return ', '.join(f'{n} {names.count(n)} times' for n in dict.fromkeys(names))


def variant_table(found: Findings) -> Table:
    """Rank correlations with other assumptions."""
    parts = [c for j in found.jobs for c in j.correlations.values()]
    rows = [
        _muscle_row(f'{name}: {words}', _median([p[name] for p in parts]))
        for name, (words, _) in VARIANTS.items()
    ]
    title = f'Rank correlation of activations with other assumptions, median over {len(parts)} hands of takes'
    return _table(title, 'assumed instead', rows)


def _median(rows: list[FloatArray]) -> FloatArray:
    known = np.ma.masked_invalid(np.stack(rows))
    return np.ma.median(known, axis=0).filled(np.nan)
