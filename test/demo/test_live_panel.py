import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from pianokpm_ros.anatomy import MUSCLES, Side, Status
from pianokpm_ros.commands.graph_line import GraphLine, describe_graph_state
from pianokpm_ros.commands.live_panel import BAR_WIDTH, LivePanel, draw_bar
from pianokpm_ros.offline.pace import HEADROOM, SLOWEST, choose_rate
from pianokpm_ros.view.live_state import PlaybackClock, Snapshot

from ..messages.examples import make_activity

T0 = 1_700_000_000_000_000_000


def make_snapshot(rng, **changes):
    made = replace(
        make_activity(rng, 4),
        activation=np.array([0.05, 0.1, 0.15, 0.2, 0.25, np.nan], np.float32),
        deviation=np.full(6, 0.03, np.float32),
        confidence=0.8,
    )
    fields = {
        'now': T0 + 4_000_000_000,
        'clock': PlaybackClock(T0, 0.5),
        'ended': None,
        'counts': {'keys': 12},
        'rates': {'keys': 99.6},
        'newest': {Side.LEFT: made},
        'delay': 0.0723,
        'faults': {'triangulation_node': 'no view yet of top'},
    }
    return Snapshot(**{**fields, **changes})


def render(shown, width=120):
    console = Console(width=width, record=True, file=open('/dev/null', 'w'))
    console.print(LivePanel('etude', 12.0, 0.5).render(shown))
    return console.export_text()


@pytest.mark.parametrize(
    ('value', 'eighths'), [(0.0, 0), (0.5, 4 * BAR_WIDTH), (9.0, 8 * BAR_WIDTH)]
)
def test_bars_are_as_long_as_the_value(value, eighths):
    bar = draw_bar(value, 1.0)
    assert len(bar) == BAR_WIDTH and bar.count('█') == eighths // 8


def test_bars_tell_eighths_of_a_cell_apart():
    steps = np.linspace(0, 1, 8 * BAR_WIDTH + 1)
    assert len({draw_bar(v, 1.0) for v in steps}) == len(steps)


def test_the_panel_says_where_it_is_what_it_is_and_what_is_wrong(rng):
    text = render(make_snapshot(rng))
    assert '2.0 of 12.0 s of the take, played at 0.5 x real time' in text
    for words in (
        *MUSCLES,
        'left hand',
        '0.15 ± 0.03',
        'OK  confidence 0.80',
        '72 ms',
        'keys 100 Hz',
    ):
        assert words in text
    assert 'model trained on simulated EMG' in text
    assert 'triangulation_node: no view yet of top' in text
    assert 'no estimate yet' in text  # of the right hand


def test_an_unknown_muscle_is_a_dash_not_an_empty_bar_that_reads_as_rest(rng):
    (line,) = [row for row in render(make_snapshot(rng)).splitlines() if '4DI' in row]
    assert '–' in line and '±' not in line.split('│')[1]


def test_a_line_for_a_log_has_the_same_facts(rng):
    line = LivePanel('etude', 12.0, 0.5).line(make_snapshot(rng))
    assert '\n' not in line and line.startswith('  2.0 of 12.0 s')
    for words in ('left OK: ADM 0.05', '4DI –', 'right: no estimate yet', 'keys 100', '72 ms'):
        assert words in line


def test_bars_share_a_scale_that_never_shrinks(rng):
    panel = LivePanel('etude', 12.0, 0.5)
    low = make_snapshot(rng)
    high = make_snapshot(rng)
    high.newest[Side.LEFT].activation[0] = 0.7
    scales = []
    for shown in (low, high, low):
        panel.render(shown)
        scales.append(panel._full_scale)
    assert scales == [0.4, 0.8, 0.8]


def test_everything_unknown_is_shown_without_an_error(rng):
    made = replace(
        make_activity(rng, 0),
        status=Status.INVALID,
        activation=np.full(6, np.nan, np.float32),
        deviation=np.full(6, np.nan, np.float32),
    )
    shown = make_snapshot(rng, newest={Side.LEFT: made}, clock=None, delay=float('nan'))
    assert 'INVALID' in render(shown) and 'getting ready' in render(shown)
    assert 'delay –' in LivePanel('etude', 12.0, 0.5).line(shown)


def test_playback_slows_down_rather_than_dropping_frames():
    assert choose_rate(60 / HEADROOM, 60) == 1.0
    assert choose_rate(1000, 60) == 1.0
    slow = choose_rate(20, 60)
    # At most what is measured, less the headroom, rounded down to whole parts of 1/20.
    assert HEADROOM * 20 / 60 - 0.05 < slow <= HEADROOM * 20 / 60
    assert choose_rate(0.1, 60) == SLOWEST


def test_one_line_tells_how_a_graph_is_doing(rng):
    made = make_snapshot(rng, rates={'top/hands': 29.8}, clock=None)
    words = describe_graph_state(made, ['top', 'left'])
    assert words.startswith('top 30 Hz, left 0 Hz | left hand OK, confidence 0.80 | right')
    assert 'right hand: no estimate yet | 72 ms from frame to estimate' in words
    assert words.endswith('triangulation_node: no view yet of top')


def test_a_log_gets_the_line_when_a_node_complains_and_rarely_otherwise(rng):
    output = io.StringIO()
    with GraphLine(['top'], Console(file=output)) as line:
        line.show(make_snapshot(rng, counts={}, faults={}))
        assert not output.getvalue()
        for faults in (
            {},
            {},
            {'capture_node': 'top is lost'},
            {'capture_node': 'top is lost'},
            {},
        ):
            line.show(make_snapshot(rng, faults=faults))
    lines = output.getvalue().splitlines()
    assert ['top is lost' in shown for shown in lines] == [False, True, False]


@pytest.mark.parametrize('fault', ['topic [/imu/data] is stale', 'found [top, left]'])
def test_brackets_in_what_a_node_complains_about_are_shown_on_a_terminal(rng, fault):
    terminal = Console(file=io.StringIO(), force_terminal=True, width=400)
    with GraphLine(['top'], terminal) as line:
        line.show(make_snapshot(rng, faults={'imu_node': fault}))
    assert fault in terminal.file.getvalue()
