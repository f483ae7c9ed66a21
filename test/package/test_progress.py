"""Progress of long commands where no terminal is: lines of a log."""

import io

from rich.console import Console

from pianokpm_ros.commands.progress import show_progress


def test_a_log_gets_a_line_where_a_stage_begins_and_ends():
    page = io.StringIO()
    with show_progress(Console(file=page, width=200), {'see': 'looking'}) as report:
        for done in range(4):
            report('see', done, 3, 'at all')
        report('fit', 1, None)
    lines = page.getvalue().splitlines()
    assert lines[0] == 'looking: 0 of 3, at all'
    assert lines[1:] == ['looking: 3 of 3, 0 s left, at all', 'fit: 1']


def test_a_unit_is_named():
    page = io.StringIO()
    with show_progress(Console(file=page, width=200), {}, 'takes') as report:
        report('score', 2, 5)
    assert page.getvalue() == 'score: 2 of 5 takes\n'


def test_a_terminal_gets_bars_with_the_word():
    page = io.StringIO()
    with show_progress(Console(file=page, width=200, force_terminal=True)) as report:
        report('see', 1, 2, 'half of it')
    assert 'see' in page.getvalue() and 'half of it' in page.getvalue()
