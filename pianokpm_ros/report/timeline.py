"""The timeline of a report, in systems like those of a score: keys, muscles of both hands, confidence."""

import html
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.anatomy import MUSCLE_NAMES, Side, Status
from pianokpm_ros.keyboard.key_presses import KeyPress
from pianokpm_ros.keyboard.layout import name_key
from pianokpm_ros.report.charts import (
    draw_band,
    draw_lanes,
    draw_line,
    draw_roll,
    draw_spans,
    draw_svg,
)
from pianokpm_ros.report.comparison import Comparison
from pianokpm_ros.report.recording import RATE, Recording, Signal
from pianokpm_ros.stretches import find_stretches
from pianokpm_ros.view.piano_roll import choose_keys

FloatArray = NDArray[np.floating]

SYSTEM = 12.0
"""How much time one line shows [s]: on a phone a finger's stroke of 0.1 s is then still 3 px wide."""

HIGH = 0.9
"""Where the scale of a measured signal stands whose maximum nobody knows, in parts of a row's height."""

MOST_POINTS = 12_000
"""Of one curve over the whole recording; longer recordings are drawn coarser, so that the file stays small."""


def find_top(signals: Sequence[Signal]) -> float:
    """Return one upper end of the scale for all muscles, so that they can be compared by eye."""
    values = np.concatenate([s.value.ravel() for s in signals]) if signals else np.zeros(0)
    known = values[np.isfinite(values)]
    return max(0.05, 1.05 * float(known.max())) if known.size else 1.0


def write_timeline(recording: Recording, comparison: Comparison | None = None) -> str:
    """Return all systems of a recording; with a comparison, the other performance is drawn over it."""
    signals = list(recording.signals.values())
    if comparison is not None:
        signals += [h.second for h in comparison.hands.values()]
    top = find_top(signals)
    if comparison is None:
        top = max(top, _find_measured_top(recording))
    count = max(1, round(recording.duration / SYSTEM + 0.3))
    width = recording.duration / count
    return ''.join(
        _write_system(recording, comparison, i * width, (i + 1) * width, top) for i in range(count)
    )


def _find_measured_top(recording: Recording) -> float:
    """Return the largest value that was measured on the scale of the estimates, contractions on purpose left out."""
    emg = recording.measured
    shown = [h.value[np.ix_(emg.counted, h.mvc)] for h in emg.hands.values()] if emg else []
    values = np.concatenate([v[np.isfinite(v)] for v in shown]) if shown else np.zeros(0)
    return 1.05 * float(values.max()) if values.size else 0.0


def _write_system(
    recording: Recording, comparison: Comparison | None, start: float, end: float, top: float
) -> str:
    rows = []
    if recording.presses:
        rows.append(_write_roll(recording, comparison, start, end))
    for side, signal in recording.signals.items():
        rows += [
            _write_muscle(recording, comparison, side, i, (start, end), top)
            for i in range(len(signal.muscle))
        ]
        if np.isfinite(signal.confidence).any():
            rows.append(_write_trust(signal, start, end))
    return f'<div class="system">{"".join(rows)}{_write_axis(start, end)}</div>'


def _write_roll(
    recording: Recording, comparison: Comparison | None, start: float, end: float
) -> str:
    keys = choose_keys(recording.presses)
    origin = recording.origin
    only = _keys_only_here(recording, comparison)
    shown = [
        p
        for p in recording.presses
        if recording.seconds(p.end) > start and recording.seconds(p.start) < end
    ]
    content = [
        draw_lanes(start, end, keys),
        draw_roll([p for p in shown if p not in only], origin, keys),
        draw_roll([p for p in shown if p in only], origin, keys, 'note only'),
    ]
    octaves = ', '.join(name_key(k) for k in range(keys[0], keys[1] + 1) if k % 12 == 0)
    head = f'<span class="name">keys</span><span class="scale">lines below {octaves}</span>'
    return (
        f'<div class="row roll">{head}{draw_svg(start, end, content, "roll", "piano roll")}</div>'
    )


def _keys_only_here(recording: Recording, comparison: Comparison | None) -> set[KeyPress]:
    if comparison is None:
        return set()
    times = np.array([c.start for c in comparison.alignment.missing])
    missing = [c.keys for c in comparison.alignment.missing]
    found = set()
    for press in recording.presses:
        near = np.flatnonzero(np.abs(times - recording.seconds(press.start)) < 0.3)
        if any(press.key in missing[i] for i in near):
            found.add(press)
    return found


