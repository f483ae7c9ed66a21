"""Assemble the page: what it is, timeline, loads, co-contraction, trends, comparison."""

import html
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources

import numpy as np

from pianokpm_ros.anatomy import MUSCLE_FINGER, MUSCLE_NAMES, Side
from pianokpm_ros.keyboard.layout import name_key
from pianokpm_ros.report.comparison import LEAST, SIGMAS, Comparison, Region
from pianokpm_ros.report.measured import MeasuredEmg, measure_likeness
from pianokpm_ros.report.measures import (
    LOAD_LEVELS,
    SHORTEST_TREND,
    measure_cocontraction,
    measure_fingers,
    measure_loads,
    measure_trends,
)
from pianokpm_ros.report.recording import RATE, Recording, Signal
from pianokpm_ros.report.timeline import write_timeline

MOST_REGIONS = 25

TREND_CAVEAT = (
    "A trend is not fatigue. What is estimated here is amplitude from the hand's pose and the keys: it can "
    'only change when the playing does. Fatigue shows in the spectrum of a measured EMG and in the force it '
    'takes, neither of which a camera sees. A piece that gets louder has a trend as well.'
)
COCONTRACTION_WORDS = (
    'How much two muscles work at the same time: twice the area below the smaller one over the area below '
    'both (Falconer and Winter, 1985), 0 to 1. 2DI and 3DI pull the middle finger opposite ways; a high value '
    'there is true co-contraction, elsewhere it may just be two fingers that play together.'
)
LIKENESS_WORDS = (
    "How alike the measured and the estimated envelopes run: r is Pearson's correlation, best r the largest within "
    '0.1 s, and its lag positive where the estimate is late, unknown where r still rises at 0.1 s. It is of this '
    'recording and this music, no score of the model.'
)
MEASURED_STYLE = (
    '.measured { stroke: #1c1e22; stroke-width: 1.1; stroke-dasharray: 4 2.5; }'
    '.key b.dashes { background: none; height: 0; border-top: 2px dashed #1c1e22; }'
)
LOAD_WORDS = (
    'Percentiles of the amplitude distribution: the 10th is called static, the 50th median and the 90th peak '
    'load (Jonsson, 1982). Fingers: mean of the muscles that spread each one.'
)


def write_page(
    recording: Recording, other: Recording | None = None, comparison: Comparison | None = None
) -> str:
    """Return the whole page as HTML that refers to nothing outside itself."""
    style = resources.files('pianokpm_ros.report').joinpath('report.css').read_text()
    if any(r is not None and r.measured is not None for r in (recording, other)):
        style += MEASURED_STYLE
    title = recording.name if other is None else f'{recording.name} and {other.name}'
    parts = [_write_head(recording, other, title)]
    if other is not None and comparison is not None:
        parts.append(_write_comparison(recording, other, comparison))
    parts += [_write_key(recording, other), write_timeline(recording, comparison)]
    for each in (recording, *([other] if other else [])):
        parts += _write_numbers(each, other is not None)
    parts.append(_write_foot(recording, other))
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(title)}: hand muscles at the piano</title><style>{style}</style></head>'
        f'<body>{"".join(parts)}</body></html>\n'
    )


def _write_head(recording: Recording, other: Recording | None, title: str) -> str:
    labels = [recording.label]
    if other is not None and other.label != recording.label:
        labels = [f'{r.name}: {r.label}' for r in (recording, other)]
    shown = ' '.join(f'<span class="label">{html.escape(label)}</span>' for label in labels)
    facts = [
        f'{recording.duration:.1f} s',
        f'{len(recording.presses)} notes' if recording.presses else 'keys not recorded',
        f'unit: {recording.unit}',
        *([f'model {recording.model}'] if recording.model else []),
    ]
    known = ', '.join(
        f'{side.label} hand {signal.known:.0%}' for side, signal in recording.signals.items()
    )
    return (
        f'<h1>{html.escape(title)}</h1><p>{shown}</p>'
        f'<p class="faint">{html.escape(" · ".join(facts))}<br>activity known: {known} of the time</p>'
    )


