"""Print what the demo found and where to look."""

import shlex
from typing import Any

from rich.console import Console
from rich.table import Table

from pianokpm_ros.commands.summary_text import compare_with_simulation, number

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
    console.print(compare_with_simulation(summary, summary['estimate_status']))
    console.print(
        'Measured: rates, delays, counts and the error of the landmarks, on this machine. Simulated: the '
        'video, the hand in it, the keys, and the EMG that estimates are compared with; the model learned '
        'from simulated EMG. Nothing here was measured on a person.'
    )
    console.print(f'\nLook at, in {folder}:', style='bold', soft_wrap=True)
    for name in summary['files']:
        console.print(f'  {name:<14} {WORDS.get(name, "")}')
    typed = shlex.quote(str(folder))
    console.print('\nIn three dimensions in a browser, the same live, on paper:')
    for words in (f'view {typed}', 'demo --view', f'report {typed}'):
        console.print(f'  pianokpm {words}', soft_wrap=True)


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
