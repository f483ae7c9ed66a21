"""Print what the demo found and where to look."""

from typing import Any

from rich.console import Console
from rich.table import Table

from pianokpm_ros.commands.summary_text import number, percent

WORDS = {
    'activity.png': "plot: six muscles a hand with deviation, keys, and the simulation's truth",
    'bag': 'MCAP bag of the whole graph, made by recorder_node (ros2 bag reads it)',
    'mosaic.mp4': 'video: all views with hands, muscle bars, curves and keys',
    'summary.json': 'all numbers',
}


def print_result(console: Console, summary: dict[str, Any], folder: str) -> None:
    """Print the tables and the files."""
    console.print()
    console.print(_topics(summary))
    console.print(_delays(summary))
    console.print(_truth(summary))
    console.print(
        'Measured: rates, delays, counts and the error of the landmarks, on this machine. Simulated: the '
        'video, the hand in it, the keys, and the EMG that estimates are compared with; the model learned '
        'from simulated EMG. Nothing here was measured on a person.'
    )
    console.print(f'\nLook at, in {folder}:', style='bold')
    for name in summary['files']:
        console.print(f'  {name:<14} {WORDS.get(name, "")}')
    console.print(
        f'In three dimensions, in a browser: "pianokpm view {folder}"; live: '
        '"pianokpm demo --view". On paper: '
        f'"pianokpm report {folder}".'
    )


def _topics(summary: dict[str, Any]) -> Table:
    rate = summary['playback_rate']
    speed = 'in real time' if rate == 1 else f'at {rate:g} x real time'
    table = Table(title=f'Messages, played {speed}', title_justify='left')
    table.add_column('topic')
    for name in ('published', 'recorded', 'a second'):
        table.add_column(name, justify='right')
    for topic, counts in summary['topics'].items():
        table.add_row(
            topic, str(counts['published']), str(counts['recorded']), number(counts['rate_hz'])
        )
    frames = max(summary['frames_in_take'].values())
    table.caption = f'The videos have {frames} frames each.'
    return table


def _delays(summary: dict[str, Any]) -> Table:
    table = Table(title='Delay of each stage', title_justify='left')
    table.add_column('stage')
    table.add_column('median', justify='right')
    table.add_column('p95', justify='right')
    for stage, delay in summary['delays_ms'].items():
        table.add_row(stage, number(delay['median'], 1, ' ms'), number(delay['p95'], 1, ' ms'))
    return table


def _truth(summary: dict[str, Any]) -> Table:
    table = Table(title='Against the simulation (not a person)', title_justify='left')
    errors, scores = (
        summary['landmark_error_against_simulation'],
        summary['estimate_against_simulation'],
    )
    sides = list(dict.fromkeys([*errors, *scores]))
    table.add_column('')
    for side in sides:
        table.add_column(f'{side} hand', justify='right')
    table.add_row(
        'usable estimates', *(_usable(summary['estimate_status'][side]) for side in sides)
    )
    table.add_row('landmarks, median / p90', *(_error(errors.get(side)) for side in sides))
    for muscle in next(iter(scores.values()), {}).get('correlation', {}):
        table.add_row(muscle, *(_score(scores.get(side), muscle) for side in sides))
    return table


def _usable(shares: dict[str, float]) -> str:
    return percent(sum(shares.get(name, 0.0) for name in ('OK', 'DEGRADED')))


def _error(error: dict[str, float] | None) -> str:
    if error is None:
        return '–'
    return f'{number(error["median_mm"])} / {number(error["p90_mm"], 1, " mm")}'


def _score(score: dict[str, Any] | None, muscle: str) -> str:
    if score is None:
        return '–'
    r, rmse = score['correlation'][muscle], score['rmse'][muscle]
    return f'r {number(r, 2)}, RMSE {number(rmse, 3)}'