def _write_key(recording: Recording, other: Recording | None) -> str:
    marks = [('var(--left)', 'left hand'), ('var(--right)', 'right hand')]
    if any(np.isfinite(s.deviation).any() for s in recording.signals.values()):
        marks.append(('#cfd3d8', 'band: 1 σ'))
    if any(np.isfinite(s.confidence).any() for s in recording.signals.values()):
        marks += [('#f0e442', 'degraded estimate'), ('#eeb08c', 'hand not known')]
    if other is not None:
        marks += [
            ('#1c1e22', f'dashed: {other.name}, moved to the time of {recording.name}'),
            ('#f7df7f', 'differs by more than its deviation'),
            ('#b00020', 'note that only this one plays'),
        ]
    shown = ''.join(
        f'<span><b style="background:{c}"></b>{html.escape(w)}</span>' for c, w in marks
    )
    if other is None and recording.measured is not None and recording.measured.hands:
        shown += f'<span><b class="dashes"></b>{html.escape(_tell_scale(recording.measured, recording.unit))}</span>'
    muscles = dict.fromkeys(m for s in recording.signals.values() for m in s.muscle)
    names = [_explain(m) for m in muscles if m in MUSCLE_NAMES]
    words = f'Muscles, and the finger that each spreads. {"; ".join(names)}.'
    glossary = f'<p class="faint">{html.escape(words)}</p>' if names else ''
    return f'<h2>Timeline</h2><div class="key">{shown}</div>{glossary}'


def _tell_scale(emg: MeasuredEmg, unit: str) -> str:
    """Say what the dashed lines are, and on what scale each of them is."""
    own = [
        f'{side.label[0].upper()} {name}'
        for side, hand in emg.hands.items()
        for name, known in zip(hand.muscle, hand.mvc, strict=True)
        if not known
    ]
    count = sum(len(hand.muscle) for hand in emg.hands.values())
    known = f'of MVC, on one axis with the estimates ({unit})'
    if not own:
        return f'{emg.label}, {known}'
    every = len(own) == count
    scale = 'on its own scale, with its 99.5th percentile at 0.9 of the height'
    rest = '' if every else f'; the others {known}'
    return f'{emg.label}; {"each" if every else ", ".join(own)} {scale}{rest}'


def _write_measured(recording: Recording, name: str) -> list[str]:
    emg = recording.measured
    if emg is None:
        return []
    head = f'<h2>Measured beside estimated{html.escape(name)}</h2>'
    if not emg.hands:
        return [f'{head}<p class="faint">{html.escape(emg.words)}</p>']
    words = f'{emg.label[0].upper()}{emg.label[1:]}. {emg.words} {LIKENESS_WORDS}'
    tables = [_write_likeness(recording, side) for side in emg.hands if side in recording.signals]
    return [f'{head}<p class="faint">{html.escape(words)}</p>', _grid(tables)]


def _write_likeness(recording: Recording, side: Side) -> str:
    signal, hand = recording.signals[side], recording.measured.hands[side]
    found = measure_likeness(hand, recording.measured.counted, signal.muscle, signal.value, RATE)
    rows = [
        [
            _cell(html.escape(a.muscle)),
            _cell('MVC' if known else 'own'),
            _cell(_number(a.r, '.2f')),
            _cell(_number(a.r_max, '.2f')),
            _cell(_number(1000 * a.lag, '+.0f')),
            _cell(f'{a.seconds:.0f}'),
        ]
        for a, known in zip(found, hand.mvc, strict=True)
    ]
    return _table(side, ['muscle', 'scale', 'r', 'best r', 'lag [ms]', 'known [s]'], rows)


def _explain(muscle: str) -> str:
    finger = MUSCLE_FINGER.get(muscle)
    return f'{muscle}: {MUSCLE_NAMES[muscle]}' + (f' ({finger})' if finger else '')


