"""Write what was scored: Markdown to read, CSV and JSON to go on with, figures to see.

The interval behind a mean is the 95 % bootstrap interval over persons.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pianokpm_training.baselines.published import Published
from pianokpm_training.evaluation.estimators import OURS, Ceiling
from pianokpm_training.evaluation.scores import COVERED, PER_MUSCLE, WHOLE

from pianokpm_ros.anatomy import MUSCLES

CEILING, PUBLISHED = Ceiling.name, Published.name
ROLES = {
    'test_users': 'persons never seen',
    'test_tasks': 'tasks never seen',
    'test': 'persons and tasks seen, other recordings',
}
HEARD = {'none': 'pose only', 'midi': 'pose and MIDI', 'recorded': 'pose and keys'}
Summary = dict[str, Any]
LITTLE_SAID = 90.0
"""Whoever says something of a smaller part of the samples is named below the table [%]."""


def write_scores(folder: Path, rows: Sequence[Summary], about: dict[str, Any]) -> list[str]:
    """Write `scores.json`, `scores.csv` and `scores.md`; returns the Markdown lines."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = make_tables(rows, about)
    content = {'about': about, 'rows': list(rows), 'tables': lines}
    (folder / 'scores.json').write_text(json.dumps(_plain(content), indent=1) + '\n')
    (folder / 'scores.md').write_text('\n'.join(lines) + '\n')
    _write_csv(folder / 'scores.csv', rows)
    return lines


