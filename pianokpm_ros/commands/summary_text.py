"""Print the summary of a run without ROS."""

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

Summary = dict[str, Any]


def print_summary(console: Console, summary: Summary, folder: str) -> None:
    """Print what was estimated, how good it is, how long it took and where it is."""
    console.print(f'\n{summary["name"]}  ({_describe(summary)})', style='bold')
    console.print(_views(summary))
    console.print(summary['in_sight_method'], style='dim')
    console.print(_hands(summary))
    if 'landmark_error_against_simulation' in summary:
        console.print(compare_with_simulation(summary))
    console.print(_times(summary))
    for warning in _warnings(summary):
        console.print(warning, style='yellow')
    console.print(f'\nIn {folder}:', style='bold', soft_wrap=True)
    for name in summary['files']:
        console.print(f'  {name}')


def _describe(summary: Summary) -> str:
    estimate = summary['estimate']
    parts = [
        summary['source'],
        f'{summary["duration_s"]:.2f} s',
        'calibrated' if summary['calibrated'] else 'one view, no calibration: depth is a guess',
        f'keys from {summary["keys"]}' if summary['keys'] else 'no keys',
        f'model {estimate["model_id"]}: {estimate["what"]}' if estimate else 'poses only',
    ]
    return ', '.join(parts)


def number(value: float | None, digits: int = 1, unit: str = '') -> str:
    """Write a number, or a dash where it is unknown."""
    if value is None or not math.isfinite(value):
        return '–'
    return f'{value:.{digits}f}{unit}'


def percent(value: float | None) -> str:
    """Write a part as per cent."""
    return number(None if value is None else 100 * value, 1, ' %')


def _views(summary: Summary) -> Table:
    table = Table(title='Hands in the views: found of in sight', title_justify='left')
    table.add_column('view')
    for name in ('frames', 'frames/s', '0/1/2 hands', 'left', 'right'):
        table.add_column(name, justify='right')
    for name, view in summary['views'].items():
        counts = '/'.join(
            str(view[f'frames_{w}']) for w in ('without_hand', 'with_one_hand', 'with_two_hands')
        )
        sides = [
            f'{s["found"]}/{s["in_sight"]} {percent(s["share"])}' if s['in_sight'] else '–'
            for s in view['sides'].values()
        ]
        rate = number(summary['frame_rate_hz'].get(name))
        table.add_row(name, str(view['frames']), rate, counts, *sides)
    return table


def _shares(shares: dict[str, float]) -> str:
    shown = [f'{name} {percent(part)}' for name, part in reversed(shares.items()) if part]
    return '\n'.join(shown) or '–'


def _hands(summary: Summary) -> Table:
    table = Table(title='Hands in space and their muscles', title_justify='left')
    table.add_column('')
    for side in summary['hands']:
        table.add_column(side, justify='right')
    hands = summary['hands'].values()
    pixel = [h['reprojection_error_px'] for h in hands]
    bone = [h['bone_length_variation'] for h in hands]
    table.add_row('poses', *(_shares(h['pose_status']) for h in hands))
    table.add_row(
        'reprojection, median / p90',
        *(f'{number(p["median"], 2)} / {number(p["p90"], 2, " px")}' for p in pixel),
    )
    table.add_row(
        'bone length CV, median / worst',
        *(f'{percent(b["median"])} / {percent(b["largest"])}' for b in bone),
    )
    table.add_row('estimates', *(_shares(h['estimate_status']) for h in hands))
    table.add_row('estimates a second', *(number(v) for v in summary['estimate_rate_hz'].values()))
    return table


def compare_with_simulation(
    summary: Summary, status: Mapping[str, Mapping[str, float]] | None = None
) -> Table:
    """Return the table of errors against a simulated take.

    Args:
        summary: has `landmark_error_against_simulation` and `estimate_against_simulation`.
        status: parts of each hand's estimates by status, to tell how many of them can be used.
    """
    table = Table(title='Against the simulation (not a person)', title_justify='left')
    errors = summary['landmark_error_against_simulation']
    scores = summary['estimate_against_simulation']
    sides = list(dict.fromkeys([*errors, *scores]))
    table.add_column('')
    for side in sides:
        table.add_column(f'{side} hand', justify='right')
    if status is not None:
        table.add_row('usable estimates', *(_usable(status[side]) for side in sides))
    table.add_row('landmarks, median / p90', *(_error(errors.get(side)) for side in sides))
    for muscle in next(iter(scores.values()), {}).get('correlation', {}):
        table.add_row(muscle, *(_score(scores.get(side), muscle) for side in sides))
    return table


def _usable(shares: Mapping[str, float]) -> str:
    return percent(sum(shares.get(name, 0.0) for name in ('OK', 'DEGRADED')))


def _error(error: Mapping[str, float] | None) -> str:
    if error is None:
        return '–'
    return f'{number(error["median_mm"])} / {number(error["p90_mm"], 1, " mm")}'


def _score(score: Mapping[str, Any] | None, muscle: str) -> str:
    if score is None:
        return '–'
    r, rmse = score['correlation'][muscle], score['rmse'][muscle]
    return f'r {number(r, 2)}, RMSE {number(rmse, 3)}'


def _times(summary: Summary) -> str:
    time = summary['time']
    stages = ', '.join(
        f'{name} {stage["total_s"]:.1f} s ({stage["mean_ms"]:.1f} ms each)'
        for name, stage in time['stages'].items()
    )
    return (
        f'Time: {stages}, draw {time["drawing_s"]:.1f} s; {time["total_s"]:.1f} s in all. Estimating ran '
        f'at {time["estimate_speed"]:.2f} x real time; stages overlap.'
    )


def _warnings(summary: Summary) -> list[str]:
    warnings = [
        f'The video of {name} broke off; what could be read was used.'
        for name in summary['truncated_videos']
    ]
    if not any(v['frames'] - v['frames_without_hand'] for v in summary['views'].values()):
        warnings.append(
            'No hand was found in any frame: check that hands are in the picture and lit.'
        )
    if summary['keys'] and not summary['keys_placed']:
        warnings.append(
            'The keys were not used: the rig does not know where they are; run pianokpm calibrate --played with this '
            'result, or name corners of keys (docs/cameras.md).'
        )
    return warnings