def _write_numbers(recording: Recording, named: bool) -> list[str]:
    name = f' of {recording.name}' if named else ''
    parts = _write_measured(recording, name)
    parts += [f'<h2>Load{html.escape(name)}</h2><p class="faint">{LOAD_WORDS}</p>']
    parts.append(_grid(_write_loads(s) for s in recording.signals.values()))
    parts.append(f'<h2>Co-contraction{html.escape(name)}</h2>')
    parts.append(f'<p class="faint">{COCONTRACTION_WORDS}</p>')
    parts.append(_grid(_write_cocontraction(s) for s in recording.signals.values()))
    parts.append(f'<h2>Trend{html.escape(name)}</h2><p class="caveat">{TREND_CAVEAT}</p>')
    trends = [_write_trends(s) for s in recording.signals.values()]
    if any(trends):
        parts.append(_grid(trends))
    else:
        parts.append(
            f'<p>No trend is told: this takes {SHORTEST_TREND:.0f} s in which the hand is known, and '
            f'there are {recording.duration:.0f} s in all.</p>'
        )
    return parts


def _grid(tables: Iterable[str]) -> str:
    return f'<div class="tables">{"".join(t for t in tables if t)}</div>'


def _table(side: Side, head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = '') -> str:
    columns = ''.join(f'<th>{h}</th>' for h in head)
    body = ''.join(f'<tr>{"".join(row)}</tr>' for row in rows)
    return (
        f'<div class="table {side.label}"><h3 class="hand">{side.label} hand</h3>'
        f'<table class="{kind}"><tr>{columns}</tr>{body}</table></div>'
    )


def _cell(text: str, kind: str = '') -> str:
    return f'<td class="{kind}">{text}</td>' if kind else f'<td>{text}</td>'


def _number(value: float, form: str = '.3f') -> str:
    return format(value, form) if np.isfinite(value) else 'unknown'


def _bar(value: float, top: float) -> str:
    part = min(value / top, 1.0) if np.isfinite(value) and top > 0 else 0.0
    return f'<td class="bar"><i style="width:{100 * part:.1f}%"></i></td>'


def _write_loads(signal: Signal) -> str:
    loads = measure_loads(signal)
    fingers = measure_fingers(loads)
    peaks = [a.levels[-1] for a in loads if np.isfinite(a.levels[-1])]
    top = max(peaks, default=1.0)
    rows = [
        [
            f'<td title="{html.escape(MUSCLE_NAMES.get(a.muscle, a.muscle))}">'
            f'{html.escape(a.muscle)}</td>',
            _cell(_number(a.mean)),
            *(_cell(_number(v)) for v in a.levels),
            _bar(a.mean, top),
        ]
        for a in loads
    ]
    table = _table(signal.side, ['muscle', 'mean', *(f'P{p}' for p in LOAD_LEVELS), ''], rows)
    finger_rows = [[_cell(n), _cell(_number(v)), _bar(v, top)] for n, v in fingers.items()]
    return f'<div>{table}{_table(signal.side, ["finger", "mean", ""], finger_rows)}</div>'


def _write_cocontraction(signal: Signal) -> str:
    index = measure_cocontraction(signal)

    def heat(i: int, j: int) -> str:
        if j >= i:
            return '<td></td>'
        value = index[i, j]
        part = value if np.isfinite(value) else 0.0
        return (
            f'<td class="heat" style="background:rgba(99,103,110,{0.6 * part:.2f})">'
            f'{_number(value, ".2f")}</td>'
        )

    names = [html.escape(m) for m in signal.muscle]
    count = len(names)
    rows = [[_cell(names[i]), *(heat(i, j) for j in range(count - 1))] for i in range(1, count)]
    return _table(signal.side, ['', *names[:-1]], rows)