def _plain(value: Any) -> Any:
    """Bring values into JSON, which has no NaN: unknown is null."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and value != value else value


def make_tables(rows: Sequence[Summary], about: dict[str, Any]) -> list[str]:
    """Make a table for each role and each way of hearing keys, and one by muscle."""
    lines: list[str] = []
    for role, keys in dict.fromkeys((r['role'], r['keys']) for r in rows):
        group = [r for r in rows if (r['role'], r['keys']) == (role, keys)]
        lines += [
            f'### {ROLES.get(role, role)} (`{role}`), {HEARD.get(keys, keys)}',
            f'{_count(group[0]["persons"], "person")}, {_count(group[0]["takes"], "recording")} of one hand.',
            '',
            *_table(group),
            '',
            *_gaps(group),
        ]
    lines += _muscle_table(rows, about) + _outside_table(about)
    return lines + _published_table(rows, about) + _notes(about)


def _count(number: int, what: str) -> str:
    return f'{number} {what}' if number == 1 else f'{number} {what}s'


def _table(group: Sequence[Summary]) -> list[str]:
    head = [
        '',
        'RMSE',
        'against PianoKPM Net',
        'NRMSE',
        'r',
        'of ceiling',
        'onset F1',
        'of ceiling',
    ]
    head += ['lag [ms]', 'OTD', 'in 50 %', 'in 80 %', 'in 95 %']
    ceiling = next((r for r in group if r['name'] == CEILING), None)
    published = next((r for r in group if r['name'] == PUBLISHED), None)
    rows = [_cells(r, ceiling, published) for r in group]
    return [_row(head), _row(['---'] * len(head)), *(_row(r) for r in rows)]


def _gaps(group: Sequence[Summary]) -> list[str]:
    """Name who was silent for much of the time: scores count only where something was said."""
    lines = []
    for row in group:
        said = 100 * row['said']['mean']
        if said < LITTLE_SAID:
            lines += [
                f'{label(row)}: scored on {said:.0f} % of the samples; of the rest it said nothing.',
                '',
            ]
    return lines


def _cells(row: Summary, ceiling: Summary | None, published: Summary | None) -> list[str]:
    return [
        label(row),
        _interval(row, 'pooled_rmse'),
        _percent(row, published, 'pooled_rmse'),
        _number(row, 'nrmse'),
        _interval(row, 'r'),
        _part(row, ceiling, 'r'),
        _number(row, 'f1'),
        _part(row, ceiling, 'f1'),
        _lag(row),
        _number(row, 'otd'),
        *(_number(row, name) for name in COVERED),
    ]


def label(row: Summary) -> str:
    """Name an estimator with its look-ahead, where it has a choice."""
    return f'{row["name"]}, {1e3 * row["lookahead"]:.0f} ms' if is_ours(row) else row['name']


def is_ours(row: Summary) -> bool:
    """Tell whether a row is of a model of this project: these have look-aheads to choose from."""
    return row['name'].startswith(OURS) and row['lookahead'] is not None


def _row(cells: Sequence[str]) -> str:
    return '| ' + ' | '.join(cells) + ' |'


def _say(value: float, form: str) -> str:
    """Write a number, or a dash where nobody knows it."""
    return format(value, form) if value == value else '-'


def _number(row: Summary, metric: str) -> str:
    return _say(row[metric]['mean'], '.3f') if metric in row else '-'


def _lag(row: Summary) -> str:
    return _say(1e3 * row['lag']['mean'], '+.0f')


def _interval(row: Summary, metric: str) -> str:
    value = row[metric]
    if value['mean'] != value['mean']:
        return '-'
    if value['low'] != value['low']:
        return f'{value["mean"]:.3f}'
    return f'{value["mean"]:.3f} ({value["low"]:.3f} to {value["high"]:.3f})'


def _part(row: Summary, whole: Summary | None, metric: str) -> str:
    if whole is None or row is whole:
        return '-'
    return _say(_ratio(row, whole, metric), '.2f')


def _percent(row: Summary, other: Summary | None, metric: str) -> str:
    if other is None or row is other:
        return '-'
    more = _say(100 * (_ratio(row, other, metric) - 1), '+.0f')
    return more if more == '-' else f'{more} %'


def _ratio(row: Summary, other: Summary, metric: str) -> float:
    """Divide two scores; NaN where there is nothing to compare with."""
    whole = other[metric]['mean']
    return row[metric]['mean'] / whole if whole else float('nan')


def _muscle_table(rows: Sequence[Summary], about: dict[str, Any]) -> list[str]:
    chosen = [
        r for r in rows if r['name'] == CEILING or (is_ours(r) and r['lookahead'] == about['main'])
    ]
    if not chosen:
        return []
    lines = [f'### By muscle: r, and RMSE in parts of {about["unit"]}', '', _row(['', *MUSCLES])]
    lines.append(_row(['---'] * (len(MUSCLES) + 1)))
    for row in chosen:
        cells = [
            ', '.join(_say(row[metric]['by_muscle'][m], '.3f') for metric in ('r', 'rmse'))
            for m in MUSCLES
        ]
        place = f'{label(row)}, `{row["role"]}`, {HEARD.get(row["keys"], row["keys"])}'
        lines.append(_row([place, *cells]))
    return [*lines, '']


def _published_table(rows: Sequence[Summary], about: dict[str, Any]) -> list[str]:
    """Make a table of what can be held against the published scores, where the data are those."""
    published = about.get('published')
    if not published:
        return []
    roles = [r for r in dict.fromkeys(r['role'] for r in rows) if r in published]
    heard = list(dict.fromkeys(r['keys'] for r in rows))
    lines = [
        '### As published: RMSE, the mean of all recordings',
        'In the units of the release, -1 to 1. The published network always had the keys.',
        '',
        _row(['', *(ROLES.get(r, r) for r in roles)]),
        _row(['---'] * (len(roles) + 1)),
        _row(['PianoKPM Net, published', *(f'{published[r]:.3f}' for r in roles)]),
    ]
    for name, keys in dict.fromkeys((label(r), r['keys']) for r in rows):
        found = {r['role']: r for r in rows if (label(r), r['keys']) == (name, keys)}
        cells = [_say(found[r]['rmse_over_takes'], '.3f') if r in found else '-' for r in roles]
        words = f'{name}, {HEARD.get(keys, keys)}' if len(heard) > 1 else name
        lines.append(_row([words, *cells]))
    return [*lines, '']


def _outside_table(about: dict[str, Any]) -> list[str]:
    if not about.get('outside'):
        return []
    lines = [
        '### Hands from outside',
        'Playing hands of the test recordings, bent into others.',
        '',
        _row(['hand', 'median confidence', 'part DEGRADED']),
        _row(['---'] * 3),
    ]
    for name, found in about['outside'].items():
        lines.append(_row([name, f'{found["confidence"]:.2f}', f'{found["degraded"]:.2f}']))
    return [*lines, '']


def _notes(about: dict[str, Any]) -> list[str]:
    return [*(f'* {note}' for note in about.get('notes', [])), '']


def _write_csv(path: Path, rows: Sequence[Summary]) -> None:
    with path.open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(
            ['role', 'keys', 'estimator', 'lookahead', 'metric', 'muscle', 'mean', 'low', 'high']
        )
        for row in rows:
            place = [row['role'], row['keys'], row['name'], row['lookahead']]
            for metric in (*WHOLE, *PER_MUSCLE, *COVERED):
                found = row.get(metric)
                if found is None:
                    continue
                writer.writerow(
                    [*place, metric, 'all', found['mean'], found['low'], found['high']]
                )
                for muscle, value in (found['by_muscle'] or {}).items():
                    writer.writerow([*place, metric, muscle, value, '', ''])
