"""Put the report's tables, figures and words on one self-contained page."""

import base64
import html
from collections.abc import Iterable
from importlib import resources

import numpy as np
from pianokpm_training.simulation.report import figures, strip, tables
from pianokpm_training.simulation.report.gather import Findings
from pianokpm_training.simulation.report.words import PUBLISHED, UNREALISTIC
from pianokpm_training.simulation.results import LABEL
from pianokpm_training.simulation.take import SimulatedTake

from pianokpm_ros.anatomy import Side

STRIPS = {'scales': 'A thumb passes under', 'chords': 'A chord', 'trills': 'A trill'}
DRAWN = ('scales', 'chords', 'pieces')


def write_page(found: Findings, all_tables: Iterable[tables.Table]) -> str:
    """Return the page as HTML that refers to nothing outside itself."""
    style = resources.files('pianokpm_ros.report').joinpath('report.css').read_text()
    style += 'img { max-width: 100%; } td:first-child { white-space: normal; }'
    player, torque, saturation, strike, emg, ceiling, variant = map(_table, all_tables)
    strikes = np.concatenate([m.strikes for m in found.measures])
    hands = [h for t in found.takes().values() for h in t.hands.values() if h.plan.notes]
    parts = [
        _head(found),
        '<h2>What it looks like</h2>',
        *_strips(found),
        *_takes(found),
        '<h2>The player</h2>',
        player,
        '<h2>Torques</h2>',
        _image(figures.draw_torques(found.measures)),
        torque,
        _beside('arms'),
        '<h2>Activations</h2>',
        saturation,
        _image(figures.draw_levels(found.by_task())),
        _beside('tempo'),
        '<h2>Strokes</h2>',
        strike,
        _image(figures.draw_strikes(strikes)),
        _beside('velocity'),
        _image(figures.draw_bursts(tables.join_windows(found))),
        _beside('delay', 'burst'),
        '<h2>EMG</h2>',
        emg,
        _image(figures.draw_spectra(hands)),
        _beside('frequency'),
        '<h2>How well an envelope can be predicted at all</h2>',
        ceiling,
        _beside('ceiling'),
        '<h2>Which conclusions depend on the model</h2>',
        variant,
        '<h2>What is not realistic</h2><ul>',
        *(f'<li>{html.escape(w)}</li>' for w in UNREALISTIC),
        '</ul>',
    ]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<title>How plausible the virtual pianists are</title>'
        f'<style>{style}</style></head><body>{"".join(parts)}</body></html>\n'
    )


def _head(found: Findings) -> str:
    order = found.order
    people = len({j.job.person for j in found.jobs})
    facts = (
        f'{len(found.jobs)} takes of {order.seconds / order.trials:.0f} s: {people} people x '
        f'{len(order.tasks)} tasks, seed {order.seed}'
    )
    return (
        '<h1>How plausible the virtual pianists are</h1>'
        f'<p><span class="label">{html.escape(LABEL)}</span></p>'
        f'<p class="faint">{facts}. Published figures stand beside ours where there are any.</p>'
    )


def _table(table: tables.Table) -> str:
    head = ''.join(f'<th>{html.escape(c)}</th>' for c in table.header)
    body = ''.join(
        '<tr>' + ''.join(f'<td>{html.escape(c)}</td>' for c in row) + '</tr>' for row in table.rows
    )
    return (
        f'<div class="table"><h3>{html.escape(table.title)}</h3>'
        f'<table><tr>{head}</tr>{body}</table></div>'
    )


def _beside(*topics: str) -> str:
    return ''.join(
        f'<p class="caveat">Published: {html.escape(PUBLISHED[t])}.</p>' for t in topics
    )


def _image(content: bytes) -> str:
    return f'<img src="data:image/png;base64,{base64.b64encode(content).decode()}" alt="">'


def _strips(found: Findings) -> list[str]:
    parts = []
    for task, take in found.takes().items():
        start = find_moment(take, task)
        if task not in STRIPS or start is None:
            continue
        picture = strip.draw_strip(take, Side.RIGHT, start)
        if picture is None:
            return [
                '<p>No film strip: the renderer needs numba, see requirements/training.txt.</p>'
            ]
        parts += [f'<h3>{STRIPS[task]}: right hand from beside and above</h3>', _image(picture)]
    return parts


def find_moment(take: SimulatedTake, task: str) -> float | None:
    """Find where a strip begins: a thumb that comes after another finger in scales, else the second note [s]."""
    notes = take.hands[Side.RIGHT].plan.notes
    if len(notes) < 3:
        return None
    chosen = notes[1]
    if task == 'scales':
        passes = (b for a, b in zip(notes, notes[1:], strict=False)
                  if b.finger == 1 and a.finger in (3, 4) and b.key > a.key)  # fmt: skip
        chosen = next(passes, chosen)
    return chosen.onset - strip.STEP * strip.COUNT / 2


def _takes(found: Findings) -> list[str]:
    parts = []
    for task, take in found.takes().items():
        hand = take.hands[Side.RIGHT]
        if task in DRAWN and hand.plan.notes:
            parts.append(_image(figures.draw_take(hand, f'{task}, right hand')))
    return parts