def _write_trends(signal: Signal) -> str:
    rows = [
        [
            _cell(html.escape(t.muscle)),
            _cell(f'{100 * t.slope:+.1f}'),
            _cell(f'{100 * t.low:+.1f} to {100 * t.high:+.1f}'),
        ]
        for t in measure_trends(signal)
    ]
    return _table(signal.side, ['muscle', '% per minute', '95 % interval'], rows) if rows else ''


def _write_comparison(first: Recording, second: Recording, comparison: Comparison) -> str:
    a = comparison.alignment
    total = len(a.matched) + len(a.missing)
    tempo = float(np.nanmedian(comparison.tempo)) if len(comparison.tempo) else float('nan')
    names = html.escape(first.name), html.escape(second.name)
    facts = [
        f'{len(a.matched)} of {total} chords of {names[0]} are found in {names[1]}'
        f' ({len(a.missing)} are not; {names[1]} has {len(a.extra)} more).',
        f'Between chords {names[1]} takes {tempo:.2f} times as long (median).',
    ]
    words = (
        f"Aligned chord by chord, so that tempo doesn't count. Told is what lasts, is larger than {LEAST:g}, "
        f'and exceeds {SIGMAS:g} σ of the difference where deviations are known.'
    )
    doubts = ''.join(
        f'<p class="caveat">{html.escape(w)}</p>' for w in _find_doubts(first, second, comparison)
    )
    shown = comparison.regions[:MOST_REGIONS]
    table = ''
    if shown:
        head = ''.join(
            f'<th>{h}</th>' for h in ('where', 'muscle', 'notes', f'{names[1]} − {names[0]}')
        )
        rows = ''.join(f'<tr class="{r.side.label}">{_write_region(r)}</tr>' for r in shown)
        left = len(comparison.regions) - len(shown)
        more = f'<p class="faint">and {left} smaller ones</p>' if left else ''
        table = f'<div class="table"><table class="list"><tr>{head}</tr>{rows}</table></div>{more}'
    elif comparison.hands:
        table = '<p><b>No muscle differs by more than its deviation anywhere.</b></p>'
    return f'<h2>Where they differ</h2><p>{" ".join(facts)}</p><p class="faint">{words}</p>{doubts}{table}'


def _find_doubts(first: Recording, second: Recording, comparison: Comparison) -> Iterator[str]:
    """Yield what keeps two performances from being compared, or makes a difference mean something else."""
    for side in sorted({*first.signals, *second.signals} - set(comparison.hands)):
        yield (
            f'The {side.label} hand is not compared: that takes both performances to know it, with the same muscles.'
        )
    if first.unit != second.unit:
        yield (
            f'They have different units: {first.name} {first.unit}, {second.name} {second.unit}. What is told as a '
            'difference may be one of scale.'
        )
    if first.model and second.model and first.model != second.model:
        yield (
            f'They are estimated by different models: {first.name} by {first.model}, {second.name} by '
            f'{second.model}. What is told as a difference may be one of the models.'
        )


def _write_region(region: Region) -> str:
    notes = ' '.join('+'.join(name_key(k) for k in sorted(c.keys)) for c in region.chords[:6])
    notes += ' …' if len(region.chords) > 6 else ''
    sigma = f' ± {region.deviation:.2f}' if np.isfinite(region.deviation) else ''
    muscle = f'<span class="hand">{region.side.label} {html.escape(region.muscle)}</span>'
    return (
        f'<td>{region.start:.1f} to {region.end:.1f} s</td><td>{muscle}</td><td>{notes}</td>'
        f'<td class="number">{region.difference:+.2f}{sigma}</td>'
    )


def _write_foot(recording: Recording, other: Recording | None) -> str:
    models = dict.fromkeys(r.model for r in (recording, *([other] if other else [])) if r.model)
    words = 'Made by pianokpm. An estimate from camera views is not a measurement of any muscle, '
    words += 'and not for diagnosis.'
    shown = f' Models: {", ".join(models)}.' if models else ''
    return f'<footer class="faint">{words}{html.escape(shown)}</footer>'