def _write_muscle(
    recording: Recording,
    comparison: Comparison | None,
    side: Side,
    index: int,
    span: tuple[float, float],
    top: float,
) -> str:
    signal = recording.signals[side]
    name = signal.muscle[index]
    content = []
    if comparison is not None:
        content.append(draw_spans(_find_differing(comparison, side, name, span), 'differs'))
    content += _draw_signal(signal, index, span, top, ('band', 'curve'))
    if comparison is not None and side in comparison.hands:
        other = comparison.hands[side].second
        content += _draw_signal(other, index, span, top, ('otherband', 'other'))
    if comparison is None:
        content += _draw_measured(recording, side, name, span, top)
    title = f'{side.label} {MUSCLE_NAMES.get(name, name)}'
    head = f'<span class="name">{side.label[0].upper()} {html.escape(name)}</span>'
    head += f'<span class="scale">{top:.2f}</span>' if index == 0 else ''
    return f'<div class="row {side.label}">{head}{draw_svg(*span, content, "muscle", title)}</div>'


def _find_differing(
    comparison: Comparison, side: Side, muscle: str, span: tuple[float, float]
) -> list[tuple[float, float]]:
    """List the stretches of a row in which the muscle differs between the takes [s]."""
    return [
        (r.start, r.end)
        for r in comparison.regions
        if (r.side, r.muscle) == (side, muscle) and r.end > span[0] and r.start < span[1]
    ]


def _draw_measured(
    recording: Recording, side: Side, muscle: str, span: tuple[float, float], top: float
) -> list[str]:
    """Draw what an electrode gave, on the scale of the estimates or on its own."""
    hand = recording.measured.hands.get(side) if recording.measured else None
    if hand is None or muscle not in hand.muscle:
        return []
    m = hand.muscle.index(muscle)
    full = top if hand.mvc[m] else 1 / HIGH
    ticks = _choose_ticks(len(hand.value), span)
    times = np.arange(len(hand.value))[ticks] / RATE
    return [draw_line(times, hand.value[ticks, m], full, 'measured')]


def _choose_ticks(count: int, span: tuple[float, float]) -> slice:
    """Return the ticks to draw of a stretch [s], out of all that there are."""
    stride = max(2, -(-count // MOST_POINTS))
    first = max(0, int(span[0] * RATE) - stride)
    return slice(first - first % stride, int(span[1] * RATE) + stride + 1, stride)


def _draw_signal(
    signal: Signal, index: int, span: tuple[float, float], top: float, kinds: tuple[str, str]
) -> list[str]:
    ticks = _choose_ticks(len(signal.value), span)
    times = np.arange(len(signal.value))[ticks] / RATE
    value, deviation = signal.value[ticks, index], signal.deviation[ticks, index]
    return [
        draw_band(times, np.maximum(value - deviation, 0), value + deviation, top, kinds[0]),
        draw_line(times, value, top, kinds[1]),
    ]


def _write_trust(signal: Signal, start: float, end: float) -> str:
    first, last = int(start * RATE), min(int(end * RATE) + 1, len(signal.status))
    status = signal.status[first:last]
    times = np.arange(first, last) / RATE
    content = [
        draw_spans(_spans(status == Status.DEGRADED, start), 'degraded'),
        draw_spans(_spans(status < Status.DEGRADED, start), 'lost'),
        draw_line(times[::4], signal.confidence[first:last:4], 1.05, 'confidence'),
    ]
    head = f'<span class="name">{signal.side.label[0].upper()} confidence</span>'
    title = f'{signal.side.label} hand: confidence'
    return (
        f'<div class="row trust {signal.side.label}">{head}'
        f'{draw_svg(start, end, content, "trust", title)}</div>'
    )


def _spans(where: NDArray[np.bool_], start: float) -> list[tuple[float, float]]:
    return [(start + a / RATE, start + b / RATE) for a, b in find_stretches(where)]


def _write_axis(start: float, end: float) -> str:
    step = next(s for s in (0.5, 1, 2, 5, 10, 30) if (end - start) / s <= 7)
    last = end - 0.1 * (end - start)  # leaves room for the words at the end
    marks = np.arange(np.ceil(start / step) * step, last, step)
    shown = ''.join(
        f'<span style="left:{100 * (m - start) / (end - start):.2f}%">{m:g}</span>' for m in marks
    )
    return f'<div class="axis">{shown}<span style="left:100%">{end:.1f} s</span></div>'
